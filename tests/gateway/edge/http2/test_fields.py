"""Header blocks: what hpack's own encoder writes is read, what may be no request is said, and a block is known again only while it means the same."""

from contextlib import suppress

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.edge.http2.conftest import GET, POST, block

from tidegate_gateway.edge.http2.fields import MAX_BLOCK_BYTES, Block, BlockReader, block_of, field
from tidegate_gateway.edge.http2.frames import ErrorCode, Violated

Fields = list[tuple[bytes, bytes]]
NAMES = st.sampled_from([b"a", b"user-agent", b"grpc-timeout", b"authorization", b"x" * 150])
VALUES = st.one_of(
    st.sampled_from([b"", b"1", b"trailers", b"v" * 200]), st.binary(max_size=20).map(lambda one: one.hex().encode())
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


def fault(*fields: tuple[bytes, bytes]) -> str:
    return BlockReader().read(block(fields)).fault


# -- reading


def test_a_block_of_a_call() -> None:
    read = BlockReader().read(hpack.Encoder().encode([*POST, (b"te", b"trailers"), (b"a", b"1"), (b"a", b"2")]))
    assert (read.method, read.path, read.authority) == (b"POST", b"/", b"gate")
    assert read.fields == ((b"te", b"trailers"), (b"a", b"1"), (b"a", b"2"))
    assert (read.has_pseudo, read.fault, read.content_length) == (True, "", None)
    assert read.size_bytes == sum(len(name) + len(value) + 32 for name, value in (*POST, *read.fields))


@given(st.lists(st.tuples(FIELDS, st.booleans(), st.sampled_from([None, 0, 50, 200, 4_096])), max_size=25))
@settings(max_examples=150, deadline=None)
def test_a_connections_blocks_say_what_its_encoder_said(blocks: list[tuple[Fields, bool, int | None]]) -> None:
    """Whatever enters the table, falls out of it or changes its size: each block is read twice, which is where the memo could be wrong."""
    encoder, reader, plain = hpack.Encoder(), BlockReader(), BlockReader()
    for fields, huffman, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        data = encoder.encode(fields, huffman=huffman)
        assert reader.read(data).fields == tuple(fields)
        plain._forget()  # never knows a block again
        assert plain.read(data).fields == tuple(fields)
        again = encoder.encode(fields, huffman=huffman)
        assert reader.read(again).fields == tuple(fields)
        plain._forget()
        assert plain.read(again).fields == tuple(fields)


def indexed(number: int) -> bytes:
    return bytes([0x80 | number])


def adds(name: bytes, value: bytes) -> bytes:
    return b"\x40" + block([(name, value)])[1:]


def test_a_block_that_comes_again_is_not_understood_again() -> None:
    reader = BlockReader()
    assert reader.read(block(GET)) is reader.read(block(GET))


def test_a_known_block_is_forgotten_once_its_index_means_another_field() -> None:
    reader = BlockReader()
    reader.read(adds(b"a", b"1"))
    assert reader.read(indexed(62)).fields == ((b"a", b"1"),)
    reader.read(adds(b"a", b"2"))
    assert reader.read(indexed(62)).fields == ((b"a", b"2"),)


def test_a_known_block_is_forgotten_once_its_field_has_fallen_out() -> None:
    reader = BlockReader()
    reader.read(adds(b"a", b"1"))
    reader.read(indexed(62))
    reader.read(b"\x20")  # the table's size is nothing
    with pytest.raises(Violated) as caught:
        reader.read(indexed(62))
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


@pytest.mark.parametrize(
    "changes",
    [
        adds(b"a", b"1"),
        block(GET) + adds(b"a", b"1"),
        b"\x42\x031.1",  # a known name
        b"\x7f\x00\x011",  # index 63 of a name, in two bytes
        b"\x20" + block(GET),
        b"\x3f\xe1\x1f" + block(GET),
        block([(b"n" * 127, b"v" * 300)]) + adds(b"a", b"1"),
        block([(b"n", b"\x82" * 300)]) + adds(b"a", b"1"),  # where a wrong step would find indices only
        block([(b"\x82" * 130, b"\x82" * 20_000)]) + adds(b"a", b"1"),
        b"\x10" + block([(b"never", b"indexed")])[1:] + adds(b"a", b"1"),
        b"\x0f\x2f\x011" + adds(b"a", b"1"),  # an index of a name in two bytes, without being indexed
        indexed(2) + b"\xff\x00" + adds(b"a", b"1"),  # index 127 in two bytes
    ],
    ids=range(12),
)
def test_blocks_that_change_the_table_are_never_known_and_make_others_unknown(changes: bytes) -> None:
    reader = BlockReader()
    for place in range(66):
        reader.read(adds(b"b", b"%d" % place))  # so that all indices exist
    reader.read(block(GET))
    assert len(reader._known) == 1
    reader.read(changes)
    assert reader._known == {}


def test_blocks_that_come_once_do_not_keep_out_those_that_come_again() -> None:
    reader = BlockReader()
    for place in range(1_000):
        reader.read(block([(b"once", b"%d" % place)]))
        assert len(reader._known) <= 32
    assert reader.read(block(GET)) is reader.read(block(GET))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",
        b"\xff",
        b"\xbe",
        b"\x00\x05a",
        b"\x00\x81\xff\x00",
        b"\x3f\xe2\x1f",
        b"\x82\x20",
        b"\x7f" + b"\xff" * 20,
    ],
)
def test_what_cannot_be_decoded(data: bytes) -> None:
    """No index, no field of that index, no whole string, no padding of Huffman's, too large a table, one that changes late, endless numbers."""
    with pytest.raises(Violated) as caught:
        BlockReader().read(data)
    assert (caught.value.code, caught.value.stream) == (ErrorCode.COMPRESSION_ERROR, 0)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    reader = BlockReader()
    for _ in range(2):
        with suppress(Violated):
            reader.read(data)


