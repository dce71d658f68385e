"""Avro object container files (specification, "Object Container Files"): one body to the bare values in it, and their version.

Called by the door that takes many events. Where a value ends tells the version's own reader, which is bounded and judges on
its way: so each value comes with its verdict (DESIGN.md says why no library reads these files). Nothing is
decompressed past `max_bytes`, and blocks are decompressed one by one as their values are asked for.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from tidegate.contracts.avro.canonical import canonical_form
from tidegate.contracts.avro.codec import AvroCodec
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.reading import ENDS, BrokenBytes, broken, read_long, read_size
from tidegate.contracts.avro.text_readers import text_at
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledContract, CompiledVersion, verdict_of
from tidegate.contracts.inflation import FIRST_BYTES, MAX_RATIO, is_bomb
from tidegate.contracts.jsontext import Broken, parse
from tidegate.contracts.verdict import Verdict, Violation
from tidegate.contracts.wording import shown

__all__ = ["CODECS", "BrokenContainer", "Container", "Judged", "read_container"]

_MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16
_SCHEMA_DEPTH: Final = 256
_MAX_METADATA: Final = 1000
_SCHEMA_TIMES, _SCHEMA_MORE_BYTES = 4, 16_384  # white space and documentation may differ from the version's own text
_MEANING = frozenset({"name", "namespace", "type", "fields", "symbols", "items", "values", "size"})
_ZSTD_WINDOW_BYTES: Final = 8 << 20
_MAX_EMPTY_BLOCKS: Final = 256
"""No writer writes any; 400,000 of them, each to be decompressed, are a file of eight megabytes and seconds of work."""


class BrokenContainer(ValueError):
    """A body that is no container file of the contract. `too_large`: its blocks decompress to more than was allowed."""

    def __init__(self, violation: Violation, *, too_large: bool = False) -> None:
        super().__init__(violation.detail)
        self.violation = violation
        self.too_large = too_large


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container file whose header and blocks are in order.

    `count` is the number of values, as the blocks say (where they are too many, those of the blocks up to there).
    """

    version: CompiledVersion
    count: int
    judged: Callable[[CompiledVersion], Iterator["Judged"]]
    """The bare values in their order, each with the verdict of the given version, whose schema must be the file's.

    Walking raises `BrokenContainer` where a block is not what it says.
    """


Judged = tuple[bytes, Verdict]


class _Block(msgspec.Struct, frozen=True):
    count: int
    start: int
    end: int


def read_container(body: bytes, contract: CompiledContract, *, max_bytes: int, max_values: int) -> Container:
    """The values in a container file. `max_bytes` bounds all blocks together, decompressed.

    Of a file of more than `max_values` the blocks behind them are not looked at: the caller refuses it by its `count`.
    Raises `BrokenContainer`.
    """
    try:
        metadata, at = _header(body)
        sync = body[at : at + _SYNC_BYTES]
        blocks = _blocks(body, at + _SYNC_BYTES, sync, max_values)
    except ENDS as error:
        raise BrokenContainer(broken(error, body).violation()) from None
    name = metadata.get("avro.codec", b"null").decode("ascii", "replace")
    decompress = CODECS.get(name)
    if decompress is None:
        raise _refused(
            f"is compressed with the codec {shown(name)}, which is not taken", f"one of the codecs {', '.join(CODECS)}"
        )
    version = _version(metadata.get("avro.schema"), contract)
    count = sum(block.count for block in blocks)
    if count > max_bytes:
        raise _too_large(max_bytes)

    def judged(judge: CompiledVersion) -> Iterator[Judged]:
        assert isinstance(judge.codec, AvroCodec)  # noqa: S101 -- only an Avro version has a canonical form
        return _judged(body, blocks, judge.codec, decompress, max_bytes)

    return Container(version=version, count=count, judged=judged)


def _refused(detail: str, expected: str, offset: int | None = None) -> BrokenContainer:
    return BrokenContainer(
        Violation(pointer="#", rule="encoding", detail=detail, expected=expected, byte_offset=offset)
    )


def _too_large(max_bytes: int) -> BrokenContainer:
    violation = Violation(
        pointer="#", rule="malformed", detail=f"holds more than {max_bytes} bytes once it is decompressed"
    )
    return BrokenContainer(violation, too_large=True)


def _bomb() -> BrokenContainer:
    detail = f"has blocks that hold more than {MAX_RATIO} times their own size"
    hint = "if it is meant so, write the file with the codec zstandard, or null"
    return BrokenContainer(Violation(pointer="#", rule="malformed", detail=detail, hint=hint), too_large=True)


def _header(body: bytes) -> tuple[dict[str, bytes], int]:
    """The metadata, and where the sync marker begins."""
    if not body.startswith(_MAGIC):
        raise BrokenBytes("encoding", "does not begin as an Avro object container file", 0)
    metadata: dict[str, bytes] = {}
    at = len(_MAGIC)
    entries = 0
    while True:
        count, at = read_long(body, at)
        if count < 0:
            count = -count
            _, at = read_long(body, at)
        if not count:
            break
        entries += count
        if entries > _MAX_METADATA:
            raise BrokenBytes("malformed", f"has more than {_MAX_METADATA} entries of metadata", at)
        for _ in range(count):
            key, at = text_at(body, at)
            size, at = read_size(body, at)
            metadata[key] = body[at : at + size]
            at += size
    if at + _SYNC_BYTES > len(body):
        raise IndexError
    return metadata, at


