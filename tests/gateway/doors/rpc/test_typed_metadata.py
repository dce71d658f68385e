"""A typed call's metadata: the names of REST's headers, and what must not pass."""

import pytest

from tidegate.errors import Code
from tidegate_gateway.doors.rpc.typed_metadata import EventMetadata, read_event_metadata
from tidegate_gateway.intake.faults import Fault

Pairs = list[tuple[str, str | bytes]]


def read(*pairs: tuple[str, str | bytes], many: bool = False) -> EventMetadata:
    return read_event_metadata([("user-agent", "x"), ("authorization", "Bearer t"), *pairs], many=many)


def refused(*pairs: tuple[str, str | bytes], many: bool = False) -> str:
    with pytest.raises(Fault) as caught:
        read(*pairs, many=many)
    assert caught.value.code is Code.MALFORMED
    return caught.value.detail


def test_nothing_said() -> None:
    assert read() == EventMetadata()
    assert read(many=True) == EventMetadata()


def test_everything_said() -> None:
    about = read(
        ("event-id", "e-1"),
        ("event-key", "k"),
        ("event-time", "2026-01-31T12:00:00Z"),
        ("event-version", "2"),
        ("event-header-source", "till 4"),
        ("event-header-note-bin", "Käse".encode()),
    )
    assert about == EventMetadata(
        id="e-1",
        key="k",
        time="2026-01-31T12:00:00Z",
        version=2,
        headers=(("source", b"till 4"), ("note", "Käse".encode())),
    )


def test_an_idempotency_key_is_the_id() -> None:
    assert read(("idempotency-key", '"e-1"')).id == "e-1"
    assert "is another id" in refused(("idempotency-key", "e-1"), ("event-id", "e-2"))


def test_a_key_that_is_no_text() -> None:
    assert read(("event-key-bin", b"\xff\x00")).key == b"\xff\x00"
    assert "stands twice" in refused(("event-key-bin", b"k"), ("event-key", "k"))
    assert "stands twice" in refused(("event-key-bin", b"k"), ("event-key-bin", b"k"))


def test_a_stream_may_say_what_holds_for_all_its_events() -> None:
    assert read(("event-version", "2"), ("event-header-a", "b"), many=True) == EventMetadata(
        version=2, headers=(("a", b"b"),)
    )


@pytest.mark.parametrize("name", ["event-id", "idempotency-key", "event-key", "event-key-bin", "event-time"])
def test_a_stream_may_not_give_all_its_events_one_of_these(name: str) -> None:
    value: str | bytes = b"x" if name.endswith("-bin") else "x"
    assert refused((name, value), many=True) == f"the metadata {name} is of one event, and this call brings many"


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("event-id", "two words")], "Event-Id is not a usable event id"),
        ([("event-id", "a"), ("event-id", "b")], "Event-Id stands twice"),
        ([("event-version", "0")], "Event-Version is not a version number"),
        ([("event-version", "newest")], "Event-Version is not a version number"),
        ([("event-header-traceparent", "x")], "Event-Header-traceparent is a header that only the gateway writes"),
        ([("event-header-__key_schema_id", "x")], "is a header that only the gateway writes"),
        ([("event-header-a-bin", b"\xff")], "is not UTF-8"),
        ([("event-header-a", "1"), ("event-header-a-bin", b"2")], "Event-Header-a stands twice"),
        ([("event-kye", "x")], "the metadata event-kye says nothing here; known: event-id,"),
    ],
)
def test_what_cannot_be_read_is_refused(pairs: Pairs, said: str) -> None:
    assert said in refused(*pairs)