def test_a_few_bytes_that_say_much_are_stopped() -> None:
    reader = BlockReader()
    reader.read(adds(b"a", b"v" * 4_000))
    with pytest.raises(Violated) as caught:
        reader.read(indexed(62) * (MAX_BLOCK_BYTES // 4_000 + 1))
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


# -- what may be a request (8.2, 8.3)


@pytest.mark.parametrize(
    "fields",
    [
        GET,
        POST,
        (*POST, (b"te", b"trailers"), (b"te", b"Trailers")),
        (*POST, (b"content-length", b"5"), (b"content-length", b"5")),
        (*POST, (b"a", b"")),
        (*POST, (b"a", b"in the \x09 middle \x80\xff")),
        (*POST, (b"!#$%&'*+-.^_`|~09az", b"1")),
        ((b":method", b"OPTIONS"), (b":scheme", b"http"), (b":path", b"*")),
        ((b":method", b"CONNECT"), (b":authority", b"gate:1")),
        (),
        ((b"grpc-status", b"0"),),
    ],
    ids=range(11),
)
def test_what_may_be_a_head_or_trailers(fields: Fields) -> None:
    assert fault(*fields) == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ([(b"a", b"b"), *POST], "a pseudo-header field after a regular one"),
        ([*POST, (b"a", b"b"), (b":path", b"/")], "a pseudo-header field after a regular one"),
        ([*POST, (b":path", b"/")], "a pseudo-header field twice"),
        ([*POST, (b":status", b"200")], "a pseudo-header field that requests do not have"),
        ([*POST, (b":protocol", b"websocket")], "a pseudo-header field that requests do not have"),
        ([*POST, (b":Path", b"/")], "a pseudo-header field that requests do not have"),
        ([*POST, (b":", b"/")], "a pseudo-header field that requests do not have"),
        (POST[1:], "without :method"),
        ([POST[0], *POST[2:]], "without :scheme"),
        ([*POST[:2], POST[3]], "without :path"),
        ([*POST[:2], (b":path", b"")], "without :path"),
        ([(b":method", b"CONNECT"), *POST[1:]], "CONNECT has an authority, and neither scheme nor path"),
        ([(b":method", b"CONNECT")], "CONNECT has an authority, and neither scheme nor path"),
        ([*POST, (b"Upper", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"a b", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"a:b", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"a\x00", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"a\n", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"\xc3\xa4", b"x")], "a field name that is none, or not in lower case"),
        ([*POST, (b"connection", b"x")], "a field of one connection, which HTTP/2 does not have"),
        ([*POST, (b"keep-alive", b"x")], "a field of one connection, which HTTP/2 does not have"),
        ([*POST, (b"proxy-connection", b"x")], "a field of one connection, which HTTP/2 does not have"),
        ([*POST, (b"transfer-encoding", b"chunked")], "a field of one connection, which HTTP/2 does not have"),
        ([*POST, (b"upgrade", b"h2c")], "a field of one connection, which HTTP/2 does not have"),
        ([*POST, (b"te", b"gzip")], "te is not trailers"),
        ([*POST, (b"te", b"trailers, gzip")], "te is not trailers"),
        ([*POST, (b"a", b"\x00")], "a value with control characters"),
        ([*POST, (b"a", b"x\r\ny")], "a value with control characters"),
        ([*POST, (b"a", b"x\n")], "a value with control characters"),
        ([*POST, (b"a", b" x")], "a value with control characters"),
        ([*POST, (b"a", b"x\t")], "a value with control characters"),
        ([POST[0], POST[1], (b":path", b"/\x00")], "a value with control characters"),
        ([*POST, (b"content-length", b"")], "content-length is no number"),
        ([*POST, (b"content-length", b"+5")], "content-length is no number"),
        ([*POST, (b"content-length", b"-5")], "content-length is no number"),
        ([*POST, (b"content-length", b"5, 5")], "content-length is no number"),
        ([*POST, (b"content-length", b"9" * 19)], "content-length is no number"),
        ([*POST, (b"content-length", b"5"), (b"content-length", b"6")], "content-length says two things"),
    ],
)
def test_what_is_malformed(fields: Fields, why: str) -> None:
    assert fault(*fields) == why


def test_the_length_of_a_request() -> None:
    assert BlockReader().read(block([*POST, (b"content-length", b"042")])).content_length == 42


# -- writing


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=20_000)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_we_write_is_what_hpack_reads_and_no_table_knows_it(fields: Fields) -> None:
    decoder = hpack.Decoder(max_header_list_size=1_000_000)
    assert [tuple(one) for one in decoder.decode(block_of(fields), raw=True)] == fields
    assert len(decoder.header_table.dynamic_entries) == 0


@pytest.mark.parametrize("size", [0, 126, 127, 128, 254, 255, 16_383, 16_510, 16_511, 70_000])
def test_lengths_at_their_edges(size: int) -> None:
    """RFC 7541, section 5.1."""
    decoded = hpack.Decoder(max_header_list_size=1_000_000).decode(field(b"a", bytes(size)), raw=True)
    assert [tuple(one) for one in decoded] == [(b"a", bytes(size))]


def test_blocks_of_nothing_mean_nothing() -> None:
    assert BlockReader().read(b"") == Block()
