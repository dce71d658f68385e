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
    assert first.startswith(
        f"{folder}/contracts/shop.orders.yaml:1:1: [release/nothing-new] nothing that a release freezes has changed"
    )
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


DRAFT = "status is draft: `serve` does not serve it"


def test_what_a_release_does_not_promise_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "shop.orders", "--contracts", str(folder)]
    contract = folder / "contracts/shop.orders.yaml"
    contract.write_text("status: draft\n" + CONTRACT)
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == f"warning: {DRAFT}\n"
    assert out.startswith("released shop.orders version 1\n")
    (folder / "avro/order.avsc").write_text(SCHEMA.replace("}]}", '}, {"name": "n", "type": "int", "default": 0}]}'))
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [DRAFT]


def test_what_check_refuses_is_not_released(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "shop.orders", "--contracts", str(folder)]
    assert main(arguments) == 0
    capsys.readouterr()
    (folder / "avro/order.avsc").write_text(SCHEMA.replace("string", "int"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main([*arguments, "--json"]) == 1
    out, err = capsys.readouterr()
    rules = {row["rule"] for row in json.loads(out)["refused"]}
    assert rules == {"backward/TYPE_MISMATCH", "forward/TYPE_MISMATCH", "producer/type-narrowed", "producer/golden"}
    assert f"{folder}/avro/order.avsc:1:71: [producer/type-narrowed]" in err
    assert err.endswith("tidegate: shop.orders was not released; nothing was changed\n")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_golden_records_are_added_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["release", "shop.orders", "--contracts", str(folder)]
    assert main(arguments) == 0
    golden = folder / "released/shop.orders/1/golden"
    assert sorted(path.name for path in golden.iterdir()) == [
        "maximal.bin",
        "maximal.json",
        "minimal.bin",
        "minimal.json",
    ]
    (golden / "minimal.json").write_text('{"id": "mine"}')
    for name in ("maximal.bin", "maximal.json"):
        (golden / name).unlink()
    capsys.readouterr()
    assert main([*arguments, "--golden"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"added {golden}/maximal.json",
        f"added {golden}/maximal.bin",
    ]
    assert (golden / "minimal.json").read_text() == '{"id": "mine"}'
    assert main([*arguments, "--golden"]) == 0
    assert capsys.readouterr().out == "every version of shop.orders has its golden records\n"


def test_what_could_not_run_is_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["release", "shop.orders", "--contracts", str(tmp_path)]) == 2
    assert "holds no contracts/" in capsys.readouterr().err
    for more in ([], ["--golden"], ["--json"]):
        assert main(["release", "shop.order", "--contracts", str(folder), *more]) == 2
        assert capsys.readouterr() == (
            "",
            'tidegate: there is no contract "shop.order"\n    hint: did you mean "shop.orders"?\n',
        )
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


@pytest.mark.parametrize("command", ["check", "release x"])
def test_without_the_extra_the_command_says_which(command: str) -> None:
    code = (
        f"import sys; sys.modules['yaml'] = None; from tidegate.cli.main import main; sys.exit(main({command.split()}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "tidegate: this command needs the extra tidegate[cli] (yaml is not installed)\n"
