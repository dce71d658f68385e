"""The record's key and time out of a message's fields."""

from collections.abc import Callable

import pytest

from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.verdict import Encoded, Rejected

TEXT = """
syntax = "proto3";
package p.v1;
import "google/protobuf/timestamp.proto";
message M {
  string name = 1;
  int64 number = 2;
  bytes raw = 3;
  E kind = 4;
  optional string maybe = 5;
  Inner inner_part = 6;
  repeated string many = 7;
  double real = 8;
  google.protobuf.Timestamp at = 9;
  oneof one { string left = 10; string right = 11; }
  optional int32 count = 12;
}
message Inner { string id = 1; google.protobuf.Timestamp at = 2; }
enum E { E_UNSPECIFIED = 0; E_ONE = 1; }
"""


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("name", b'{"name":"\\u00e4"}', "ä".encode()),
        ("name", b"{}", b""),
        ("number", b'{"number":"-12"}', b"-12"),
        ("number", b"{}", b"0"),
        ("raw", b'{"raw":"AP8="}', b"\x00\xff"),
        ("kind", b'{"kind":1}', b"E_ONE"),
        ("kind", b"{}", b"E_UNSPECIFIED"),
        ("kind", b'{"kind":7}', b"7"),
        ("maybe", b'{"maybe":""}', b""),
        ("count", b'{"count":0}', b"0"),
        ("inner_part.id", b'{"innerPart":{"id":"a"}}', b"a"),
        ("innerPart.id", b'{"inner_part":{}}', b""),
        ("left", b'{"left":"a"}', b"a"),
    ],
)
def test_the_key_is_taken_from_its_field(
    compile_text: Callable[..., CompiledVersion], path: str, body: bytes, key: bytes
) -> None:
    verdict = compile_text(TEXT, "p.v1.M", key=path).check(body)
    assert isinstance(verdict, Encoded)
    assert verdict.key == key


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("maybe", b"{}", "#/maybe"),
        ("maybe", b'{"maybe":null}', "#/maybe"),
        ("inner_part.id", b"{}", "#/innerPart/id"),
        ("left", b'{"right":"a"}', "#/left"),
    ],
)
def test_an_absent_key_is_a_violation(
    compile_text: Callable[..., CompiledVersion], path: str, body: bytes, pointer: str
) -> None:
    verdict = compile_text(TEXT, "p.v1.M", key=path).check(body)
    assert isinstance(verdict, Rejected)
    assert [(v.pointer, v.rule, v.expected) for v in verdict.violations] == [(pointer, "key", "string")]


def test_an_absent_key_is_told_beside_other_faults(compile_text: Callable[..., CompiledVersion]) -> None:
    version = compile_text(TEXT, "p.v1.M", key="maybe")
    for body, told in (
        (b'{"name":1}', [("#/name", "type"), ("#/maybe", "key")]),
        (b'{"maybe":1}', [("#/maybe", "type")]),
    ):
        verdict = version.check(body)
        assert isinstance(verdict, Rejected)
        assert [(v.pointer, v.rule) for v in verdict.violations] == told


@pytest.mark.parametrize(
    ("path", "body", "time_ms"),
    [
        ("at", b'{"at":"2026-01-31T12:00:00.1239Z"}', 1_769_860_800_123),
        ("at", b'{"at":"1969-12-31T23:59:59.9999Z"}', -1),
        ("at", b"{}", None),
        ("innerPart.at", b'{"innerPart":{"at":"1970-01-01T01:00:00+01:00"}}', 0),
        ("innerPart.at", b"{}", None),
    ],
)
def test_the_event_time_is_taken_from_its_field(
    compile_text: Callable[..., CompiledVersion], path: str, body: bytes, time_ms: int | None
) -> None:
    verdict = compile_text(TEXT, "p.v1.M", event_time=path).check(body)
    assert isinstance(verdict, Encoded)
    assert verdict.time_ms == time_ms


@pytest.mark.parametrize("path", ["many", "real", "inner_part", "at", "many.x"])
def test_other_fields_cannot_be_the_key(compile_text: Callable[..., CompiledVersion], path: str) -> None:
    with pytest.raises(ContractError, match=f"^key {path}: "):
        compile_text(TEXT, "p.v1.M", key=path)


@pytest.mark.parametrize("path", ["name", "number", "inner_part"])
def test_other_fields_cannot_be_the_time(compile_text: Callable[..., CompiledVersion], path: str) -> None:
    with pytest.raises(ContractError, match=r"only a singular google\.protobuf\.Timestamp"):
        compile_text(TEXT, "p.v1.M", event_time=path)


def test_a_misspelt_path_names_its_neighbour(compile_text: Callable[..., CompiledVersion]) -> None:
    with pytest.raises(ContractError, match='there is no field nmae; did you mean "name"'):
        compile_text(TEXT, "p.v1.M", key="nmae")


def test_an_explicit_key_is_its_bytes(compile_text: Callable[..., CompiledVersion]) -> None:
    codec = compile_text(TEXT, "p.v1.M", key="name").codec
    assert (codec.key_bytes("ä"), codec.key_bytes("ä".encode())) == ("ä".encode(), "ä".encode())
    with pytest.raises(ValueError, match="is no UTF-8 text"):
        codec.key_bytes(b"\xff")


@pytest.mark.parametrize(
    ("path", "possible", "impossible"),
    [
        ("name", ["", "ä"], [b"\xff", "\ud800"]),
        ("number", ["-12", "9223372036854775807"], ["9223372036854775808", "1.0", "", "01"]),
        ("raw", [b"\xff", "a"], []),
        ("kind", ["E_ONE", "7", "-1"], ["ONE", "1", "2147483648"]),
        ("count", ["2147483647"], ["2147483648"]),
    ],
)
def test_an_explicit_key_is_one_that_the_field_can_give(
    compile_text: Callable[..., CompiledVersion], path: str, possible: list[str | bytes], impossible: list[str | bytes]
) -> None:
    codec = compile_text(TEXT, "p.v1.M", key=path).codec
    for key in possible:
        assert codec.key_bytes(key) == (key.encode() if isinstance(key, str) else key)
    for key in impossible:
        with pytest.raises(ValueError, match=r"^is "):
            codec.key_bytes(key)
