"""gRPC's messages out of a stream of bytes: whole, in pieces, packed, and what is none."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import Code
from tidegate_gateway.edge.grpc.messages import Unpacking, message, take
from tidegate_gateway.intake.faults import Fault

MOST = 1000


def packed(body: bytes, flag: int = 1) -> bytes:
    return bytes([flag]) + len(body).to_bytes(4, "big") + body


def refused(inbox: bytes, encoding: str = "identity", most_bytes: int = MOST) -> Fault:
    with pytest.raises(Fault) as caught:
        take(bytearray(inbox), most_bytes, encoding)
    return caught.value


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 20))
def test_messages_come_out_as_they_went_in_however_they_are_cut(bodies: list[bytes], piece: int) -> None:
    wire = b"".join(message(body) for body in bodies)
    inbox, seen, taken_bytes = bytearray(), [], 0
    for at in range(0, len(wire), piece):
        inbox += wire[at : at + piece]
        while (taken := take(inbox, MOST, "identity")) is not None:
            seen.append(taken[0])
            taken_bytes += taken[1]
    assert seen == bodies
    assert taken_bytes == len(wire)
    assert not inbox


def test_what_is_not_whole_stays() -> None:
    inbox = bytearray(message(b"abc")[:-1])
    assert take(inbox, MOST, "identity") is None
    assert len(inbox) == 7


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("gzip", lambda body: gzip.compress(body, 0))],
)
@pytest.mark.parametrize("body", [b"", b"x", b"ab" * 450])
def test_a_packed_message(encoding: str, pack: Callable[[bytes], bytes], body: bytes) -> None:
    wire = packed(pack(body))
    inbox = bytearray(wire + message(b"next"))
    assert take(inbox, MOST, encoding) == (body, len(wire))
    assert take(inbox, MOST, encoding) == (b"next", 9), "one that is not packed needs no other call"


def test_a_flag_without_an_encoding() -> None:
    assert refused(packed(gzip.compress(b"x"))).code is Code.MALFORMED


@pytest.mark.parametrize("flag", [2, 0x80, 0xFF])
def test_a_flag_that_says_nothing(flag: int) -> None:
    assert refused(packed(gzip.compress(b"x"), flag), "gzip").code is Code.MALFORMED


def test_too_long_is_told_as_soon_as_the_length_is_known() -> None:
    fault = refused(message(b"x" * (MOST + 1))[:5])
    assert (fault.code, str(MOST) in fault.detail) == (Code.TOO_LARGE, True)
    assert take(bytearray(message(b"x" * MOST)), MOST, "identity") is not None


def test_too_long_once_unpacked() -> None:
    assert take(bytearray(packed(gzip.compress(bytes(MOST)))), MOST, "gzip") is not None
    assert refused(packed(gzip.compress(bytes(MOST + 1))), "gzip").code is Code.TOO_LARGE
    assert refused(packed(gzip.compress(bytes(100 * MOST))), "gzip").code is Code.TOO_LARGE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b"x" * 100)[:-1],
        gzip.compress(b"a") + gzip.compress(b"b"),
        gzip.compress(b"a") + b"!",
    ],
    ids=["empty", "none", "cut", "two members", "a tail"],
)
def test_what_cannot_be_unpacked_whole(body: bytes) -> None:
    assert refused(packed(body), "gzip").code is Code.MALFORMED


@pytest.mark.parametrize("size", [16_384, 16_385, 278_528, 278_529, 1_000_000])
def test_a_message_of_nothing_is_unpacked_in_steps(size: int) -> None:
    """A bomb of 10 kB holds 8 MB, which are 30 ms of everybody's loop."""
    body, most = bytes(size), 1_000_000
    taken = take(bytearray(packed(gzip.compress(body))), most, "gzip")
    assert taken is not None
    unpacking, steps = taken[0], 1
    while isinstance(unpacking, Unpacking) and (plain := unpacking.step()) is None:
        steps += 1
    assert (plain if isinstance(unpacking, Unpacking) else unpacking) == body
    assert steps <= 1 + -(-max(0, size - 16_384) // 262_144)


def test_what_is_wrong_behind_the_first_step_is_found() -> None:
    whole = gzip.compress(bytes(1_000_000))
    for wire, most, code in (
        (whole[:-1], 1_000_000, Code.MALFORMED),
        (whole + b"x", 1_000_000, Code.MALFORMED),
        (whole, 999_999, Code.TOO_LARGE),
        (whole[:900] + b"\xff" * 100, 1_000_000, Code.MALFORMED),
    ):
        taken = take(bytearray(packed(wire)), most, "gzip")
        assert taken is not None
        unpacking = taken[0]
        assert isinstance(unpacking, Unpacking)
        with pytest.raises(Fault) as caught:
            unpack(unpacking)
        assert caught.value.code is code


def unpack(unpacking: Unpacking) -> bytes:
    while (plain := unpacking.step()) is None:
        continue
    return plain
