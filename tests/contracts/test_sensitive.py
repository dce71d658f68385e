"""A marker in every sensitive place of rich events, everything broken in every form: no word of a verdict holds it."""

import json
from typing import Any

import msgspec
import pytest

from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.media import AVRO, AVRO_JSON, JSON
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected

MARK = "MARKER"
PII = {"confluent:tags": ["PII"]}
RULE = {"confluent:rules": [{"name": "echo", "expr": "'is ' + string(this)"}]}
FIELDS: list[dict[str, Any]] = [
    {"name": "text", "type": "string", "maxLength": 3, "pattern": "^x$", **PII},
    {"name": "said", "type": "string", **PII, **RULE},
    {"name": "number", "type": "int", "maximum": 3, **PII},
    {"name": "money", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, **PII},
    {"name": "colour", "type": {"type": "enum", "name": "C", "symbols": ["MARKER_ONE", "TWO"]}, **PII},
    {"name": "either", "type": ["int", "boolean", {"type": "record", "name": "R", "fields": []}], **PII},
    {"name": "labels", "type": {"type": "map", "values": "int"}, **PII},
    {"name": "list", "type": {"type": "array", "items": "string", "uniqueItems": True}, **PII},
    {"name": "inner", "type": {"type": "record", "name": "I", "fields": [{"name": "a", "type": "int"}]}, **PII},
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, **PII},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, **PII},
    {"name": "raw", "type": "bytes", **PII},
]
GOOD: dict[str, Any] = {
    "text": "x", "said": "", "number": 1, "money": "1.00", "colour": "TWO", "either": 1, "labels": {}, "list": [], "inner": {"a": 1},
    "id": "01920000-0000-7000-8000-000000000000", "at": 0, "raw": "",
}  # fmt: skip
WRONG: list[dict[str, Any]] = [
    *({name: MARK} for name in GOOD),
    *({name: {MARK: MARK}} for name in GOOD),
    *({name: [MARK, MARK]} for name in GOOD),
    *({name: {"string": MARK}} for name in GOOD),
    {"number": 987654321}, {"money": "987654321.123"}, {"money": 987654321}, {"inner": {"a": MARK, MARK: 1}},
    {"labels": {MARK: MARK}}, {"labels": {MARK: {MARK: 1}}}, {"either": {"R": {MARK: 1}}}, {"text": 987654321},
    {"either": 987654321.5}, {"at": "2026-13-01T00:00:00Z" + MARK}, {"id": 987654321},
]  # fmt: skip


def avro(fields: list[dict[str, Any]], sensitive: frozenset[str] = frozenset()) -> CompiledVersion:
    """A contract of these fields."""
    schema = json.dumps({"type": "record", "name": "E", "fields": fields})
    return compile_version("t", VersionSource(number=1, schema_id=1, format="avro", schema=schema), sensitive)


TAGGED = avro(FIELDS)
CLASSIFIED = avro(
    [{k: v for k, v in field.items() if k != "confluent:tags"} for field in FIELDS],
    frozenset(f["name"] for f in FIELDS),
)


@pytest.mark.parametrize("version", [TAGGED, CLASSIFIED], ids=["tags", "classification"])
@pytest.mark.parametrize("media_type", [JSON, AVRO_JSON])
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: json.dumps(wrong)[:40])
def test_avro_text(version: CompiledVersion, media_type: str, wrong: dict[str, Any]) -> None:
    good = GOOD if media_type == JSON else {**GOOD, "either": {"int": 1}, "money": "d"}
    told = version.check(json.dumps({**good, **wrong}).encode(), media_type, key=MARK)
    if not isinstance(told, Rejected):  # a marker may be a good string
        return
    # what the schema itself says stays: the enum's own symbol is there
    text = msgspec.json.encode(told.violations).decode().replace("MARKER_ONE", "")
    assert MARK not in text
    assert "987654321" not in text


def test_avro_twice_in_one_object() -> None:
    body = json.dumps({**GOOD, "labels": 0}).replace('"labels": 0', f'"labels": {{"{MARK}": 1, "{MARK}": 2}}')
    told = TAGGED.check(body.encode())
    assert isinstance(told, Rejected)
    assert MARK not in repr(told.violations)


def test_avro_binary_cut_and_changed_everywhere() -> None:
    text = json.dumps({**GOOD, "said": "", "list": [MARK], "labels": {MARK: 5}, "raw": "TUFSS0VS"}).encode()
    stored = TAGGED.check(text)
    assert isinstance(stored, Rejected), "the rule of `said` speaks for each event"
    quiet = avro([{k: v for k, v in field.items() if k != "confluent:rules"} for field in FIELDS]).check(text)
    assert not isinstance(quiet, Rejected)
    assert quiet.value is not None
    body = quiet.value[5:]
    for at in range(len(body)):
        for changed in (body[:at], body[:at] + bytes([body[at] ^ 0x81]) + body[at + 1 :]):
            told = TAGGED.check(changed, AVRO)
            if isinstance(told, Rejected):
                assert MARK not in repr(told.violations).replace("MARKER_ONE", "")
