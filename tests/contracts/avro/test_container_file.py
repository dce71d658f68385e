"""Object container files: fastavro writes them, every codec; damage, bombs and foreign schemas are refused at their byte."""

import io
import json
import tracemalloc
import zlib
from typing import Any
from uuid import UUID

import fastavro
import pytest
import zstandard

from tidegate.contracts.avro.container_file import BrokenContainer, Container, read_container
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.compiled import CompiledContract, compile_contract
from tidegate.contracts.media import AVRO
from tidegate.contracts.source import ContractSource, FieldRules, VersionSource
from tidegate.contracts.verdict import Encoded, Rejected

V1: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "c",
    "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": "int", "minimum": 0, "default": 7}],
}
V2: dict[str, Any] = {**V1, "fields": [*V1["fields"], {"name": "next", "type": ["null", "Order"], "default": None}]}
EVENTS = [{"id": f"a{index}", "n": index % 900} for index in range(1000)]
MOST = 1 << 20
SYNC = b"0123456789abcdef"


@pytest.fixture(scope="module")
def contract() -> CompiledContract:
    versions = tuple(
        VersionSource(number=number, schema_id=number + 10, format="avro", schema=json.dumps(schema))
        for number, schema in ((1, V1), (2, V2))
    )
    return compile_contract(ContractSource(topic="orders", id="orders", versions=versions))


def written(schema: Any = V1, events: Any = EVENTS, codec: str = "null", **options: Any) -> bytes:
    """A file by fastavro, which needs another library for zstandard: its blocks are compressed afterwards."""
    out = io.BytesIO()
    plain = codec == "zstandard"
    fastavro.writer(
        out, fastavro.parse_schema(schema), events, sync_marker=SYNC, codec="null" if plain else codec, **options
    )
    if not plain:
        return out.getvalue()
    blocks = fastavro.block_reader(io.BytesIO(out.getvalue()))
    parts = [block(each.num_records, zstandard.compress(each.bytes_.getvalue())) for each in blocks]
    return file(*parts, codec=codec, schema=json.dumps(schema).encode())


def refused(body: bytes, contract: CompiledContract, most: int = MOST) -> BrokenContainer:
    with pytest.raises(BrokenContainer) as error:
        values(read_container(body, contract, max_bytes=most, max_values=MOST))
    assert error.value.violation.pointer[0] == "#"
    return error.value


def values(container: Container) -> list[bytes]:
    return [value for value, _ in container.judged(container.version)]


def file(*parts: bytes, codec: str = "null", schema: bytes | None = None) -> bytes:
    """A container file by hand: `parts` stand behind the header."""
    entries = {b"avro.codec": codec.encode(), b"avro.schema": schema or json.dumps(V1).encode()}
    pairs = b"".join(zigzag(len(k)) + k + zigzag(len(v)) + v for k, v in entries.items())
    return b"Obj\x01" + zigzag(len(entries)) + pairs + b"\0" + SYNC + b"".join(parts)


def block(count: int, data: bytes) -> bytes:
    return zigzag(count) + zigzag(len(data)) + data + SYNC


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
@pytest.mark.parametrize("interval", [16000, 100])
def test_every_value_of_fastavro_s_files(contract: CompiledContract, codec: str, interval: int) -> None:
    container = read_container(written(codec=codec, sync_interval=interval), contract, max_bytes=MOST, max_values=MOST)
    assert (container.version.number, container.count) == (1, len(EVENTS))
    stored = []
    for _, verdict in container.judged(container.version):
        assert isinstance(verdict, Encoded)
        assert verdict.value is not None
        stored.append(fastavro.schemaless_reader(io.BytesIO(verdict.value[5:]), V1, None))  # type: ignore[call-overload]
    assert stored == EVENTS


def test_the_version_is_told_by_the_canonical_form(contract: CompiledContract) -> None:
    documented = {"doc": "an order", **V2, "fields": [{**field, "doc": "x"} for field in V2["fields"]]}
    assert read_container(written(documented, []), contract, max_bytes=MOST, max_values=MOST).version.number == 2
    other = {**V1, "fields": V1["fields"][:1]}
    wrong = refused(written(other, [{"id": "a"}]), contract)
    assert "none of the contract's versions" in wrong.violation.detail


def test_no_events(contract: CompiledContract) -> None:
    container = read_container(file(), contract, max_bytes=MOST, max_values=MOST)
    assert (container.count, values(container)) == (0, [])


def test_a_value_that_breaks_a_rule_is_a_value(contract: CompiledContract) -> None:
    container = read_container(file(block(2, b"\2a\1\2b\2")), contract, max_bytes=MOST, max_values=MOST)
    assert values(container) == [b"\2a\1", b"\2b\2"]


