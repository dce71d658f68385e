"""`tidegate check` as people and CI systems see it: four formats, exit codes, one contract of many."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.sdk.check.conftest import Shop

from tidegate.cli.main import main


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """shop.orders is broken in line 3 and has a warning in line 4; shop.items is fine."""
    made = Shop(tmp_path / "a:b,c")
    made.contract()
    made.schema({"name": "count", "type": "int"})
    made.release()
    made.contract(inputs="pinned", compatibility="BACKWARD")
    made.schema({"name": "count", "type": "string"}, {"name": "note", "type": "string", "default": "", "doc": ""})
    made.contract(topic="shop.items", file="item")
    made.schema({"name": "n", "type": "int"}, file="item", name="Item")
    return made


def run(shop: Shop, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["check", "--contracts", str(shop.folder), *arguments])
    out, err = capsys.readouterr()
    return code, out, err


BREAK = "count: reader type: STRING not compatible with writer type: INT: consumers of this schema cannot read events of version 1"


def test_text(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(shop, capsys)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"{shop.folder}/avro/order.avsc:3:41: [backward/TYPE_MISMATCH] {BREAK}",
        "    hint: give the field a default, keep the old name or type, or publish to a new topic",
        f'{shop.folder}/avro/order.avsc:4:1: [lint/doc] warning: "note" has no doc',
        "    hint: say what the field means: the topic's page and the generated models show it",
        "2 contracts: 1 error, 1 warning",
    ]


def test_json(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(shop, capsys, "--format", "json")
    told = json.loads(out)
    assert (code, told["broken"], told["contracts"]) == (1, True, ["shop.items", "shop.orders"])
    first, second = told["findings"]
    assert first == {
        "path": f"{shop.folder}/avro/order.avsc",
        "line": 3,
        "column": 41,
        "rule": "backward/TYPE_MISMATCH",
        "severity": "error",
        "topic": "shop.orders",
        "message": BREAK,
        "hint": "give the field a default, keep the old name or type, or publish to a new topic",
    }
    assert second["severity"] == "warning"


def test_github(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(shop, capsys, "--format", "github")
    error, warning, summary = out.splitlines()
    path = f"{shop.folder}/avro/order.avsc".replace(":", "%3A").replace(",", "%2C")
    assert error.startswith(
        f"::error file={path},line=3,col=41,title=backward/TYPE_MISMATCH::[backward/TYPE_MISMATCH] count:"
    )
    assert "%0Ahint: give the field a default" in error
    assert warning.startswith(f"::warning file={path},line=4,col=1,title=lint/doc::")
    assert summary == "2 contracts: 1 error, 1 warning"


def test_junit(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(shop, capsys, "--format", "junit")
    (suite,) = ET.fromstring(out)  # noqa: S314 -- our own output
    assert suite.attrib == {"name": "tidegate check", "tests": "2", "failures": "1", "errors": "0"}
    items, orders = suite
    assert (items.get("name"), list(items)) == ("shop.items", [])
    failure, warnings = orders
    assert failure.get("message") == BREAK
    assert "order.avsc:3:41: [backward/TYPE_MISMATCH]" in (failure.text or "")
    assert "[lint/doc]" in (warnings.text or "")


def test_one_contract_of_many(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, capsys, "shop.items") == (0, "1 contract: nothing wrong\n", "")
    assert run(shop, capsys, "shop.orders", "shop.items")[0] == 1


def test_warnings_alone_are_0(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.contract(inputs="pinned", compatibility="NONE")
    code, out, _ = run(shop, capsys)
    assert (code, out.splitlines()[-1]) == (0, "2 contracts: 0 errors, 1 warning")


CANNOT = {
    "another topic": (
        ["shop.order"],
        'tidegate: there is no contract "shop.order"\n    hint: did you mean "shop.orders"?\n',
    ),
    "no git": (
        ["--against", "main"],
        "is not inside a git repository\n    hint: run it in a clone, or leave --against out\n",
    ),
}


@pytest.mark.parametrize("name", CANNOT)
def test_what_could_not_run_is_2_with_a_hint(shop: Shop, capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments, said = CANNOT[name]
    code, out, err = run(shop, capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.endswith(said)


def test_no_folder_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--contracts", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"tidegate: {tmp_path} holds no contracts/\n    hint: --contracts names the schemas folder\n"
    )


def test_names_of_a_schema_cannot_write_lines_of_their_own(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    path = shop.folder / "avro/item.avsc"
    path.write_text('{"type": "record", "name": "Item\\n::error::x", "fields": []}')
    for output in ("text", "github", "junit"):
        _, out, _ = run(shop, capsys, "shop.items", "--format", output)
        assert not any(line.startswith("::error::x") for line in out.splitlines())


def test_many_contracts_are_judged_by_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same findings in the same order, whoever judges."""
    made = Shop(tmp_path)
    for number in range(70):
        made.contract(topic=f"shop.t{number:02}", file=f"t{number:02}")
        made.schema({"name": "n", "type": "long"}, file=f"t{number:02}", name="T")
    code, out, _ = run(made, capsys, "--format", "json")
    told = json.loads(out)["findings"]
    assert code == 0
    assert [row["topic"] for row in told] == [f"shop.t{number:02}" for number in range(70)]
    assert {row["rule"] for row in told} == {"registry/long"}


def test_as_a_command_of_its_own(shop: Shop) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tidegate.cli.main", "check", "shop.items"],
        cwd=shop.root, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 contract: nothing wrong\n", "")


def test_a_file_name_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Git holds any bytes; a released golden record of such a name that is gone can still be told."""
    made = Shop(tmp_path / "repo")
    made.contract()
    made.schema({"name": "count", "type": "int"})
    made.release()
    golden = made.folder / "released/shop.orders/1/golden"
    golden.mkdir()
    odd = golden / "a\udcff\n::error::x.json"
    odd.write_text('{"id": "a", "count": 1}')
    made.commit()
    odd.unlink()
    for output in ("text", "json", "github", "junit"):
        code, out, err = run(made, capsys, "--against", "main", "--format", output)
        assert (code, err) == (1, "")
        assert "released/removed" in out
        assert not any(line.startswith("::error::x") for line in out.splitlines())
