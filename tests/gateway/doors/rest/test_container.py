"""Avro container files at the batch endpoint, as fastavro writes them."""

import gzip
import io
import json
from typing import Any

import fastavro
import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, OrderCodec, contract, make_gate

from tidegate.contracts.compiled import CompiledContract, CompiledVersion, compile_contract
from tidegate.contracts.media import AVRO_CONTAINER, JSON
from tidegate.contracts.source import ContractSource, VersionSource

FIRST = {"type": "record", "name": "Order", "fields": [{"name": "n", "type": "int", "minimum": 1, "maximum": 10}]}
SECOND = {**FIRST, "fields": [*FIRST["fields"], {"name": "note", "type": "string", "default": ""}]}  # type: ignore[misc]

JSON_ONLY = OrderCodec(media_types=frozenset({JSON}))


def orders(**live: Any) -> CompiledContract:
    versions = tuple(
        VersionSource(number=number, schema_id=schema_id, format="avro", schema=json.dumps(schema))
        for number, schema_id, schema in ((1, 11, FIRST), (2, 12, SECOND), (3, 11, FIRST))
    )
    return compile_contract(ContractSource(topic=TOPIC, id="urn:orders", versions=versions, **live))


def file(*values: object, schema: object = SECOND, codec: str = "null", sync_interval: int = 16_000) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, schema, values, codec=codec, sync_interval=sync_interval)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.fixture
def gate() -> Gate:
    return make_gate(orders())


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("sync_interval", [1, 16_000])
async def test_each_value_is_an_event(gate: Gate, codec: str, sync_interval: int) -> None:
    body = file({"n": 1, "note": "ä"}, {"n": 11}, {"n": 3}, codec=codec, sync_interval=sync_interval)
    reply = await gate.batch(body, media=AVRO_CONTAINER)
    assert reply.status == 207
    assert [result["status"] for result in reply.json["results"]] == ["stored", "rejected", "stored"]
    assert reply.json["results"][1]["error"]["errors"][0]["pointer"] == "#/n"
    assert [record.value for record in gate.publisher.stored] == [
        b"\0\0\0\0\x0c\x02\x04\xc3\xa4",
        b"\0\0\0\0\x0c\x06\0",
    ]
    assert gate.limiter.asked[0][0] == 3


async def test_an_empty_file_is_an_empty_batch(gate: Gate) -> None:
    reply = await gate.batch(file(), media=AVRO_CONTAINER)
    assert (reply.status, reply.json["results"]) == (200, [])


@pytest.mark.parametrize(("named", "given"), [(None, 3), ("1", 1), ("3", 3)])
async def test_versions_of_one_schema_are_told_apart_by_the_header(gate: Gate, named: str | None, given: int) -> None:
    headers = [("Event-Version", named)] if named else []
    reply = await gate.batch(file({"n": 1}, schema=FIRST), media=AVRO_CONTAINER, headers=headers)
    assert (reply.status, reply.json["results"][0]["version"]) == (200, given)


async def test_a_header_that_contradicts_the_file_is_refused(gate: Gate) -> None:
    reply = await gate.batch(file({"n": 1}), media=AVRO_CONTAINER, headers=[("Event-Version", "1")])
    assert (reply.status, reply.json["code"], reply.json["errors"][0]["rule"]) == (400, "malformed", "encoding")
    assert "was written with the schema of version 2, and Event-Version says 1" in reply.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Obj",
        b'{"events":[]}',
        file({"n": 1})[:-1],
        file({"n": 1}) + b"x",
        file({"n": 1}, codec="deflate")[:-20] + bytes(20),
        file({"x": 1}, schema={**FIRST, "fields": [{"name": "x", "type": "int"}]}),
        gzip.compress(file({"n": 1})),
    ],
)
async def test_what_is_no_file_of_this_contract_is_refused_whole(gate: Gate, body: bytes) -> None:
    reply = await gate.batch(body, media=AVRO_CONTAINER)
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert reply.json["errors"][0]["pointer"] == "#"
    assert gate.publisher.stored == []
    assert gate.limiter.asked == [(1, len(body))], "it spends the allowance"


async def test_a_file_of_too_many_or_too_much_is_413() -> None:
    few = make_gate(orders(), max_batch_events=2)
    reply = await few.batch(file({"n": 1}, {"n": 1}, {"n": 1}), media=AVRO_CONTAINER)
    assert (reply.status, reply.json["maxEvents"]) == (413, 2)
    bomb = file(*[{"n": 1, "note": " " * 100_000}] * 100, codec="deflate")
    large = make_gate(orders(), max_batch_bytes=1_000_000)
    reply = await large.batch(bomb, media=AVRO_CONTAINER)
    assert (reply.status, reply.json["code"]) == (413, "too_large")


async def test_one_oversized_event_among_good_ones() -> None:
    gate = make_gate(orders(max_event_bytes=500))
    reply = await gate.batch(file({"n": 1}, {"n": 1, "note": "x" * 600}), media=AVRO_CONTAINER)
    assert [result.get("error", {}).get("code") for result in reply.json["results"]] == [None, "too_large"]


async def test_it_may_be_compressed_once_more(gate: Gate) -> None:
    reply = await gate.batch(
        gzip.compress(file({"n": 1})), media=AVRO_CONTAINER, headers=[("Content-Encoding", "gzip")]
    )
    assert reply.status == 200


@pytest.mark.parametrize("where", ["event", "validate"])
async def test_it_goes_to_the_batch_endpoint_alone(gate: Gate, where: str) -> None:
    reply = await getattr(gate, where)(file({"n": 1}), media=AVRO_CONTAINER)
    assert reply.status == 415
    assert "which go to events:batch" in reply.json["detail"]


async def test_a_contract_that_takes_no_avro_says_what_it_takes() -> None:
    json_only = contract()
    versions = {n: CompiledVersion(TOPIC, v.source, JSON_ONLY) for n, v in json_only.versions.items()}
    reply = await make_gate(CompiledContract(json_only.source, versions)).batch(file({"n": 1}), media=AVRO_CONTAINER)
    assert (reply.status, reply.json["accepted"]) == (415, ["application/json", "application/x-ndjson"])
