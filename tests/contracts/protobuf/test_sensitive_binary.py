"""A marker in the sensitive fields of a Protobuf event, broken in JSON and in binary: no word of a verdict holds it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.media import JSON, PROTOBUF
from tidegate.contracts.verdict import Encoded, Rejected

MARK = "MARKER"
TEXT = """syntax = "proto3"; package p.v1; import "buf/validate/validate.proto"; import "google/protobuf/struct.proto";
message M {
  option deprecated = true;
  string text = 1 [debug_redact = true, (buf.validate.field).string = {max_len: 3, pattern: "^x*$"}];
  map<string, int32> labels = 2 [debug_redact = true, (buf.validate.field).map = {max_pairs: 1, values: {int32: {lte: 3}}}];
  repeated string list = 3 [debug_redact = true, (buf.validate.field).repeated.unique = true];
  google.protobuf.Struct loose = 4 [debug_redact = true];
  Inner inner = 5 [debug_redact = true];
  string said = 6 [debug_redact = true, (buf.validate.field).cel = {id: "echo", expression: "this == '' ? '' : 'is ' + this"}];
}
message Inner { string a = 1 [(buf.validate.field).string.max_len = 2]; }
"""
GOOD: dict[str, Any] = {
    "text": MARK, "labels": {MARK: 9, MARK + "2": 8}, "list": [MARK, MARK], "loose": {MARK: MARK}, "inner": {"a": MARK}, "said": MARK,
}  # fmt: skip


@pytest.fixture(scope="module")
def version(compile_text: Callable[..., CompiledVersion]) -> CompiledVersion:
    """The contract with its rules."""
    return compile_text(TEXT, "p.v1.M")


def body_of(compile_text: Callable[..., CompiledVersion]) -> bytes:
    """The event's bytes, written by a contract without rules."""
    bare = TEXT
    for rules in (
        ', (buf.validate.field).string = {max_len: 3, pattern: "^x*$"}',
        ", (buf.validate.field).map = {max_pairs: 1, values: {int32: {lte: 3}}}",
        ", (buf.validate.field).repeated.unique = true",
        """, (buf.validate.field).cel = {id: "echo", expression: "this == '' ? '' : 'is ' + this"}""",
        " [(buf.validate.field).string.max_len = 2]",
    ):
        bare = bare.replace(rules, "")
    stored = compile_text(bare, "p.v1.M").check(json.dumps(GOOD).encode())
    assert isinstance(stored, Encoded)
    assert stored.value is not None
    return stored.value[6:]


def test_rules_tell_nothing(version: CompiledVersion, compile_text: Callable[..., CompiledVersion]) -> None:
    for body, media_type in ((json.dumps(GOOD).encode(), JSON), (body_of(compile_text), PROTOBUF)):
        told = version.check(body, media_type)
        assert isinstance(told, Rejected)
        assert len(told.violations) >= 7
        assert MARK not in repr(told.violations)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("wrong", [7, True, MARK, [7, {MARK: 1}], {MARK: {MARK: []}}, {"a": {MARK: 1}, MARK: 2}])
def test_json_of_wrong_types(version: CompiledVersion, name: str, wrong: object) -> None:
    told = version.check(json.dumps({**GOOD, name: wrong}).encode())
    assert isinstance(told, Rejected)
    assert MARK not in repr(told.violations)


def test_binary_cut_and_changed_everywhere(
    version: CompiledVersion, compile_text: Callable[..., CompiledVersion]
) -> None:
    body = body_of(compile_text)
    for at in range(len(body)):
        for changed in (body[:at], body[:at] + bytes([body[at] ^ 0x81]) + body[at + 1 :], body[:at] + body[at + 1 :]):
            told = version.check(changed, PROTOBUF)
            if isinstance(told, Rejected):
                assert MARK not in repr(told.violations)
