"""Every decoder that reads a stranger's bytes, as a function of bytes: it returns, or raises what is a finding.

Used by `run` (coverage-guided, atheris) and by the tests, which feed the regression inputs. Knows no fuzzer.
"""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from tests.fuzz import wire

from tidegate.contracts.avro.container_file import BrokenContainer, read_container
from tidegate.contracts.compiled import CompiledContract, CompiledVersion, compile_contract
from tidegate.contracts.media import (
    AVRO,
    AVRO_FRAMED,
    AVRO_JSON,
    JSON,
    PROTOBUF,
    PROTOBUF_FRAMED,
)
from tidegate.contracts.rules import KEYWORDS, RULES
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.contracts.verdict import MAX_VIOLATIONS, Encoded, Rejected
from tidegate.repository.folder import load
from tidegate_gateway.doors.heads import event_of, read_head, version_of
from tidegate_gateway.doors.media import DATA_FORMS
from tidegate_gateway.doors.rest.batch import Unbatchable, json_batch, ndjson_batch
from tidegate_gateway.doors.rest.decompress import inflater
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import MemoryBudget

__all__ = ["TARGETS", "Target"]

_MOST_BYTES = 1 << 20
_SCHEMAS = Path(__file__).parents[2] / "schemas"


class Target(msgspec.Struct, frozen=True):
    """`run` raises for a finding only. `seeds` are inputs that reach the far side."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def _logical(kind: str, logical: str, /, **more: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical, **more}


_RICH: dict[str, Any] = {
    "type": "record",
    "name": "Rich",
    "namespace": "f",
    "fields": [
        {"name": "key", "type": _logical("string", "uuid")},
        {"name": "at", "type": ["null", _logical("long", "timestamp-millis")], "default": None},
        {"name": "next", "type": ["null", "Rich"], "default": None},
        {"name": "many", "type": ["null", "boolean", "int", "double", "string", "bytes", "Rich"], "default": None},
        {"name": "amount", "type": _logical("bytes", "decimal", precision=9, scale=2), "maximum": 100, "default": "\0"},
        {"name": "fixed", "type": _logical("fixed", "decimal", name="D", size=3, precision=5), "default": "\0\0\0"},
        {"name": "single", "type": "float", "multipleOf": 0.25, "default": 0},
        {"name": "none", "type": {"type": "array", "items": "null"}, "maxItems": 9, "default": []},
        {"name": "names", "type": {"type": "array", "items": ["null", "string"]}, "uniqueItems": True, "default": []},
        {"name": "map", "type": {"type": "map", "values": {"type": "array", "items": "int"}}, "default": {}},
        {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}, "default": "A"},
        {"name": "text", "type": "string", "pattern": "^[a-z]*$", "maxLength": 9, "default": ""},
        {"name": "day", "type": _logical("int", "date"), "minimum": 0, "default": 0},
    ],
}


def _rich() -> CompiledContract:
    version = VersionSource(
        number=1, schema_id=7, format="avro", schema=json.dumps(_RICH), key="key", event_time="at", tombstones="allow"
    )
    return compile_contract(ContractSource(topic="rich", id="rich", versions=(version,)))


def _contracts() -> dict[str, CompiledContract]:
    loaded = load(_SCHEMAS, working_copies=False)
    assert not loaded.broken
    return {contract.topic: contract for contract in loaded.contracts} | {"rich": _rich()}


_CONTRACTS = _contracts()
_FRAMED = {JSON: AVRO_FRAMED, AVRO_JSON: AVRO_FRAMED, AVRO: AVRO_FRAMED, AVRO_FRAMED: AVRO_FRAMED}


def _judged(version: CompiledVersion, body: bytes, media_type: str) -> None:
    """One verdict, and what must hold of every verdict."""
    verdict = version.check(body, media_type)
    if isinstance(verdict, Rejected):
        assert 1 <= len(verdict.violations) <= MAX_VIOLATIONS
        for violation in verdict.violations:
            assert violation.pointer[:1] == "#"
            assert violation.detail
            if version.source.format == "avro":
                assert violation.rule in RULES | KEYWORDS, violation
            assert violation.byte_offset is None or 0 <= violation.byte_offset <= len(body)
        return
    assert isinstance(verdict, Encoded)
    if verdict.value is None:
        return
    framed = AVRO_FRAMED if version.source.format == "avro" else PROTOBUF_FRAMED
    again = version.check(verdict.value, framed)
    assert isinstance(again, Encoded), again
    assert (again.key, again.time_ms) == (verdict.key, verdict.time_ms)
    if version.source.format == "avro":
        assert again.value == verdict.value


def _verdict(topic: str, media_type: str, *seeds: bytes) -> Target:
    version = _CONTRACTS[topic].newest

    def run(data: bytes) -> None:
        _judged(version, data, media_type)

    return Target(run, seeds)


def _encoded(topic: str) -> bytes:
    """The example of a topic's newest version, framed."""
    version = _CONTRACTS[topic].newest
    verdict = version.check(version.codec.example())
    assert isinstance(verdict, Encoded)
    assert verdict.value is not None
    return verdict.value


