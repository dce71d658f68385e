"""gzip and zstd as they arrive: whole, in pieces, in several members, damaged, and as bombs (faults.md 25)."""

import gzip
import time
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.doors.rest.conftest import make_gate
from tests.gateway.doors.rest.test_body import pieces, read

from tidegate.contracts.inflation import FIRST_BYTES
from tidegate.errors import Code
from tidegate_gateway.doors.rest.decompress import encoding_of, inflater
from tidegate_gateway.doors.rest.gunzip import PIECE_BYTES, Gunzip
from tidegate_gateway.intake.faults import Fault

WINDOW_LOG_16_MIB = 24
SKIPPABLE = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"inner"


def zstd(data: bytes, level: int = 3, *, declared: bool = True, checksum: bool = False) -> bytes:
    """One frame, which says how much it holds or does not."""
    return zstandard.ZstdCompressor(level=level, write_content_size=declared, write_checksum=checksum).compress(data)


def flushed(*parts: bytes) -> bytes:
    """One frame with a block at least for each part, as a producer writes that flushes after each event."""
    out = zstandard.ZstdCompressor().compressobj()
    return b"".join(out.compress(p) + out.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for p in parts) + out.flush()


def windowed(data: bytes, window_log: int) -> bytes:
    """A frame of unknown size that asks for a window of 2 to the power of `window_log` bytes."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log)
    out = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return out.compress(data) + out.flush()


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [
        (None, ""), (b"", ""), (b"identity", ""), (b"Identity ", ""), (b"gzip", "gzip"), (b"GZIP", "gzip"), (b"x-gzip", "gzip"),
        (b"zstd", "zstd"), (b" ZStd", "zstd"),
    ],
)  # fmt: skip
def test_encodings(sent: bytes | None, encoding: str) -> None:
    assert encoding_of(sent) == encoding


@pytest.mark.parametrize(
    "sent", [b"br", b"deflate", b"gzip, zstd", b"gzip,gzip", b"identity, gzip", b"zstd;q=1", b"\xff"]
)
def test_encodings_that_are_none(sent: bytes) -> None:
    with pytest.raises(Fault) as caught:
        encoding_of(sent)
    assert (caught.value.code, caught.value.accepted) == (Code.UNSUPPORTED_MEDIA, ("identity", "gzip", "zstd"))


NOISE = bytes((i * i * 7 + i // 3) % 251 for i in range(300_000))


@pytest.mark.parametrize("size", [1, 7, 1000, 10_000_000])
@pytest.mark.parametrize(
    "data",
    [
        zstd(b"one") + zstd(b"") + zstd(b"two"),
        zstd(b"one", declared=False) + zstd(b"two", declared=False, checksum=True),
        SKIPPABLE + zstd(b"one") + SKIPPABLE + zstd(b"two") + SKIPPABLE,
        flushed(b"o", b"ne", b"", b"two"),
        windowed(b"onetwo", 23),
    ],
    ids=["frames", "undeclared", "skippable", "flushed", "window"],
)
async def test_zstd_in_pieces(data: bytes, size: int) -> None:
    assert await read(*pieces(data, size), encoding="zstd") == b"onetwo"


@pytest.mark.parametrize("level", [-5, 1, 3, 12, 19])
@pytest.mark.parametrize("checksum", [True, False])
async def test_zstd_of_many_blocks(level: int, checksum: bool) -> None:
    for data in (NOISE, b"ab" * 400_000, b""):
        sent = zstd(data, level, declared=not checksum, checksum=checksum)
        assert await read(*pieces(sent, 50_000), encoding="zstd") == data


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 60), st.sampled_from([zstd, gzip.compress]))
async def test_what_was_compressed_comes_back(
    parts: list[bytes], size: int, compress: Callable[[bytes], bytes]
) -> None:
    sent = b"".join(map(compress, parts)) or compress(b"")
    assert await read(*pieces(sent, size), encoding=compress.__name__.replace("compress", "gzip")) == b"".join(parts)


WHOLE = zstd(b"whole " * 20, checksum=True)


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zstd at all",
        b"\x28",
        b"\x28\xb5\x2f\xfd",
        SKIPPABLE[:-1],
        WHOLE[:-1],
        WHOLE[:-4],
        WHOLE[:9],
        WHOLE + b"garbage",
        WHOLE + b"\x00",
        WHOLE + WHOLE[:-3],
        WHOLE[:-4] + b"\0\0\0\0",
        gzip.compress(b"whole"),
        b"\x28\xb5\x2f\xfd\x00\x58\xff\xff\xff",
        b"\x28\xb5\x2f\xfd\x00\x58\x07\x00\x00",
        zstd(b"") * 257,
        flushed(*[b"x"] * 17_000),
    ],
)
async def test_what_is_not_zstd_is_malformed(data: bytes, size: int) -> None:
    with pytest.raises(Fault) as caught:
        await read(*(pieces(data, size) or [b""]), encoding="zstd")
    assert caught.value.code is Code.MALFORMED
    assert caught.value.violations[0].rule == "encoding"


async def outcome(sent: bytes, size: int, encoding: str) -> bytes | Code:
    """What a body holds, or the code of its refusal."""
    try:
        return await read(*(pieces(sent, size) or [b""]), encoding=encoding)
    except Fault as fault:
        return fault.code


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255), st.integers(1, 40))
async def test_a_flipped_byte_is_found(at: int, flip: int, size: int) -> None:
    """The checksum's frame: a changed byte is refused, or changes nothing that was decoded (an unused bit of the head)."""
    sent = WHOLE[:at] + bytes([WHOLE[at] ^ flip]) + WHOLE[at + 1 :]
    assert await outcome(sent, size, "zstd") in {b"whole " * 20, Code.MALFORMED, Code.TOO_LARGE}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["gzip", "zstd"]), st.binary(max_size=200), st.integers(1, 40))
