"""Every rule that a check can give has a hint, and no hint stands for a rule that nobody gives."""

import re
from pathlib import Path

from tidegate.check import finding
from tidegate.check.avro_consumers import DIRECTIONS
from tidegate.check.finding import HINTS, Finding, from_broken, in_order
from tidegate.repository.broken import Broken, Place

SOURCES = Path(finding.__file__).parent
AVRO = {
    "NAME_MISMATCH", "FIXED_SIZE_MISMATCH", "MISSING_ENUM_SYMBOLS", "READER_FIELD_MISSING_DEFAULT_VALUE", "TYPE_MISMATCH",
    "MISSING_UNION_BRANCH",
}  # fmt: skip


def test_rules_and_hints_are_the_same_list() -> None:
    given = {f"{direction}/{name}" for direction in DIRECTIONS["FULL"] for name in AVRO}
    for path in SOURCES.glob("*.py"):
        text = path.read_text("utf-8")
        if path.name == "finding.py":
            text = text[text.index("def from_broken") :]
        given |= set(
            re.findall(
                r'"((?:contract|schema|released|lock|compatibility|producer|golden|lint|registry|service|check)/[a-z-]+)"',
                text,
            )
        )
    assert given == set(HINTS)


def test_bufs_rules_lead_to_bufs_pages() -> None:
    page = "https://buf.build/docs/lint/rules/"
    place = Place(file="proto/a.proto")
    assert Finding(place=place, rule="buf/ENUM_PASCAL_CASE", message="x", guide=page).hint == page
    assert Finding(place=place, rule="contract/draft", message="x", guide=page).hint == HINTS["contract/draft"]


def test_a_broken_file_is_under_its_own_rule() -> None:
    rules = {
        "contracts/a.yaml": "contract/invalid",
        "contracts": "contract/invalid",
        "avro/a.avsc": "schema/invalid",
        "proto/a.proto": "schema/invalid",
        "released.lock": "lock/invalid",
        "released/a/1/schema.avsc": "released/invalid",
    }
    for file, rule in rules.items():
        assert from_broken(Broken(file=file, line=2, column=3, detail="x")).rule == rule


def test_findings_are_told_once_and_in_the_order_of_their_files() -> None:
    rows = [
        Finding(place=Place(file=file, line=line), rule="lint/doc", message="m")
        for file, line in (("b", 1), ("a", 10), ("a", 2), ("a", 2))
    ]
    assert [(one.place.file, one.place.line) for one in in_order(rows)] == [("a", 2), ("a", 10), ("b", 1)]
