"""Content-Type: every spelling that is taken, what is refused and with which words, and when."""

from collections.abc import Awaitable, Callable

import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, Reply, make_gate

from tidegate.contracts.media import AVRO, AVRO_CONTAINER, AVRO_FRAMED, AVRO_JSON, JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate_gateway.doors.media import NDJSON, VALUES, media_type_of
from tidegate_gateway.intake.faults import Fault

FRAMED_FIVE = b"\0\0\0\0\x0c\x05"
"""n = 5, in the frame of version 2."""


@pytest.fixture
def gate() -> Gate:
    return make_gate()


@pytest.mark.parametrize(
    ("sent", "media"),
    [
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/json;charset=UTF-8", JSON),
        ("Application/JSON ; Charset = \"utf-8\" ", JSON),
        ("application/json; charset=us-ascii", JSON),
        ("application/json; profile=\"a;b=c\"; charset=utf8", JSON),
        ("application/json;", JSON),
        ("application/json; ;", JSON),
        ("application/avro+json", AVRO_JSON),
        ("application/avro+json; charset=utf-8", AVRO_JSON),
        ("application/avro", AVRO),
        ("application/avro; charset=binary", AVRO),
        ("application/avro; framing=confluent", AVRO_FRAMED),
        ("application/avro;framing=confluent", AVRO_FRAMED),
        ("APPLICATION/AVRO ;  FRAMING=Confluent", AVRO_FRAMED),
        ('application/avro; framing="confluent"', AVRO_FRAMED),
        (r'application/avro; framing="conflue\nt"', AVRO_FRAMED),
        ("application/avro; charset=utf-8; framing=confluent", AVRO_FRAMED),
        ("application/x-protobuf", PROTOBUF),
        ("application/x-protobuf; framing=confluent", PROTOBUF_FRAMED),
    ],
)  # fmt: skip
def test_spellings_of_a_media_type(sent: str, media: str) -> None:
    assert media_type_of(sent.encode(), VALUES) == media


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (None, "the request says no Content-Type"),
        ("", "the media type is not taken here"),
        ("json", "the media type is not taken here"),
        ("application/xml", "the media type is not taken here"),
        ("application/json, application/pdf", "the media type is not taken here"),
        ("application/protobuf", "the media type is not taken here: Protobuf is application/x-protobuf"),
        ("application/json; charset=latin1", "the charset is another than utf-8"),
        ("application/json; charset=", "the charset is another than utf-8"),
        ("application/avro+json; charset=utf-16", "the charset is another than utf-8"),
        ("application/json; framing=confluent", "the framing is none that this media type has"),
        ("application/avro+json; framing=confluent", "the framing is none that this media type has"),
        ("application/avro; framing=none", "the framing is none that this media type has"),
        ("application/avro; framing=", "the framing is none that this media type has"),
        ("application/avro; frmaing=confluent", 'the parameter "frmaing" means nothing here (did you mean "framing"?)'),
        ("application/x-protobuf; messageType=a.B", 'the parameter "messagetype" means nothing here'),
        ("application/avro; framing=confluent; x=1", 'the parameter "x" means nothing here'),
        ("application/avro; framing=confluent; framing=confluent", 'the parameter "framing" stands twice'),
        ("application/json; charset=utf-8; charset=utf-8", 'the parameter "charset" stands twice'),
        ("application/json; charset", "the Content-Type cannot be read"),
        ('application/json; charset="utf-8', "the Content-Type cannot be read"),
        ("application/json; =utf-8", "the Content-Type cannot be read"),
        (NDJSON, "the media type is not taken here: it holds many events, which go to events:batch"),
        (AVRO_CONTAINER, "the media type is not taken here: it holds many events, which go to events:batch"),
    ],
)
def test_what_is_refused_says_what_is_taken(sent: str | None, says: str) -> None:
    with pytest.raises(Fault) as caught:
        media_type_of(sent.encode() if sent is not None else None, VALUES)
    assert caught.value.code == "unsupported_media"
    assert caught.value.accepted == VALUES
    assert caught.value.detail == f"{says}; taken are {', '.join(VALUES)}"


