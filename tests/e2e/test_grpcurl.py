"""grpcurl itself on the lines of README's tour, and what it prints of a refusal: built from its pinned module where Go is."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.e2e.clients.toolchains import built_in_time, fetched, needs
from tests.e2e.processes import dev_process
from tests.e2e.test_tour import BLOCKS

MODULE = Path(__file__).parent / "clients" / "grpcurl"
COMMAND = "github.com/fullstorydev/grpcurl/cmd/grpcurl"
BUILD_S = 90.0


@pytest.fixture(scope="module")
def grpcurl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds it: an installed one, or one that is built now."""
    installed = shutil.which("grpcurl")
    if installed is not None:
        return Path(installed).parent
    go = needs("go")
    folder = tmp_path_factory.mktemp("grpcurl")
    shutil.copytree(MODULE, folder, dirs_exist_ok=True)
    fetched([go, "mod", "download"], folder, "grpcurl's module")
    built_in_time([go, "build", "-trimpath", "-o", f"{folder}/bin/grpcurl", COMMAND], folder, BUILD_S)
    return folder / "bin"


def test_the_tours_lines_and_a_refusal(grpcurl: Path, tmp_path: Path) -> None:
    lines = [(place, text) for place, (kind, text) in enumerate(BLOCKS) if kind == "sh" and "grpcurl" in text]
    assert len(lines) == 2
    with dev_process(tmp_path) as dev:
        environ = {**os.environ, "PATH": f"{grpcurl}:{os.environ['PATH']}", "TOKEN": dev["token"]}

        def run(script: str) -> subprocess.CompletedProcess[str]:
            script = script.replace("127.0.0.1:8081", dev["grpc"])
            command = ["bash", "-c", script]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)

        for place, text in lines:
            kind, shown = BLOCKS[place + 1]
            done = run(text)
            assert done.returncode == 0, done.stderr
            seen = json.loads(done.stdout) if kind == "json" else done.stdout
            assert seen == (json.loads(shown) if kind == "json" else shown)
        refused = run(lines[1][1].replace('"boldness": 5', '"boldness": 11').replace("5b1e2c1e-", "no uuid "))
        assert refused.returncode != 0
        for part in ("Code: InvalidArgument", '"field": "orderId"', '"field": "coffees[0].boldness"', "INT32_GTE_LTE"):
            assert part in refused.stderr
