"""What stands in front of a call and behind its answer: metadata, deadlines, status messages, and calls that are none."""

import base64
from urllib.parse import unquote_to_bytes

import pytest
from hpack import Decoder
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_gateway.doors.rpc.metadata import Metadata
from tidegate_gateway.edge.grpc.heads import (
    ANSWER_HEAD,
    END_OK,
    CallHead,
    call_head,
    ending,
    http_status,
    refusal,
)
from tidegate_gateway.edge.http2.fields import Block, BlockReader, block_of

PSEUDO = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C"), (b":authority", b"x"))
GRPC = (b"content-type", b"application/grpc")


def head(*fields: tuple[bytes, bytes], pseudo: tuple[tuple[bytes, bytes], ...] = PSEUDO) -> CallHead:
    return call_head(block(*fields, pseudo=pseudo))


def block(*fields: tuple[bytes, bytes], pseudo: tuple[tuple[bytes, bytes], ...] = PSEUDO) -> Block:
    if not any(name == b"content-type" for name, _ in fields):
        fields = (GRPC, *fields)
    return BlockReader().read(block_of((*pseudo, *fields)))


def said(answer: bytes) -> list[tuple[bytes, bytes]]:
    return list(Decoder().decode(answer, raw=True))


def test_a_call_that_names_nothing_but_itself() -> None:
    assert head((b"te", b"trailers"), (b"user-agent", b"x")) == CallHead(path="/a.B/C")


def test_a_block_is_understood_once() -> None:
    one = block()
    assert call_head(one) is call_head(one)


def test_metadata_in_its_order_without_the_protocols_own() -> None:
    seen = head(
        (b"b", b"1"),
        (b"grpc-accept-encoding", b"gzip"),
        (b"grpc-previous-rpc-attempts", b"2"),
        (b"a", b"2"),
        (b"b", b"3"),
        (b"authorization", b"Bearer x"),
    )
    assert seen.metadata == (("b", "1"), ("a", "2"), ("b", "3"), ("authorization", "Bearer x"))
    assert not seen.fault


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"AQI=", [b"\x01\x02"]),
        (b"AQI", [b"\x01\x02"]),
        (b"", [b""]),
        (b"AQI=,AA", [b"\x01\x02", b"\x00"]),
        (b"AQI, AA==", [b"\x01\x02", b"\x00"]),
    ],
    ids=["padded", "unpadded", "empty", "joined", "joined with a blank"],
)
def test_binary_metadata(value: bytes, parts: list[bytes]) -> None:
    seen = head((b"trace-bin", value))
    assert seen.metadata == tuple(("trace-bin", part) for part in parts)
    assert not seen.fault


@pytest.mark.parametrize("value", [b"A", b"AQ?=", b"AQI==A", b"\xff\xff", b"AQI=;AA"])
def test_binary_metadata_that_is_no_base64(value: bytes) -> None:
    assert "trace-bin" in head((b"trace-bin", value)).fault


def test_more_values_in_one_field_than_anybody_joins() -> None:
    assert len(head((b"x-bin", b"AA," * 63 + b"AA")).metadata) == 64
    seen = head((b"x-bin", b"," * 30_000))
    assert "x-bin" in seen.fault
    assert seen.metadata == ()


def test_metadata_that_is_no_utf8_is_text_all_the_same() -> None:
    """HTTP/2 lets these bytes through: what they mean is looked at by whoever reads the key."""
    assert head((b"x", b"\xff")).metadata == (("x", "\udcff"),)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"250m", 0.25),
        (b"7u", 7e-6),
        (b"1n", 1e-9),
        (b"0S", 0.0),
        (b"99999999H", 99_999_999 * 3600.0),
    ],
)
def test_deadlines(text: bytes, seconds: float) -> None:
    seen = head((b"grpc-timeout", text))
    assert seen.timeout_s == pytest.approx(seconds)
    assert not seen.fault


