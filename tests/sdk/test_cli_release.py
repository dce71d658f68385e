"""`tidegate release` as people and scripts see it: lines, JSON, exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.cli.main import main

CONTRACT = """\
schema:
  - physicalName: shop.orders
    authoritativeDefinitions: [{type: avro, url: avro/order.avsc}]
"""
SCHEMA = '{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    schemas = tmp_path / "schemas"
    (schemas / "contracts").mkdir(parents=True)
    (schemas / "avro").mkdir()
    (schemas / "contracts/shop.orders.yaml").write_text(CONTRACT)
    (schemas / "avro/order.avsc").write_text(SCHEMA)
    return schemas


def test_lines_and_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "shop.orders", "--contracts", str(folder)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[:2] == ["released shop.orders version 1", "  schema id    1 (new)"]
    assert lines[3] == f"  frozen in    {folder}/released/shop.orders/1"
    assert err == ""
    assert main(["release", "shop.orders", "--contracts", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, last = err.splitlines()
    assert first.startswith(f"{folder}/contracts/shop.orders.yaml:1:1: nothing that a release freezes has changed")
    assert last == "tidegate: shop.orders was not released; nothing was changed"


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "shop.orders", "--contracts", str(folder), "--json"]
    assert main(arguments) == 0
    made = json.loads(capsys.readouterr().out)
    assert made == {
        "topic": "shop.orders",
        "version": 1,
        "schemaId": 1,
        "newId": True,
        "fingerprint": made["fingerprint"],
        "folder": f"{folder}/released/shop.orders/1",
        "warnings": [],
    }
    assert main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["topic"] == "shop.orders"
    (row,) = told["refused"]
    assert (row["file"], row["line"], row["column"]) == (f"{folder}/contracts/shop.orders.yaml", 1, 1)


NOT_CHECKED = "not checked: compatibility {} with version {} (this build has no compatibility check yet)"
DRAFT = "status is draft: `serve` does not serve it"


def test_what_a_release_does_not_promise_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "shop.orders", "--contracts", str(folder)]
    contract = folder / "contracts/shop.orders.yaml"
    schema = folder / "avro/order.avsc"
    contract.write_text("status: draft\n" + CONTRACT)
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == f"warning: {DRAFT}\n"
    assert out.startswith("released shop.orders version 1\n")
    schema.write_text(SCHEMA.replace("string", "int"))
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    wanted = [NOT_CHECKED.format("FULL_TRANSITIVE", 1), DRAFT]
    assert json.loads(out)["warnings"] == wanted
    assert err == "".join(f"warning: {warning}\n" for warning in wanted)
    options = "    customProperties: [{property: compatibility, value: %s}]\n"
    contract.write_text(CONTRACT + options % "BACKWARD")
    schema.write_text(SCHEMA.replace("string", "long"))
    assert main(arguments) == 0
    assert capsys.readouterr().err == f"warning: {NOT_CHECKED.format('BACKWARD', 2)}\n"
    contract.write_text(CONTRACT + options % "NONE")
    schema.write_text(SCHEMA.replace("string", "bytes"))
    assert main(arguments) == 0
    assert capsys.readouterr().err == "", "nothing was promised"


def test_what_could_not_run_is_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["release", "shop.orders", "--contracts", str(tmp_path)]) == 2
    assert "holds no contracts/" in capsys.readouterr().err
    for arguments in ([], ["release"], ["relaese", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    monkeypatch.setattr(shutil, "rmtree", lambda *_args, **_kwargs: None)

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    assert main(["release", "shop.orders", "--contracts", str(folder)]) == 2
    assert "tidegate: the release could not be written: [Errno 28] No space left on device" in capsys.readouterr().err


def test_the_default_folder_is_schemas_below_the_working_folder(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate.cli.main", "release", "shop.orders"],
        cwd=folder.parent, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "frozen in    schemas/released/shop.orders/1" in done.stdout


def test_without_the_extra_the_command_says_which(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [n for n in sys.modules if n.startswith(("tidegate.cli.release", "tidegate.repository"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["release", "shop.orders", "--contracts", str(folder)]) == 2
    assert "needs the extra tidegate[cli] (yaml is not installed)" in capsys.readouterr().err
