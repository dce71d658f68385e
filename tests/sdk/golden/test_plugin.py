"""The plugin as its users meet it: pytest in their repository, nothing else written."""

import tomllib
from pathlib import Path

from tests.sdk.golden.conftest import TOPIC, Golden, run_pytest

ROOT = Path(__file__).resolve().parents[3]
ID = {"name": "id", "type": "string"}


def test_one_test_for_each_version_and_each_that_reads_it(golden: Golden) -> None:
    golden.released(ID)
    golden.released(ID, {"name": "note", "type": ["null", "string"], "default": None})
    golden.schema(ID, {"name": "more", "type": "int", "default": 1})
    done = golden.pytest("--collect-only", "-q")
    rows = [line for line in done.stdout.splitlines() if "::" in line]
    base = f"schemas/released/{TOPIC}"
    assert sorted(rows) == sorted(
        f"{base}/{version}/golden/{name}.json::read by {reader}"
        for version, readers in (
            (1, ("version 1", "version 2", "the schema being edited")),
            (2, ("version 2", "the schema being edited")),
        )
        for name in ("minimal", "maximal")
        for reader in readers
    )
    assert "10 passed" in golden.pytest("-q").stdout


def test_a_failure_prints_the_field_and_the_change_that_caused_it(golden: Golden) -> None:
    money = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    golden.released(ID, {"name": "total", "type": money, "example": "12.50"})
    golden.record(1, "paid", {"id": "a", "total": "12.50"})
    golden.schema(ID, {"name": "total", "type": {**money, "scale": 3}})
    done = golden.pytest("-q", "-k", "paid")
    assert done.returncode == 1
    assert (
        f"released/{TOPIC}/1/golden/paid.json, read by the schema being edited:\n"
        "  total: 12.50 was written, 1.250 is read\n"
        "what changed between the two versions:\n"
        "  `total` has another type: decimal(9, 3), was decimal(9, 2)." in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_testpaths_of_the_user_keep_their_records(golden: Golden) -> None:
    golden.released(ID)
    (golden.root / "tests").mkdir()
    (golden.root / "tests/test_mine.py").write_text("def test_mine():\n    pass\n")
    (golden.root / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    assert "3 passed" in golden.pytest("-q").stdout, "the user's own and two records"
    assert "1 passed" in golden.pytest("-q", "tests").stdout, "what is asked for by name is all that runs"


def test_the_report_names_what_nothing_exercises(golden: Golden) -> None:
    kind = {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}
    golden.released(
        ID, {"name": "kind", "type": kind}, {"name": "note", "type": ["null", "string", "int"], "default": None}
    )
    for name in ("minimal", "maximal"):
        (golden.folder / f"released/{TOPIC}/1/golden/{name}.json").unlink()
    golden.record(1, "only", {"id": "a", "kind": "A"})
    said = golden.pytest("-q", "--golden-report").stdout
    assert [line for line in said.splitlines() if line.startswith("not exercised")] == [
        "not exercised: symbol kind: B",
        "not exercised: field note",
        "not exercised: branch note: string",
        "not exercised: branch note: int",
    ]


def test_update_writes_missing_bytes_and_never_those_of_a_release(golden: Golden) -> None:
    golden.released(ID)
    added = golden.record(1, "added", {"id": "b"})
    released = golden.folder / f"released/{TOPIC}/1/golden/minimal.bin"
    released.write_bytes(b"\x02z")
    golden.schema(ID, {"name": "note", "type": ["null", "string"], "default": None})
    unreleased = golden.record(2, "next", {"id": "c", "note": "x"})
    unreleased.with_suffix(".bin").write_bytes(b"old")
    assert "minimal.bin is not what its JSON stands for" in golden.pytest("-q", "--golden-update").stdout
    assert released.read_bytes() == b"\x02z", "a released record is never rewritten"
    assert added.with_suffix(".bin").read_bytes() == b"\x02b"
    assert unreleased.with_suffix(".bin").read_bytes() == b"\x02c\x02\x02x"


def test_a_broken_contract_fails_its_records_by_name(golden: Golden) -> None:
    golden.released(ID)
    (golden.folder / "avro/order.avsc").write_text('{"type": "record"')
    done = golden.pytest("-q")
    assert done.returncode == 1
    assert "avro/order.avsc:1:" in done.stdout


def test_coffeecos_records_pass() -> None:
    done = run_pytest(ROOT, "-q", "--no-header", "--rootdir", str(ROOT), "-c", "/dev/null", str(ROOT / "schemas"))
    assert done.returncode == 0, done.stdout
    assert "18 passed" in done.stdout


def test_the_plugin_is_found_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["entry-points"]["pytest11"]["tidegate_golden"] == "tidegate.golden.plugin"