def _blocks(body: bytes, at: int, sync: bytes, max_values: int) -> list[_Block]:
    blocks: list[_Block] = []
    values = empty = 0
    while at < len(body) and values <= max_values:
        begin = at
        count, at = read_long(body, at)
        if count < 0:
            raise BrokenBytes("encoding", "has a block of a negative count", begin)
        size, at = read_size(body, at)
        end = at + size
        if body[end : end + _SYNC_BYTES] != sync:
            raise BrokenBytes("malformed", "has a block without the file's sync marker behind it", end)
        if not count:
            empty += 1
            if empty > _MAX_EMPTY_BLOCKS:
                raise BrokenBytes("malformed", f"has more than {_MAX_EMPTY_BLOCKS} blocks without a value", begin)
        values += count
        if count or size:
            blocks.append(_Block(count, at, end))
        at = end + _SYNC_BYTES
    return blocks


def _version(text: bytes | None, contract: CompiledContract) -> CompiledVersion:
    """The newest version whose schema is that of the file, in canonical form."""
    versions = [contract.newest, *(contract.versions[number] for number in sorted(contract.versions, reverse=True))]
    longest = max((len(version.source.schema) for version in versions), default=0)
    expected = "the schema of a version of the contract"
    if text is None:
        raise _refused("does not say its schema", expected)
    if len(text) > longest * _SCHEMA_TIMES + _SCHEMA_MORE_BYTES:
        raise _refused("has a schema that is far longer than the contract's", expected)
    form = _canonical(text)
    if form is None:
        raise _refused("has a schema that cannot be read", expected)
    for version in versions:
        if isinstance(version.codec, AvroCodec) and version.codec.canonical == form:
            return version
    raise _refused("was written with a schema that is none of the contract's versions", expected)


def _canonical(text: bytes) -> str | None:
    """The canonical form of a stranger's schema; None for what is none. Defaults are not looked at: they could be endless."""
    tree = parse(text, _SCHEMA_DEPTH)
    if isinstance(tree, Broken):
        return None
    try:
        return canonical_form(parse_schema(msgspec.json.encode(_bare(tree)).decode()))
    except (ContractError, RecursionError):
        return None


def _bare(tree: object) -> object:
    """A schema with the members only that its canonical form is made of."""
    if isinstance(tree, list):
        return [_bare(item) for item in tree]
    if isinstance(tree, dict):
        return {name: _bare(item) for name, item in tree.items() if name in _MEANING}
    return tree


def _judged(
    body: bytes, blocks: list[_Block], codec: AvroCodec, decompress: "Decompress", max_bytes: int
) -> Iterator[Judged]:
    left = max_bytes
    taken_bytes = 0
    for block in blocks:
        data = decompress(body[block.start : block.end], left)
        if data is None:
            raise BrokenContainer(
                BrokenBytes("encoding", "has a block that cannot be decompressed", block.start).violation()
            )
        if len(data) > left:
            raise _too_large(max_bytes)
        left -= len(data)
        taken_bytes += block.end - block.start
        if decompress is _inflate and is_bomb(taken_bytes, max_bytes - left):
            raise _bomb()
        plain = block.start if decompress is _as_it_is else None
        at = 0
        for _ in range(block.count):
            verdict, end = _next(codec, data, at, block.start, plain)
            yield data[at:end], verdict
            at = end
        if at != len(data):
            raise _in_block(
                BrokenBytes("malformed", "has a block with bytes behind its last value", at), block.start, plain
            )


def _next(codec: AvroCodec, data: bytes, at: int, block: int, plain: int | None) -> tuple[Verdict, int]:
    try:
        payload, end = codec.check_next(data, at)
    except BrokenBytes as error:
        raise _in_block(error, block, plain) from None
    return verdict_of(payload), end


def _in_block(error: BrokenBytes, block: int, plain: int | None) -> BrokenContainer:
    """With an offset in the file: the byte itself where nothing was compressed, else the block's first."""
    error.offset = block if plain is None else plain + error.offset
    return BrokenContainer(error.violation())


Decompress = Callable[[bytes, int], bytes | None]
"""A block's bytes, decompressed at most to one byte more than the given number; None for what cannot be."""


def _as_it_is(block: bytes, _most: int) -> bytes | None:
    return block


def _inflate(block: bytes, most: int) -> bytes | None:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    first = min(FIRST_BYTES, most) + 1
    try:
        data = stream.decompress(block, first)
        if is_bomb(len(block) - len(stream.unconsumed_tail), len(data)):
            raise _bomb()
        if len(data) == first <= most:
            data += stream.decompress(stream.unconsumed_tail, most + 1 - first)
    except zlib.error:
        return None
    return data if len(data) > most or stream.eof else None  # fastavro leaves bytes of zlib's checksum behind the end


def _codecs() -> dict[str, Decompress]:
    codecs: dict[str, Decompress] = {"null": _as_it_is, "deflate": _inflate}
    try:
        import zstandard  # comes with the gateway; the SDK alone does without
    except ImportError:
        return codecs

    def unzstd(block: bytes, most: int) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        try:
            with zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).stream_reader(block) as stream:
                while size <= most and (part := stream.read(min(most + 1 - size, 1 << 16))):
                    parts.append(part)
                    size += len(part)
        except zstandard.ZstdError:
            return None
        return b"".join(parts)

    return {**codecs, "zstandard": unzstd}


CODECS: Final[Mapping[str, Decompress]] = _codecs()
"""The codecs that are taken, by their names in the specification."""
