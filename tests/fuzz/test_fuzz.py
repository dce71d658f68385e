"""The decoders under a coverage-guided fuzzer, a few seconds each (`task fuzz` runs longer), and the inputs that were found."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SECONDS = 6
FOUND: list[tuple[str, bytes]] = [
    ("avro-binary", b""),
    ("avro-binary", b"\x02" * 1000),
    ("avro-framed", b"\0\0\0\0\7" + b"\xff" * 1000),
    ("avro-container", b"Obj\x01" + b"\xff" * 40),
    ("gzip", b"\x1f\x8b"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("ndjson", b"\xff\n{\n[[]\n"),
    ("json-batch", b'{"events":[' + b"[" * 3000),
    ("ndjson", b'{"value":{"a":"\x90"},"time":"12:0","key":"a"}'),
    ("ndjson", b'{"value":{"a":"\x01"},"time":"12:0","key":"a"}'),
    ("json-batch", b'{"events":[{"key":"k","value":"\xe1","headers":{"h":"12:00"}}]}'),
    ("json-batch", b'{"events":[{"value":1,"headers":{"a":1,"b":"\xff"}}]}'),
    ("protobuf-framed", b"\0\0\0\0\6\0:\x0c\x0a\x03key\x0a\5\x8a\x96lue"),
    ("head", b"0:\xff\n1:\0\n4:x\n5:99999999999999999999"),
    ("http2", b"\3" + b"\0\0\0\1\4\0\0\0\1" * 400),
    ("grpc-head", b"\0\7\x20\x20\x20\x83\x86\x84"),
    ("grpc-message", b"\2\1\xff\xff\xff\xff"),
]
"""Inputs kept for good: what a fuzzer found, and what one would look for first."""


@pytest.mark.parametrize(("name", "body"), FOUND)
def test_found_before(name: str, body: bytes) -> None:
    TARGETS[name].run(body)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_taken(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@pytest.mark.slow
def test_nothing_is_found_in_a_few_seconds() -> None:
    """Every target, in two processes at once, since most of a short run is the start."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed on this platform: the decoders were NOT fuzzed")
    names = list(TARGETS)
    with ExitStack() as stack:
        running = [stack.enter_context(fuzzing(*names[half::2])) for half in range(2)]
        for process in running:
            told, wrong = process.communicate(timeout=120)
            assert process.returncode == 0, wrong[-4000:]
            runs = dict(re.findall(r"(\S+) ([\d,]+)", told.partition("runs:")[2]))
            assert len(runs) >= len(names) // 2
            assert "0" not in runs.values(), runs


@contextmanager
def fuzzing(*names: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fuzz.run", *names, "--seconds", str(SECONDS)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
