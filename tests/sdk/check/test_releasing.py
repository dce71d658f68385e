"""A release, whole: golden records that the version accepts, a changelog, and nothing where check finds an error."""

import json
from datetime import date

import pytest
from tests.sdk.check.conftest import Shop

from tidegate.check.releasing import ReleaseBroken, release_checked
from tidegate.contracts.compiled import compile_version
from tidegate.contracts.verdict import Encoded
from tidegate.repository.broken import Problems
from tidegate.repository.golden import read_golden
from tidegate.repository.release import ReleaseRefused
from tidegate.repository.survey import survey

TODAY = date(2026, 11, 21)
COUNT = {"name": "count", "type": "int"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}


def test_golden_records_are_minimal_and_maximal_and_accepted(shop: Shop) -> None:
    tags = {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}
    shop.schema(COUNT, NOTE, tags)
    made = release_checked(shop.folder, "shop.orders", TODAY)
    assert made.version == 2
    problems = Problems("x")
    maximal, minimal = read_golden(shop.folder, "shop.orders", 2, problems)
    assert (maximal.name, minimal.name, bool(problems)) == ("maximal", "minimal", False)
    assert json.loads(minimal.json) == {"id": "id", "count": 1}
    assert set(json.loads(maximal.json)) == {"id", "count", "note", "tags"}
    assert json.loads(maximal.json)["note"] is not None
    (subject,) = survey(shop.folder).subjects
    version = compile_version("shop.orders", subject.versions[-1])
    for record in (maximal, minimal):
        verdict = version.check(record.json)
        assert isinstance(verdict, Encoded)
        assert verdict.value is not None
        assert verdict.value[5:] == record.payload, "the bytes without the frame"


def test_the_changelog_has_the_newest_version_on_top(shop: Shop) -> None:
    shop.schema(COUNT, NOTE)
    release_checked(shop.folder, "shop.orders", TODAY)
    shop.schema({**COUNT, "doc": "How many."}, NOTE, {"name": "extra", "type": "int", "default": 7, "maximum": 9})
    release_checked(shop.folder, "shop.orders", date(2026, 12, 1))
    assert (shop.folder / "released/shop.orders/CHANGELOG.md").read_text() == (
        "# Changes of shop.orders\n\nWritten by `tidegate release`, newest first.\n\n"
        "## Version 3, 2026-12-01\n\nSchema id 3.\n\n"
        "- `extra` is new: int, at most 9, optional, default `7`.\n"
        "- `count` has another description: How many.\n\n"
        "## Version 2, 2026-11-21\n\nSchema id 2.\n\n"
        "- `note` is new: null or string, optional, default `null`.\n"
    )
    assert shop.errors() == []


def test_warnings_about_producers_and_consumers_come_with_the_release(shop: Shop) -> None:
    path = shop.folder / "contracts/shop.orders.yaml"
    path.write_text(path.read_text().replace("property: key, value: id", "property: onInvalid, value: reject"))
    shop.schema(COUNT, {"name": "undocumented", "type": "int", "default": 0, "doc": ""})
    made = release_checked(shop.folder, "shop.orders", TODAY)
    assert made.warnings == ('[producer/key-moved] the key was "id" and is now none (since version 1)',)


def test_a_changelog_that_cannot_be_written_is_said_and_the_release_stands(shop: Shop) -> None:
    changelog = shop.folder / "released/shop.orders/CHANGELOG.md"
    changelog.write_bytes(b"\xff")
    shop.schema(COUNT, NOTE)
    made = release_checked(shop.folder, "shop.orders", TODAY)
    assert made.version == 2
    (warning,) = made.warnings
    assert warning.startswith("version 2 is released, but released/shop.orders/CHANGELOG.md could not be written")
    assert changelog.read_bytes() == b"\xff", "what people wrote is kept"


def test_what_check_calls_broken_is_not_released(shop: Shop) -> None:
    shop.schema({"name": "count", "type": "string"})
    before = sorted(path for path in shop.folder.rglob("*"))
    with pytest.raises(ReleaseBroken) as caught:
        release_checked(shop.folder, "shop.orders", TODAY)
    assert {finding.rule for finding in caught.value.findings} >= {"backward/TYPE_MISMATCH", "producer/type-narrowed"}
    assert sorted(path for path in shop.folder.rglob("*")) == before


def test_another_contract_that_is_broken_is_no_reason(shop: Shop) -> None:
    shop.contract(topic="shop.broken", file="missing")
    shop.schema(COUNT, NOTE)
    assert release_checked(shop.folder, "shop.orders", TODAY).version == 2


def test_a_break_against_the_reference_is_one(shop: Shop) -> None:
    shop.schema(COUNT, NOTE)
    shop.commit()
    shop.schema(COUNT)
    with pytest.raises(ReleaseBroken) as caught:
        release_checked(shop.folder, "shop.orders", TODAY, "main")
    assert [f.rule for f in caught.value.findings] == ["producer/field-removed"]


def test_an_interrupted_release_is_taken_up(shop: Shop) -> None:
    shop.schema(COUNT, NOTE)
    lock = (shop.folder / "released.lock").read_text()
    release_checked(shop.folder, "shop.orders", TODAY)
    (shop.folder / "released.lock").write_text(lock)
    assert release_checked(shop.folder, "shop.orders", TODAY).version == 2
    assert shop.errors() == []


def test_no_example_means_no_golden_and_no_release(shop: Shop) -> None:
    """Two rules that no made-up text satisfies: the owner has to give an example."""
    code = {"name": "code", "type": "string", "default": "ab12cd", "pattern": "^[a-z]{2}[0-9]{2}[a-z]{2}$"}
    shop.schema(COUNT, {**code, "default": "ab12cd"})
    assert release_checked(shop.folder, "shop.orders", TODAY).version == 2
    rules = [{"name": "r", "doc": "never", "expr": "this.count < 0 && this.count > 0"}]
    shop.contract(inputs="pinned", compatibility="NONE")
    shop.schema(COUNT, **{"confluent:rules": rules})
    with pytest.raises((ReleaseRefused, ReleaseBroken), match="example"):
        release_checked(shop.folder, "shop.orders", TODAY)
