"""Other languages' tools, run by the tests: missing ones skip a test by name, packages come from the tool's own registry or cache."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["BUILD_S", "built_in_time", "fetched", "needs", "run"]

BUILD_S = 540.0
"""From a fresh cache, on a machine that does other things too."""


def needs(tool: str) -> str:
    """The tool's path, or the test is skipped."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"no {tool} here: what it would build is not tested")
    return path


def run(command: Sequence[str], folder: Path) -> None:
    """A command that must succeed."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"


def fetched(command: Sequence[str], folder: Path, what: str) -> None:
    """Packages; without a registry or a cache there is nothing to build of, and the test is skipped."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False)
    if ran.returncode != 0:
        pytest.skip(f"{what} could not be fetched: {ran.stderr.strip()[-300:]}")


def built_in_time(command: Sequence[str], folder: Path, seconds: float) -> None:
    """A build that is not worth waiting for: past `seconds` the test is skipped, and the next run finds what was done so far."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.skip(f"{command[-1]} was not built within {seconds:.0f} s; another run goes on from there")
    assert process.returncode == 0, errors