@pytest.mark.parametrize(
    "text", [b"", b"1", b"S", b"-1S", b"1.5S", b"1s", b"100000000S", b"1 S", "\u0661S".encode(), b"1SS", b"0x1S"]
)
def test_deadlines_that_are_none(text: bytes) -> None:
    seen = head((b"grpc-timeout", text))
    assert seen.timeout_s is None
    assert "grpc-timeout" in seen.fault


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"OPTIONS", b"CONNECT"])
def test_another_method_is_405(method: bytes) -> None:
    pseudo = ((b":method", method), *PSEUDO[1:])
    assert head(pseudo=pseudo).http_status == 405
    assert said(http_status(405)) == [(b":status", b"405"), (b"allow", b"POST")]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"application/grpc", 200),
        (b"application/grpc+proto", 200),
        (b"Application/GRPC; charset=x", 200),
        (b"application/grpc-web", 415),
        (b"application/grpcx", 415),
        (b"application/json", 415),
        (b"", 415),
    ],
)
def test_another_content_is_415(kind: bytes, status: int) -> None:
    assert head((b"content-type", kind)).http_status == status
    assert said(http_status(415)) == [(b":status", b"415")]


def test_no_content_type_is_415() -> None:
    assert call_head(BlockReader().read(block_of(PSEUDO))).http_status == 415


def test_a_path_that_is_not_utf8_is_some_path() -> None:
    pseudo = (*PSEUDO[:2], (b":path", b"/\xff/x"), PSEUDO[3])
    assert head(pseudo=pseudo).path == "/\ufffd/x"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_encodings_that_are_unpacked(encoding: str) -> None:
    seen = head((b"grpc-encoding", encoding.encode()))
    assert (seen.encoding, seen.unknown_encoding) == (encoding, "")


def test_an_encoding_that_is_not() -> None:
    assert head((b"grpc-encoding", b"snappy")).unknown_encoding == "snappy"


def test_the_head_of_an_answer_names_what_is_unpacked() -> None:
    assert said(ANSWER_HEAD) == [
        (b":status", b"200"),
        (b"content-type", b"application/grpc"),
        (b"grpc-accept-encoding", b"identity,deflate,gzip"),
    ]
    assert said(END_OK) == [(b"grpc-status", b"0")]


def test_the_end_of_a_call() -> None:
    trailing: Metadata = (("retry", "1"), ("more-bin", b"\x01\x02"))
    assert said(ending(3, "no", trailing)) == [
        (b"grpc-status", b"3"),
        (b"grpc-message", b"no"),
        (b"retry", b"1"),
        (b"more-bin", b"AQI"),
    ]
    assert said(refusal(5, "", ())) == [
        (b":status", b"200"),
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"5"),
    ]


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("plain text!", b"plain text!"),
        ("100%", b"100%25"),
        ("a\r\nb", b"a%0D%0Ab"),
        ("\u263a", b"%E2%98%BA"),
        (" a b ", b"%20a b%20"),
        ("  ", b"%20%20"),
        ("\tx", b"%09x"),
        ("\x7f", b"%7F"),
    ],
)
def test_a_status_message_is_percent_encoded(message: str, sent: bytes) -> None:
    assert said(ending(2, message, ()))[1] == (b"grpc-message", sent)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_status_message_comes_back_whole(message: str) -> None:
    (_, (_, sent)) = said(ending(2, message, ()))
    assert sent == sent.strip()
    assert all(0x20 <= byte < 0x7F for byte in sent)
    assert unquote_to_bytes(sent).decode() == message


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_any_binary_metadata_comes_back_whole(value: bytes) -> None:
    (_, (_, sent)) = said(ending(0, "", (("x-bin", value),)))
    assert b"=" not in sent
    assert base64.b64decode(sent + b"==") == value
    assert head((b"x-bin", sent)).metadata == (("x-bin", value),)
