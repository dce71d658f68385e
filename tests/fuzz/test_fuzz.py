"""The decoders under a coverage-guided fuzzer, a few seconds each (`task fuzz` runs longer), and the inputs that were found."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SECONDS = 60 // len(TARGETS)
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
    ("head", b"0:\xff\n1:\0\n4:x\n5:99999999999999999999"),
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
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found(name: str) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed on this platform: the decoders were NOT fuzzed")
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--seconds", str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