KEYED: dict[str, Any] = {
    "type": "record",
    "name": "Step",
    "confluent:rules": [{"name": "odd", "expr": "this.n != 3"}],
    "fields": [
        {"name": "n", "type": "int", "minimum": 0},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tags", "type": {"type": "array", "items": {"type": "string", "minLength": 1}}},
    ],
}


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_the_verdict_is_the_one_on_the_value_alone(codec: str) -> None:
    """Key, event time, CEL and byte offsets: nothing may come from a neighbour."""
    loose, same_schema = (
        VersionSource(
            number=number, schema_id=9, format="avro", schema=json.dumps(KEYED), key="id", event_time="at", rules=rules
        )
        for number, rules in ((1, ()), (2, (FieldRules(path="n", keywords={"maximum": 4}),)))
    )
    contract = compile_contract(ContractSource(topic="steps", id="steps", versions=(loose, same_schema)))
    steps = [
        {"n": n, "id": str(UUID(int=n + 9)), "at": 1000 * n, "tags": ["", "x"] if n % 2 else []}
        for n in (0, 3, 1, 6, 2, -1)
    ]
    body = written(KEYED, steps, codec=codec)
    container = read_container(body, contract, max_bytes=MOST, max_values=MOST)
    for version in contract.versions.values():
        judged = list(container.judged(version))
        assert [verdict for _, verdict in judged] == [version.check(value, AVRO) for value, _ in judged]
        refused_places = [place for place, (_, verdict) in enumerate(judged) if isinstance(verdict, Rejected)]
        assert refused_places == ([1, 2, 5] if version.number == 1 else [1, 2, 3, 5])


@pytest.mark.parametrize(
    ("body", "detail", "offset"),
    [
        (b"", "does not begin", 0),
        (b"Obj\x02", "does not begin", 0),
        (file()[:-1], "ends too early", len(file()) - 1),
        (file(block(1, b"\2a\2")[:-1]), "sync marker", len(file()) + 5),
        (file(block(1, b"\2a\2\0")), "behind its last value", len(file()) + 5),
        (file(block(2, b"\2a\2")), "ends too early", len(file()) + 5),
        (file(block(1, b"\xff")), "ends too early", len(file()) + 3),
        (file(block(-1, b"\2a\2")), "negative count", len(file())),
        (file(b"\2" + zigzag(1 << 40)), "past the end", len(file()) + 1),
        (file(block(1, b"no deflate"), codec="deflate"), "cannot be decompressed", len(file(codec="deflate")) + 2),
        (file(block(1, b"no zstd"), codec="zstandard"), "cannot be decompressed", len(file(codec="zstandard")) + 2),
        (file(codec="snappy"), "codec snappy", None),
        (file(schema=b"{"), "cannot be read", None),
        (file(schema=b'{"type":"record","name":"R","fields":[{"name":"a","type":"Nope"}]}'), "cannot be read", None),
        (file(schema=b"[" * 10_000), "cannot be read", None),
        (file(schema=b" " * 100_000), "far longer", None),
        (b"Obj\x01\0" + SYNC, "does not say its schema", None),
        (b"Obj\x01" + zigzag(1 << 50), "entries of metadata", 12),
    ],
)
def test_damage_is_named(contract: CompiledContract, body: bytes, detail: str, offset: int | None) -> None:
    wrong = refused(body, contract)
    assert detail in wrong.violation.detail
    assert wrong.violation.byte_offset == offset
    assert not wrong.too_large


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
def test_a_bomb_costs_its_limit(contract: CompiledContract, codec: str) -> None:
    body = written(events=[{"id": "a" * 100_000_000, "n": 1}], codec=codec)
    tracemalloc.start()
    assert refused(body, contract).too_large
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MOST


@pytest.mark.parametrize(("blocks", "size"), [(1, 300_000), (6, 60_000)])
def test_a_deflate_bomb_is_known_by_what_comes_out_of_how_little(
    contract: CompiledContract, blocks: int, size: int
) -> None:
    """Long before the limit: zlib takes 2 ms a megabyte of runs. zstandard, ten times as fast, is left to the limit."""
    packer = zlib.compressobj(9, wbits=-15)
    data = packer.compress(zigzag(size) + b"a" * size + b"\2") + packer.flush()
    wrong = refused(file(*[block(1, data)] * blocks, codec="deflate"), contract, 100_000_000)
    assert wrong.too_large
    assert "400 times" in wrong.violation.detail
    assert "zstandard" in wrong.violation.hint


def test_blocks_share_the_limit(contract: CompiledContract) -> None:
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(b"\2a\2" * 1000) + packer.flush()
    body = file(block(1000, data), block(1000, data), codec="deflate")
    assert len(values(read_container(body, contract, max_bytes=6000, max_values=MOST))) == 2000
    assert refused(body, contract, 5999).too_large


@pytest.mark.parametrize("codec", ["null", "deflate", "zstandard"])
def test_blocks_without_a_value_are_few(contract: CompiledContract, codec: str) -> None:
    """400,000 of them in eight megabytes took 3 seconds of deflate and 17 of zstd, the loop held all the while."""
    empty = {"null": b"", "deflate": b"\3\0", "zstandard": zstandard.compress(b"")}[codec]
    good = file(*[block(0, empty)] * 256, codec=codec)
    assert values(read_container(good, contract, max_bytes=MOST, max_values=MOST)) == []
    error = refused(file(*[block(0, empty)] * 257, codec=codec), contract)
    assert error.violation.detail == "has more than 256 blocks without a value"


def test_blocks_behind_the_most_values_are_not_looked_at(contract: CompiledContract) -> None:
    body = file(*[block(1, b"\2a\1")] * 5, block(1, b"\2a\1").replace(SYNC, b"?" * 16))
    assert read_container(body, contract, max_bytes=MOST, max_values=3).count == 4
    assert "sync marker" in refused(body, contract).violation.detail


def test_a_count_of_nothing_is_bounded() -> None:
    empty = json.dumps({"type": "record", "name": "E", "fields": []})
    version = VersionSource(number=1, schema_id=1, format="avro", schema=empty)
    contract = compile_contract(ContractSource(topic="t", id="t", versions=(version,)))
    assert refused(file(block(1 << 40, b""), schema=empty.encode()), contract).too_large
