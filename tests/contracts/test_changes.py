"""What changed from one version to the next, in words: of coffeeco's own contracts, and of each kind of change."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tidegate.contracts.changes import changes
from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected
from tidegate.repository.folder import load
from tidegate_gateway.doors.pages.shown import Shown

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
CONTRACTS = {contract.topic: contract for contract in load(SCHEMAS, working_copies=False).contracts}
A = FieldDoc(path="a", type="int", expected="int, 1 to 10")


@dataclass(frozen=True)
class Told:
    """A codec that only tells of its fields."""

    docs: tuple[FieldDoc, ...]
    media_types: frozenset[str] = frozenset()
    has_key: bool = False

    def check(self, body: bytes, media_type: str) -> Rejected:
        raise AssertionError(body)

    def key_bytes(self, key: str | bytes) -> bytes:
        raise AssertionError(key)

    def fields(self) -> tuple[FieldDoc, ...]:
        return self.docs

    def example(self) -> bytes:
        return b"{}"


def version(*fields: FieldDoc, **frozen: object) -> CompiledVersion:
    source = VersionSource(number=1, schema_id=1, format="avro", schema="{}", **frozen)  # type: ignore[arg-type]  # by name
    return CompiledVersion("t", source, Told(fields))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (version(A), version(A), ("Nothing that a producer can see.",)),
        (version(), version(A), ("`a` is new: int, 1 to 10, required.",)),
        (version(A), version(), ("`a` is gone.",)),
        (
            version(A),
            version(FieldDoc(path="a", type="long", expected="long")),
            ("`a` has another type: long, was int.",),
        ),
        (
            version(A),
            version(FieldDoc(path="a", type="int", expected="int, 1 to 12")),
            ("`a` has another rule: int, 1 to 12; was int, 1 to 10.",),
        ),
        (
            version(A),
            version(
                FieldDoc(path="a", type="int", expected="int, 1 to 10", required=False, default="1", sensitive=True)
            ),
            ("`a` is optional now.", "`a` is sensitive now: answers never show it."),
        ),
        (
            version(key="a", unknown_fields="drop"),
            version(event_time="b", tombstones="allow"),
            (
                "The key is none, was `a`.",
                "The event time is `b`, was none.",
                "Unknown fields are refused now.",
                "Tombstones are allowed now.",
            ),
        ),
    ],
)
def test_each_kind_of_change(old: CompiledVersion, new: CompiledVersion, told: tuple[str, ...]) -> None:
    assert changes(old, new) == told


def test_coffeecos_orders() -> None:
    contract = CONTRACTS["customer.orders"]
    assert changes(contract.versions[1], contract.versions[2]) == (
        "`attributes` is new: map of string, optional, default `{}`.",
    )


def test_the_fields_of_a_union_name_their_branch_and_have_an_example() -> None:
    shown = Shown(CONTRACTS["customer.orders"].newest)
    assert [shown.branch(f"payment.{name}") for name in ("brand", "lastFour", "code", "amount")] == [
        "Card",
        "Card",
        "Voucher",
        "Voucher",
    ]
    assert (shown.branch("items.boldness"), shown.branch("orderId"), shown.branch("nope.at.all")) == ("", "", "")
    assert shown.example("items.boldness") == "8"
    assert shown.example("total") == '"31.40"'
    assert shown.example("items") == shown.example("nope") == ""