async def test_any_bytes_are_decompressed_or_malformed(encoding: str, data: bytes, size: int) -> None:
    magic = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}[encoding]
    for sent in (data, magic + data):
        answer = await outcome(sent, size, encoding)
        assert isinstance(answer, bytes) or answer in {Code.MALFORMED, Code.TOO_LARGE}


def test_a_window_is_bounded_whatever_the_content() -> None:
    """RFC 9659: 8 MiB, as a window's descriptor or as the size of a single segment."""
    for data in (windowed(b"small", WINDOW_LOG_16_MIB), zstd(bytes(9_000_000), 22)):
        with pytest.raises(Fault) as caught:
            list(inflater("zstd").feed(data))
        assert caught.value.code is Code.TOO_LARGE


def test_a_declared_size_opens_no_way_around_the_pieces() -> None:
    """traps.md: zstandard ignores its limit on output where the frame declares its size."""
    data = zstd(bytes(8_000_000))
    assert max(map(len, inflater("zstd").feed(data))) <= 131_072


async def test_the_limit_is_exact() -> None:
    data = b"x" * 100
    for sent in (zstd(data), zstd(data, declared=False), zstd(data[:50]) + zstd(data[50:])):
        assert await read(sent, encoding="zstd", limit_bytes=100) == data
        with pytest.raises(Fault) as caught:
            await read(sent, encoding="zstd", limit_bytes=99)
        assert caught.value.code is Code.TOO_LARGE


def big_gzip(size_bytes: int) -> bytes:
    return gzip.compress(b"[" * size_bytes, 9)


