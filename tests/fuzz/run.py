"""Fuzzes one decoder, guided by coverage: `python -m tests.fuzz.run TARGET --seconds N`. Exit 0: nothing was found.

A finding (an exception, or an input that takes over a second) ends the run with its traceback and the input as base64.
"""

import argparse
import base64
import sys
import tempfile
import time
from pathlib import Path

import atheris

__all__ = ["main"]

_SLOW_S = 1.0
_MOST_BYTES = 4096


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    with atheris.instrument_imports(include=["tidegate", "tidegate_gateway"]):
        from tests.fuzz.targets import TARGETS  # instrumented while it is imported
    if given.target not in TARGETS:
        parser.error(f"{given.target} is none of {', '.join(TARGETS)}")
    target = TARGETS[given.target]
    for seed in target.seeds:  # the first call of a library is slow, and no finding
        target.run(seed)

    def one(data: bytes) -> None:
        began = time.perf_counter()
        try:
            target.run(data)
            took_s = time.perf_counter() - began
            assert took_s < _SLOW_S, f"took {took_s:.1f} s"
        except BaseException:
            print(f"FOUND {given.target}: {base64.b64encode(data).decode()}", file=sys.stderr, flush=True)
            raise

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        for number, seed in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={given.seconds}", f"-max_len={_MOST_BYTES}", "-timeout=5", "-rss_limit_mb=1024",
            "-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={folder}/",
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options, folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
