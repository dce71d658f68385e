"""More than three hundred bodies with their exact verdicts, through the real door: `table/*.txt`, one row a line.

Every accepted value is read back by fastavro, and sent again in each of the contract's other forms: the same bytes must be stored.
"""

import base64
import io
import json
from functools import cache
from typing import Any

import fastavro
import pytest
from tests.gateway.doors.rest.conftest import TOPIC, Gate, Reply, make_gate
from tests.gateway.doors.rest.table.rows import HERE, Row, read_rows

from tidegate.contracts.compiled import CompiledContract, compile_contract
from tidegate.contracts.media import AVRO, AVRO_FRAMED, AVRO_JSON, JSON
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate_gateway.doors.media import NDJSON

AVRO_ROWS = read_rows("avro_plain.txt")
SCHEMA = (HERE / "every.avsc").read_text("utf-8")


def bare(schema: Any) -> Any:
    """A schema without its logical types, so that another library shows what was written."""
    if isinstance(schema, dict):
        return {name: bare(part) for name, part in schema.items() if name != "logicalType"}
    return [bare(part) for part in schema] if isinstance(schema, list) else schema


BARE = fastavro.parse_schema(bare(json.loads(SCHEMA)))


@cache
def every() -> CompiledContract:
    version = VersionSource(number=1, schema_id=7, format="avro", schema=SCHEMA)
    return compile_contract(ContractSource(topic=TOPIC, id="urn:every", versions=(version,)))


@pytest.fixture
def gate() -> Gate:
    return make_gate(every())


def stored(gate: Gate) -> dict[str, Any]:
    """The one record that was stored, by fastavro, to its last byte."""
    (record,) = gate.publisher.stored
    assert record.value is not None
    assert record.value[:5] == b"\0\0\0\0\x07"
    stream = io.BytesIO(record.value[5:])
    value = fastavro.schemaless_reader(stream, BARE, None)
    assert stream.read() == b""
    assert isinstance(value, dict)
    return value


def said(reply: Reply) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The code and each violation's rule and pointer."""
    if reply.status == 200:
        return "ok", ()
    problem = reply.json
    assert (reply.status, problem["status"], problem["omitted"]) == (400, 400, 0)
    assert problem["detail"]
    for violation in problem["errors"]:
        assert violation["detail"]
        assert violation["docs"].startswith("https://gate.example.com/docs/topics/")
    return problem["code"], tuple((v["rule"], v["pointer"]) for v in problem["errors"])


def ids(row: Row) -> str:
    return f"{row.place} {row.field}"


def test_there_are_three_hundred() -> None:
    assert len(AVRO_ROWS) >= 300
    fields = {field["name"] for field in json.loads(SCHEMA)["fields"]} - {"id"}
    assert fields <= {row.field for row in AVRO_ROWS}, "every type has rows"
    assert len({(row.field, row.body) for row in AVRO_ROWS}) == len(AVRO_ROWS), "no row stands twice"


@pytest.mark.parametrize("row", AVRO_ROWS, ids=ids)
async def test_a_body_has_its_verdict(gate: Gate, row: Row) -> None:
    reply = await gate.event(row.body)
    assert said(reply) == (row.code, row.violations)
    if row.told:
        assert repr(stored(gate)[row.field]) == repr(row.means)
    if row.field == "secret":
        assert "topsecret" not in reply.body.decode()
        assert "12345" not in reply.body.decode()


def result(reply: Reply) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a batch says of its one event: its code, and each violation's rule and pointer."""
    (one,) = reply.json["results"]
    error = one.get("error")
    if error is None:
        return "ok", ()
    assert reply.status == error["status"]
    return error["code"], tuple((v["rule"], v["pointer"]) for v in error["errors"])


@pytest.mark.parametrize("row", [row for row in AVRO_ROWS if b"\n" not in row.body and row.body.strip()], ids=ids)
async def test_a_line_has_the_verdict_of_the_single_value(gate: Gate, row: Row) -> None:
    """As a bare value in NDJSON, published and validated; where it is JSON, also as the value of an event."""
    for post in (gate.batch, gate.validate):
        assert result(await post(row.body, media=NDJSON, query="format=values")) == (row.code, row.violations)
    if row.code != "malformed":
        event = b'{"value":' + row.body + b"}"
        assert result(await gate.batch(event, media=NDJSON)) == (row.code, row.violations)
        assert result(await gate.batch(b'{"events":[' + event + b"]}")) == (row.code, row.violations)


NOT_BY_FASTAVRO = {"numbers", "floats", "texts", "binaries", "tree"}
"""Fields of which fastavro's JSON writer guesses a union's branch anew, or gives up on the depth (as on an empty map key)."""
ACCEPTED = [row for row in AVRO_ROWS if row.code == "ok"]


@pytest.mark.parametrize("row", ACCEPTED, ids=ids)
async def test_the_binary_forms_of_a_value_store_the_same_bytes(gate: Gate, row: Row) -> None:
    """What the plain JSON became, sent as it stands in Kafka: bare, framed, and as `data` of an event."""
    assert (await gate.event(row.body)).status == 200
    framed = gate.publisher.stored.pop().value
    assert framed is not None
    bare_bytes = framed[5:]
    forms = [(bare_bytes, AVRO), (framed, AVRO_FRAMED)]
    if row.field not in NOT_BY_FASTAVRO and b'"":' not in row.body:
        forms.append((spec_json(bare_bytes), AVRO_JSON))
    for body, media in forms:
        assert said(await gate.event(body, media=media)) == ("ok", ())
        assert gate.publisher.stored.pop().value == framed
    for data, flag in ((bare_bytes, b""), (framed, b',"framed":true')):
        event = b'{"data":"' + base64.b64encode(data) + b'"' + flag + b"}"
        for body, media in ((event, NDJSON), (b'{"events":[' + event + b"]}", JSON)):
            assert result(await gate.batch(body, media=media)) == ("ok", ())
            assert gate.publisher.stored.pop().value == framed
    for broken in (bare_bytes[:-1], bare_bytes + b"\0", b""):
        code, ((rule, pointer),) = said(await gate.event(broken, media=AVRO))
        assert (code, rule) == ("malformed", "malformed"), pointer
    assert gate.publisher.stored == []


def spec_json(binary: bytes) -> bytes:
    """A value in the specification's own JSON, by fastavro."""
    out = io.StringIO()
    fastavro.json_writer(out, BARE, [fastavro.schemaless_reader(io.BytesIO(binary), BARE, None)])
    return out.getvalue().encode()