@pytest.mark.parametrize(
    ("data", "encoding", "status"),
    [
        (big_gzip(200_000_000), "gzip", 413),
        (big_gzip(20_000_000) * 10, "gzip", 413),
        (b"".join([big_gzip(100_000)] * 255), "gzip", 413),
        (gzip.compress(big_gzip(100_000_000), 9), "gzip", 400),  # decompressed once it is small, and no batch
        (zstd(b"[" * 200_000_000), "zstd", 413),
        (zstd(b"[" * 200_000_000, declared=False), "zstd", 413),
        (zstd(b"[" * 200_000_000, 19), "zstd", 413),
        (b"".join([zstd(b"[" * 100_000)] * 200), "zstd", 413),
        (b"".join([zstd(b"[" * 100_000, declared=False)] * 200), "zstd", 413),
        (zstd(zstd(b"[" * 200_000_000)), "zstd", 400),
        (flushed(*[b"["] * 16_000), "zstd", 400),
        (SKIPPABLE * 250 + zstd(b"["), "zstd", 400),
    ],
    ids=[
        "gzip", "gzip-members", "gzip-many-members", "gzip-nested", "zstd-declared", "zstd-undeclared", "zstd-19", "zstd-frames",
        "zstd-frames-undeclared", "zstd-nested", "zstd-tiny-blocks", "zstd-skippable",
    ],
)  # fmt: skip
async def test_bombs(data: bytes, encoding: str, status: int) -> None:
    """faults.md 25: at most 20 MB more memory and 50 ms of CPU."""
    gate = make_gate()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await gate.batch(data, headers=[("Content-Encoding", encoding)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 20_000_000
    best_s = float("inf")
    for _ in range(3):
        started = time.process_time()
        reply = await gate.batch(data, headers=[("Content-Encoding", encoding)])
        best_s = min(best_s, time.process_time() - started)
    print(f"{best_s * 1e3:.2f} ms, {(peak - before) / 1e6:.1f} MB")
    assert best_s < 0.15  # 0.05 where nothing else runs
    assert reply.status == status


@pytest.mark.parametrize(
    "data",
    [big_gzip(1_000_000), big_gzip(50_000) * 20, b"".join(map(big_gzip, range(33_000, 33_020)))],
    ids=["one member", "members", "small members"],
)
@pytest.mark.parametrize("size", [500, 10_000_000])
def test_a_gzip_bomb_is_known_by_its_ratio_long_before_the_limit(data: bytes, size: int) -> None:
    """However it is cut into members and pieces: 256 KiB and a piece come out at most."""
    reader, given = Gunzip(), []

    def inflate() -> None:
        for piece in pieces(data, size):
            given.extend(len(part) for part in reader.feed(piece))

    with pytest.raises(Fault, match="400 times") as caught:
        inflate()
    assert caught.value.code is Code.TOO_LARGE
    assert sum(given) <= FIRST_BYTES + PIECE_BYTES


async def test_a_batch_of_equal_events_is_no_bomb() -> None:
    data = b'{"value":{"orderId":"5b1e2c1e-3b0a-4e0e-9c1e-1a2b3c4d5e6f","total":"12.50"}}\n' * 10_000
    sent = gzip.compress(data, 9)
    assert len(data) > 200 * len(sent)
    assert await read(sent, encoding="gzip", limit_bytes=len(data)) == data


async def test_a_small_body_may_be_as_dense_as_it_likes() -> None:
    data = b" " * FIRST_BYTES
    assert await read(gzip.compress(data, 9), encoding="gzip", limit_bytes=len(data)) == data


@pytest.mark.parametrize("cut", [1, 4, 8, 100])
async def test_a_gzip_that_was_cut_is_damaged_and_not_called_large(cut: int) -> None:
    """What stands at its end says some gigabytes now; what stands at its beginning does not agree."""
    sent = gzip.compress(NOISE, mtime=0)[:-cut]
    assert await outcome(sent, 10_000_000, "gzip") is Code.MALFORMED


async def test_a_gzip_that_says_it_holds_more_is_not_decompressed() -> None:
    sent = big_gzip(50_000_000)
    best_s = float("inf")
    for _ in range(3):
        started = time.process_time()
        with pytest.raises(Fault) as caught:
            await read(sent, encoding="gzip", limit_bytes=8_388_608)
        assert caught.value.code is Code.TOO_LARGE
        best_s = min(best_s, time.process_time() - started)
    assert best_s < 0.008  # 0.3 ms; decompressed to the limit it is 18


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("zstd", zstd)])
async def test_compressed_bodies_of_every_endpoint(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    gate = make_gate()
    headers = [("Content-Encoding", encoding)]
    assert (await gate.event(compress(b'{"n":1}'), headers=headers)).status == 200
    assert (await gate.event(compress(b"\x05"), media="application/avro", headers=headers)).status == 200
    assert (await gate.validate(compress(b'{"n":1}'), headers=headers)).status == 200
    assert (await gate.batch(compress(b'{"events":[{"value":{"n":1}}]}'), headers=headers)).status == 200
    lines = await gate.batch(compress(b'{"value":{"n":1}}\n'), media="application/x-ndjson", headers=headers)
    assert lines.status == 200
    assert gate.limiter.asked == [(1, 7), (1, 1), (1, 7), (1, 30), (1, 18)], "limits count what was decompressed"
