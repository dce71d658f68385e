"""`tidegate codegen` on a thousand contracts, as it is run: seconds, CPU, memory.

`python -m tests.bench.codegen [--contracts 1000] [--versions 1]`. The contracts are those of `tests.bench.check`: 20 fields each, a
third of them Protobuf with protovalidate rules.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.check import generate

ROUNDS = 3


def measured(folder: Path, out: Path, style: str) -> tuple[float, float]:
    """The best wall time of three runs, and the CPU of that run, in seconds. Each writes every file."""
    command = [sys.executable, "-m", "tidegate.cli.main", "codegen", "--contracts", str(folder), "--style", style]
    best = (float("inf"), 0.0)
    for number in range(ROUNDS):
        before, began = os.times(), time.perf_counter()
        done = subprocess.run(
            [*command, "--out", str(out / f"{style}{number}")], capture_output=True, text=True, check=False
        )
        took, after = time.perf_counter() - began, os.times()
        if done.returncode:
            raise SystemExit(done.stdout[:2000] + done.stderr)
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        best = min(best, (took, cpu))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "schemas")
        generate(folder, options.contracts, options.versions)
        for style in ("dataclass", "msgspec", "pydantic"):
            took, cpu = measured(folder, Path(scratch), style)
            print(
                f"{options.contracts} contracts of {options.versions} versions, {style}: {took:.1f} s, {cpu:.1f} s CPU"
            )
        print(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
