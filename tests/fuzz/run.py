"""Fuzzes decoders, guided by coverage: `python -m tests.fuzz.run TARGET... --seconds N`. Exit 0: nothing was found.

Of several targets the first byte of an input says which it is for. A finding (an exception, or an input that takes over a
second of CPU) ends the run with its traceback, the target's name and the input as base64. At the end stands how many inputs each target saw.
"""

import argparse
import base64
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import atheris

__all__ = ["main"]

_SLOW_S = 1.0
_MOST_BYTES = 4096


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="+")
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    with atheris.instrument_imports(include=["tidegate", "tidegate_gateway"]):
        from tests.fuzz.targets import TARGETS  # instrumented while it is imported
    for name in given.target:
        if name not in TARGETS:
            parser.error(f"{name} is none of {', '.join(TARGETS)}")
    targets = [(name, TARGETS[name]) for name in given.target]
    for _, target in targets:
        for seed in target.seeds:  # the first call of a library is slow, and no finding
            target.run(seed)
    runs = Counter(dict.fromkeys(given.target, 0))
    corpus = tempfile.TemporaryDirectory()
    for index, (name, target) in enumerate(targets):
        for number, seed in enumerate(target.seeds):
            (Path(corpus.name) / f"{name}-{number}").write_bytes(bytes((index,)) + seed)
    ends = time.monotonic() + given.seconds

    def one(data: bytes) -> None:
        name, target = targets[data[0] % len(targets) if data else 0]
        body = data[1:]
        runs[name] += 1
        began = time.thread_time()  # a busy machine is no finding
        try:
            target.run(body)
            took_s = time.thread_time() - began
            assert took_s < _SLOW_S, f"took {took_s:.1f} s"
        except BaseException:
            print(f"FOUND {name}: {base64.b64encode(body).decode()}", file=sys.stderr, flush=True)
            raise
        if time.monotonic() > ends:  # libFuzzer would end the process without another word
            print("runs:", *(f"{name} {count:,}" for name, count in runs.items()), flush=True)
            corpus.cleanup()
            os._exit(0)

    options = [
        f"-max_len={_MOST_BYTES}", "-timeout=30", "-rss_limit_mb=1024",
        "-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={corpus.name}/",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, corpus.name], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