def test_a_value_sent_to_the_batch_endpoint_is_told_where_it_goes() -> None:
    with pytest.raises(Fault) as caught:
        media_type_of(b"application/avro", (JSON, NDJSON))
    assert "it is one value, which goes to events" in caught.value.detail


@pytest.mark.parametrize("where", ["event", "validate"])
@pytest.mark.parametrize(
    ("media", "body"), [(JSON, b'{"n":5}'), (AVRO, b"\x05"), (AVRO_FRAMED, FRAMED_FIVE)]
)  # fmt: skip
async def test_every_form_that_the_contract_takes(gate: Gate, where: str, media: str, body: bytes) -> None:
    post: Callable[..., Awaitable[Reply]] = getattr(gate, where)
    reply = await post(body, media=media)
    assert (reply.status, reply.json["version"]) == (200, 2)
    assert [record.value for record in gate.publisher.stored] == ([b"framed" + body] if where == "event" else [])


@pytest.mark.parametrize("where", ["event", "validate"])
@pytest.mark.parametrize("media", [AVRO_JSON, PROTOBUF, PROTOBUF_FRAMED])
async def test_what_this_contract_does_not_take_is_told_by_what_it_does(gate: Gate, where: str, media: str) -> None:
    reply = await getattr(gate, where)(b"\x05", media=media)
    assert (reply.status, reply.json["code"]) == (415, "unsupported_media")
    assert reply.json["accepted"] == [JSON, AVRO, AVRO_FRAMED]
    assert reply.json["detail"].startswith(f"the contract of {TOPIC} does not take {media}; taken are {JSON}, ")
    assert reply.json["owner"] == {"team": "orders", "channel": "#orders"}


async def test_it_is_told_to_who_may_publish_and_before_the_body(gate: Gate) -> None:
    """What one contract takes is known to those who may publish to it; what none takes, to everybody."""
    assert (await gate.event(b"\x05", media=PROTOBUF, who=None)).status == 401
    assert (await gate.event(b"\x05", media=PROTOBUF, who="poor")).status == 403
    assert (await gate.event(b"\x05", media="text/plain", who=None)).status == 415
    unread = await gate.event(b"", media=PROTOBUF, headers=[("Content-Length", "70000"), ("Expect", "100-continue")])
    assert (unread.status, unread.fields["connection"]) == (415, "close")


async def test_a_frame_names_the_version_and_a_header_may_not_contradict_it(gate: Gate) -> None:
    first = b"\0\0\0\0\x0b\x05"
    assert (await gate.event(first, media=AVRO_FRAMED)).json["version"] == 1
    assert (await gate.event(first, media=AVRO_FRAMED, headers=[("Event-Version", "1")])).json["version"] == 1
    other = await gate.event(first, media=AVRO_FRAMED, headers=[("Event-Version", "2")])
    assert (other.status, other.json["errors"][0]["rule"]) == (400, "encoding")
    for body in (b"", b"\0", b"\0\0\0\0\x63\x05", b"\x05"):
        reply = await gate.event(body, media=AVRO_FRAMED)
        assert (reply.status, reply.json["code"]) == (400, "malformed")
        assert reply.json["errors"][0]["byteOffset"] == 0


async def test_binary_that_begins_like_gzip_is_a_value_and_text_is_not(gate: Gate) -> None:
    """`1f 8b` may begin an Avro value; it never begins JSON."""
    assert (await gate.event(b"\x1f\x8b", media=AVRO)).json["errors"][0]["detail"] == "is not one byte"
    reply = await gate.event(b"\x28\xb5\x2f\xfd", media=JSON)
    assert reply.json["errors"][0]["hint"] == "the body is zstd: say Content-Encoding: zstd"


async def test_binary_values_are_charged_for_what_they_hold() -> None:
    reply = await make_gate(capacity_bytes=100_000).event(b"\x05" * 90_000, media=AVRO)
    assert (reply.status, reply.json["code"]) == (413, "too_large")
