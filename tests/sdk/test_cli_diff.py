"""`tidegate diff` as its users run it; the words themselves are tested with `contracts.changes`."""

import shutil
from pathlib import Path

import pytest

from tidegate.cli.main import main

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def test_two_versions_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "customer.orders", "1", "2", "--contracts", str(SCHEMAS)]) == 0
    assert capsys.readouterr().out == (
        "customer.orders: from version 1 to version 2\n- `attributes` is new: map of string, optional, default `{}`.\n"
    )
    assert main(["diff", "customer.orders", "2", "1", "--contracts", str(SCHEMAS)]) == 0
    assert "`attributes` is gone." in capsys.readouterr().out


def test_the_schema_being_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    item = folder / "avro/coffeeco/customer/item.avsc"
    item.write_text(item.read_text().replace('"maximum": 10,', '"maximum": 12,').replace("How many bags.", "Bags."))
    assert main(["diff", "customer.orders", "2", "work", "--contracts", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "customer.orders: from version 2 to the schema being edited",
        "- `items.boldness` has another rule: int, 1 to 12; was int, 1 to 10.",
        "- `items.quantity` has another description: Bags.",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["customer.orders", "1", "9"], "customer.orders has no version 9\n    hint: there are: 1, 2, and work\n"),
        (
            ["customer.orders", "wrok", "1"],
            "customer.orders has no version wrok\n    hint: there are: 1, 2, and work\n",
        ),
        (
            ["customer.order", "1", "2"],
            'there is no contract "customer.order"\n    hint: did you mean "customer.orders"?\n',
        ),
        (["schemas/contracts/customer.orders.yaml", "1", "2"], 'hint: did you mean "customer.orders"?\n'),
        (["x", "1", "2"], 'there is no contract "x"\n    hint: known: customer.'),
    ],
)
def test_what_is_not_there_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments, "--contracts", str(SCHEMAS)]) == 2
    assert said in capsys.readouterr().err


def test_before_the_first_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    capsys.readouterr()
    assert main(["diff", "shop.orders", "1", "work", "--contracts", str(tmp_path / "new/schemas")]) == 2
    assert capsys.readouterr().err == (
        "tidegate: shop.orders has no version 1\n    hint: none is released yet; `work` is the schema being edited\n"
    )


def test_a_broken_contract_or_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    contract = folder / "contracts/customer.orders.yaml"
    sound = contract.read_text()
    contract.write_text(sound.replace("property: key", "property: kye"))
    assert main(["diff", "customer.orders", "1", "2", "--contracts", str(folder)]) == 1
    assert 'did you mean "key"?' in capsys.readouterr().err
    contract.write_text(sound)
    item = folder / "avro/coffeeco/customer/item.avsc"
    item.write_text(item.read_text().replace('"maximum": 10,', '"maximum": "ten",'))
    assert main(["diff", "customer.orders", "2", "work", "--contracts", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("tidegate: the schema being edited of customer.orders cannot be compiled: ")


def test_no_schemas_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["diff", "a", "1", "2", "--contracts", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"tidegate: {tmp_path} holds no contracts/\n    hint: --contracts names the schemas folder\n"
    )
    monkeypatch.chdir(SCHEMAS)
    assert main(["diff", "a", "1", "2"]) == 2
    assert capsys.readouterr().err.endswith("hint: --contracts names the schemas folder (here it is `--contracts .`)\n")