def _tagged() -> bytes:
    value = {field["name"]: field.get("default") for field in _RICH["fields"]}
    return json.dumps(value | {"key": "0190b5c2-7e1a-7c3d-9f00-0123456789ab", "at": {"long": 5}}).encode()


def _container(data: bytes) -> None:
    try:
        container = read_container(data, _CONTRACTS["rich"], max_bytes=_MOST_BYTES, max_values=_MOST_BYTES)
        for value, verdict in container.judged(container.version):
            _judged(container.version, value, AVRO)
            assert verdict == container.version.check(value, AVRO)
    except BrokenContainer as error:
        assert error.violation.rule in RULES  # noqa: PT017 -- nothing need be raised


def _container_seed(codec: bytes) -> bytes:
    schema, sync = json.dumps(_RICH).encode(), bytes(16)
    value = _encoded("rich")[5:]
    data = value if codec == b"null" else zstandard.compress(value)
    entries = b"\4" + _sized(b"avro.codec") + _sized(codec) + _sized(b"avro.schema") + _sized(schema) + b"\0"
    return b"Obj\x01" + entries + sync + b"\2" + _sized(data) + sync


def _sized(data: bytes) -> bytes:
    size = len(data) * 2
    head = bytes((size,)) if size < 128 else bytes((size & 0x7F | 0x80, size >> 7))
    return head + data


def _inflating(encoding: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        reader, size = inflater(encoding), 0
        try:
            for piece in (data[:7], data[7:]):
                for part in reader.feed(piece):
                    size += len(part)
                    if size > _MOST_BYTES:
                        return
            reader.finish()
        except Fault as fault:
            assert fault.code.value in ("malformed", "too_large")  # noqa: PT017 -- nothing need be raised

    return run


def _batch(data: bytes) -> None:
    _walk(lambda: json_batch(data, MemoryBudget(1 << 26).reserve(0), forms=DATA_FORMS["avro"]).events)


def _lines(data: bytes) -> None:
    forms = DATA_FORMS["avro"]
    for bare in (True, False):
        _walk(
            lambda bare=bare: (
                ndjson_batch(  # type: ignore[misc]
                    data, MemoryBudget(1 << 26).reserve(0), forms=forms, bare_values=bare, max_events=1000
                ).events
            )
        )


def _walk(events: Callable[[], Iterable[object]]) -> None:
    try:
        for event in events():
            assert event is not None
    except (Unbatchable, Fault):
        return


_FIELDS = (b"content-type", b"event-id", b"idempotency-key", b"event-key", b"event-time", b"event-version")


def _head(data: bytes) -> None:
    """Lines of a head: a digit chooses one of our fields, anything else is `name:value`."""
    headers = []
    for line in data.split(b"\n"):
        name, _, value = line.partition(b":")
        if name[:1].isdigit():
            name = _FIELDS[int(name[:1]) % len(_FIELDS)]
        headers.append((name.lower(), value))
    scope = {"raw_path": b"/", "path": "/", "query_string": data[:20], "headers": headers}
    try:
        head = read_head(scope)
        version_of(head)
        event_of(head)
    except Fault as fault:
        assert fault.code.value in ("malformed", "too_large")  # noqa: PT017 -- nothing need be raised


_EVENT = b'{"events":[{"id":"a","key":"k","value":{"a":[1,"x"]},"headers":{"h":"v"},"time":"2026-01-31T12:00:00Z"}]}'
_STATUS = "customer.order-status"

TARGETS: dict[str, Target] = {
    "avro-plain": _verdict("rich", JSON, _CONTRACTS["rich"].newest.codec.example(), b"null"),
    "avro-json": _verdict("rich", AVRO_JSON, _tagged(), b"null"),
    "avro-binary": _verdict("rich", AVRO, _encoded("rich")[5:]),
    "avro-framed": _verdict("rich", AVRO_FRAMED, _encoded("rich")),
    "avro-container": Target(_container, (_container_seed(b"null"), _container_seed(b"zstandard"))),
    "protobuf-json": _verdict(_STATUS, JSON, _CONTRACTS[_STATUS].newest.codec.example()),
    "protobuf-binary": _verdict(_STATUS, PROTOBUF, _encoded(_STATUS)[6:]),
    "protobuf-framed": _verdict(_STATUS, PROTOBUF_FRAMED, _encoded(_STATUS)),
    "gzip": Target(_inflating("gzip"), (gzip.compress(b"abc" * 100), gzip.compress(b"a") + gzip.compress(b"b"))),
    "zstd": Target(_inflating("zstd"), (zstandard.compress(b"abc" * 100),)),
    "json-batch": Target(_batch, (_EVENT,)),
    "ndjson": Target(_lines, (_EVENT[11:-2] + b"\n\n" + _EVENT[11:-2],)),
    "head": Target(_head, (b'2:"abc"\n4:2026-01-31T12:00:00Z\n5:1\nevent-header-a:b',)),
    "http2": Target(wire.connection, wire.CONNECTION_SEEDS),
    "grpc-head": Target(wire.head, wire.HEAD_SEEDS),
    "grpc-message": Target(wire.messages, wire.MESSAGE_SEEDS),
}
"""By name."""
