"""README's tour, line by line as it stands, against a gateway that `dev` runs; only the ports and the program's folder differ.

grpcurl's lines are run by the one that is installed, else by a stand-in; `test_grpcurl` builds the real one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.processes import ROOT, dev_process

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|json|text)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
VOLATILE = {"partition", "offset"}


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[dict[str, str]]:
    with dev_process(tmp_path) as facts:
        yield facts


NO_CURL = shutil.which("curl") is None and os.environ.get("CI") != "true"  # in CI a missing curl fails the tour


@pytest.mark.skipif(NO_CURL, reason="the tour is made of curl lines")
def test_the_tour(dev: dict[str, str], tmp_path: Path) -> None:
    assert len([kind for kind, _ in BLOCKS if kind == "sh"]) >= 7
    programs = str(Path(sys.executable).parent)
    stand_in = tmp_path / "grpcurl"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("grpcurl.py")}" "$@"\n')
    stand_in.chmod(0o755)
    path = f"{os.environ['PATH']}:{tmp_path}"
    environ = {**os.environ, "PATH": path, "XDG_STATE_HOME": str(tmp_path / "state")}
    output = ""
    token = ""
    for kind, text in BLOCKS:
        if kind == "sh":
            script = (
                text.replace("127.0.0.1:8080", dev["http"])
                .replace("127.0.0.1:8081", dev["grpc"])
                .replace("127.0.0.1:9090", dev["admin"])
                .replace(".venv/bin", programs)
            )
            script = f"set -eo pipefail\n{script}\necho; echo TOKEN=$TOKEN"
            ran = subprocess.run(
                ["bash", "-c", script],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                env={**environ, "TOKEN": token},
                cwd=ROOT,
            )
            assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
            output, _, token = ran.stdout.rpartition("\nTOKEN=")
            token = token.strip()
            assert token, "the first block takes a token"
            assert '"code"' not in output or "contract_violation" in output, output
        elif kind == "json":
            seen, shown = json.loads(output), json.loads(text)
            assert {k: v for k, v in seen.items() if k not in VOLATILE} == {
                k: v for k, v in shown.items() if k not in VOLATILE
            }
        else:
            assert output.strip() == text.strip()
