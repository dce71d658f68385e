"""Events as lines, and that the gateway's own reader takes every one of them."""

from base64 import b64encode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.delivery.conftest import outgoing

from tidegate.contracts.media import AVRO, AVRO_FRAMED, PROTOBUF
from tidegate.outgoing import Outgoing
from tidegate.transport.ndjson import batch_body
from tidegate.wire.event import Event

decode = msgspec.json.Decoder(Event).decode


def line(**changes: object) -> Event:
    (text,) = batch_body([msgspec.structs.replace(outgoing("e1"), **changes)]).split(b"\n")
    return decode(text)


def test_a_plain_event_has_id_and_value() -> None:
    assert batch_body([outgoing("e1"), outgoing("e2")]) == b'{"id":"e1","value":{}}\n{"id":"e2","value":{}}'


def test_every_member_travels() -> None:
    event = line(key='a"b', headers={"Source": 'x"\n'}, time="2026-01-31T12:00:00Z", version=3)
    assert (event.id, event.key, event.headers, event.time, event.version) == (
        "e1", 'a"b', {"Source": 'x"\n'}, "2026-01-31T12:00:00Z", 3,
    )  # fmt: skip
    assert line(key=b"\x00\xff").key_bytes == b"\x00\xff"


@pytest.mark.parametrize(("media_type", "framed"), [(AVRO, None), (PROTOBUF, None), (AVRO_FRAMED, True)])
def test_encoded_values_are_data(media_type: str, framed: bool | None) -> None:
    event = line(media_type=media_type, body=b"\x00\x01")
    assert event.data == b"\x00\x01"
    assert event.framed is framed
    assert b64encode(b"\x00\x01") in batch_body(
        [msgspec.structs.replace(outgoing("x"), media_type=media_type, body=b"\x00\x01")]
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_whatever_bytes_an_application_sends_they_spoil_their_own_line_only(bodies: list[bytes]) -> None:
    events: list[Outgoing] = [msgspec.structs.replace(outgoing(f"e{n}"), body=body) for n, body in enumerate(bodies)]
    lines = batch_body([*events, outgoing("last")]).split(b"\n")
    assert len(lines) == len(bodies) + 1
    assert decode(lines[-1]).id == "last"


def test_pretty_printed_json_is_one_line_with_the_same_value() -> None:
    body = b'{\n  "a": [1,\n 2]\r\n}'
    assert msgspec.json.decode(line(body=body).value) == {"a": [1, 2]}
