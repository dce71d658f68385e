"""What request headers say of an event, and what they may not."""

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, drive, make_gate

GOOD = b'{"n":1}'
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def gate() -> Gate:
    return make_gate()


def record_headers(gate: Gate) -> dict[str, bytes]:
    return dict(gate.publisher.stored[-1].headers)


async def test_an_events_headers_reach_its_record(gate: Gate) -> None:
    reply = await gate.event(
        GOOD,
        headers=[
            ("Event-Id", "e1"), ("Event-Key", "schlüssel".encode()), ("Event-Time", "2026-01-31T12:00:00Z"),
            ("Event-Header-Source", "shop"), ("Event-Header-x-1", "ä".encode()),
        ],
    )  # fmt: skip
    assert reply.status == 200
    (record,) = gate.publisher.stored
    assert record.key == "schlüssel".encode()
    assert record.timestamp_ms == 1_769_860_800_000
    headers = record_headers(gate)
    assert (headers["source"], headers["x-1"], headers["tidegate-id"]) == (b"shop", "ä".encode(), b"e1")


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ('"8e03978e-40d5"', "8e03978e-40d5"),
        ("8e03978e-40d5", "8e03978e-40d5"),
        (r'"a\"b\\c"', r'a"b\c'),
    ],
)
async def test_idempotency_key(gate: Gate, sent: str, means: str) -> None:
    assert (await gate.event(GOOD, headers=[("Idempotency-Key", sent)])).json["id"] == means
    both = await gate.event(GOOD, headers=[("Idempotency-Key", sent), ("Event-Id", means)])
    assert both.json["id"] == means


@pytest.mark.parametrize(
    "headers",
    [
        [("Idempotency-Key", '"open')],
        [("Idempotency-Key", '""')],
        [("Idempotency-Key", r'"a\b"')],
        [("Idempotency-Key", '"a"; p=1')],
        [("Idempotency-Key", "a"), ("Event-Id", "b")],
        [("Event-Id", "")],
        [("Event-Id", "with space")],
        [("Event-Id", "x" * 129)],
        [("Event-Id", "ä".encode())],
        [("Event-Id", b"\xff")],
        [("Event-Id", "a"), ("Event-Id", "a")],
        [("Event-Key", b"\xff")],
        [("Event-Header-tidegate-id", "mine")],
        [("Event-Header-traceparent", TRACE)],
        [("Event-Header-tracestate", "a=b")],
        [("Event-Header-ce_id", "1")],
        [("Event-Header-__value_schema_id", "1")],
        [("Event-Header-", "nameless")],
        [("Event-Header-a", b"\xff")],
        [("Event-Header-a", b"bell\x07")],
        [("Event-Header-a", "1"), ("Event-Header-A", "2")],
        [(f"Event-Header-{i}", "x") for i in range(33)],
        [("Event-Header-a", "x" * 8192)],
        [("Event-Version", "1"), ("Event-Version", "1")],
        [("Content-Type", "application/json")],
    ],
)
async def test_headers_that_are_malformed(gate: Gate, headers: list[tuple[str, str | bytes]]) -> None:
    reply = await gate.event(GOOD, headers=headers)
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert reply.json["errors"]
    assert gate.publisher.stored == []


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("Event-Id", "with space", "the header Event-Id is not a usable event id"),
        ("Idempotency-Key", "x" * 129, "the header Idempotency-Key is not a usable event id"),
        ("Event-Version", "0", "the header Event-Version is not a version number"),
        ("Event-Header-CE_id", "1", "the header Event-Header-ce_id is a header that only the gateway writes"),
        ("Event-Header-a", "x" * 8192, "the header Event-Header-<name> take more than 8192 bytes"),
    ],
)
async def test_a_bad_header_is_named_and_is_no_place_in_the_value(
    gate: Gate, name: str, value: str, detail: str
) -> None:
    reply = await gate.event(GOOD, headers=[(name, value)])
    (violation,) = reply.json["errors"]
    assert (violation["pointer"], violation["detail"], reply.json["detail"]) == ("#", detail, detail)


async def test_a_slash_within_a_topics_name_is_a_bad_name(gate: Gate) -> None:
    for path in ("/v1/topics/customer%2Fevents", "/v1/topics/customer%2forders/events"):
        reply = await gate.post(path, GOOD)
        assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert (await gate.post("/v1/topics/customer%2Forders", GOOD)).status == 404


async def test_a_bad_event_time_is_a_violation(gate: Gate) -> None:
    reply = await gate.event(GOOD, headers=[("Event-Time", "yesterday")])
    assert (reply.status, reply.json["code"]) == (400, "contract_violation")
    assert reply.json["errors"][0]["rule"] == "event_time"


async def test_who_comes_before_the_events_headers(gate: Gate) -> None:
    for headers in ([("Event-Version", "x")], [("Event-Header-__x", "1")], [("Event-Id", b"\xff")]):
        assert (await gate.event(GOOD, who=None, headers=headers)).status == 401


async def test_a_wellformed_traceparent_travels_and_no_other(gate: Gate) -> None:
    await gate.event(GOOD, headers=[("Traceparent", TRACE)])
    assert record_headers(gate)["traceparent"] == TRACE.encode()
    for bad in (
        TRACE.upper(), "00-" + "0" * 32 + "-00f067aa0ba902b7-01", TRACE.replace("00f067aa0ba902b7", "0" * 16),
        "ff" + TRACE[2:], TRACE + "\x00", TRACE[:-1], "",
    ):  # fmt: skip
        await gate.event(GOOD, headers=[("Traceparent", bad)])
        assert "traceparent" not in record_headers(gate)


async def test_a_tombstone_takes_its_key_from_the_head(gate: Gate) -> None:
    assert (await gate.event(b"null", headers=[("Event-Key", "k")])).status == 200
    assert (gate.publisher.stored[0].key, gate.publisher.stored[0].value) == (b"k", None)
    assert (await gate.event(b"null")).json["errors"][0]["rule"] == "tombstone"


async def test_a_path_below_a_mount_point(gate: Gate) -> None:
    """A proxy's prefix, as uvicorn's root_path has it, is no part of the topic."""
    reply = await drive(gate.app, "GET", f"/gate/v1/topics/{TOPIC}/events", root_path="/gate")
    assert reply is not None
    assert reply.status == 405


async def test_the_head_may_take_16_kib_and_no_more(gate: Gate) -> None:
    def padded(size: int) -> list[tuple[str, str | bytes]]:
        return [("X-Padding", "x" * size)]

    low, high = 15_000, 16_384
    while high - low > 1:
        middle = (low + high) // 2
        if (await gate.event(GOOD, headers=padded(middle))).status == 200:
            low = middle
        else:
            high = middle
    fields = [
        ("host", "gate"), ("authorization", "Bearer good"), ("content-type", "application/json"),
        ("content-length", str(len(GOOD))), ("x-padding", "x" * low),
    ]  # fmt: skip
    head = len(f"/v1/topics/{TOPIC}/events") + sum(len(f"{name}: {value}\r\n") for name, value in fields)
    assert head == 16_384
