"""What protobuf-py and protovalidate do that the codec depends on: where one of these fails, read the code that it names."""

from collections.abc import Callable

import pytest
from google.protobuf import struct_pb2
from protobuf import DescMessage, Message, message_from_json_value
from protobuf.wkt import Struct
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet
from protovalidate import EvaluationError, Validator, ViolationPb


@pytest.fixture(scope="module")
def desc(rich_set: bytes) -> DescMessage:
    """rich.v1.Rich."""
    found = FileDescriptorSet.from_binary(rich_set).to_registry().message("rich.v1.Rich")
    assert found is not None
    return found


def encoded(desc: DescMessage, json: str) -> bytes:
    message: Message = desc.type.from_json(json)
    return message.to_binary()


@pytest.mark.parametrize(
    ("json", "kept"),
    [
        ('{"i32":1,"i32":2}', '{"i32":2}'),
        ('{"text":"a","leftSide":"b","rightSide":1}', '{"text":"a","rightSide":1}'),
        ('{"atTime":"2026-01-31T12:00:00Z","at_time":null}', "{}"),
        ('{"byNumber":{"1":{"size":1},"01":{}}}', '{"byNumber":{"1":{}}}'),
        ('{"i32":"1_0"}', '{"i32":10}'),
        ('{"s64":9007199254740993.0}', '{"s64":9007199254740992}'),
    ],
)
def test_its_json_reader_loses_in_silence_what_the_walk_refuses(desc: DescMessage, json: str, kept: str) -> None:
    assert encoded(desc, json) == encoded(desc, kept)


def test_its_reader_takes_enum_numbers_that_its_writer_cannot_write(desc: DescMessage) -> None:
    message = message_from_json_value(desc.type, {"colour": 2**40})
    with pytest.raises(OverflowError):
        message.to_binary()


def test_its_option_for_unknown_fields_drops_unknown_enum_names_too(desc: DescMessage) -> None:
    assert desc.type.from_json('{"colour":"NOPE"}', ignore_unknown_fields=True).to_binary() == b""


def test_it_writes_maps_in_an_order_that_the_input_decides(desc: DescMessage) -> None:
    one = message_from_json_value(desc.type, {"labels": {"a": "1", "b": "2", "c": "3"}})
    again = message_from_json_value(desc.type, {"labels": {"a": "1", "b": "2", "c": "3"}})
    assert one.to_binary() == again.to_binary()


def test_it_reads_free_form_json_that_others_cannot() -> None:
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"a": deep}
    binary = message_from_json_value(Struct, deep).to_binary()  # type: ignore[arg-type] # JSON, as mypy cannot see
    Struct.from_binary(binary)
    with pytest.raises(Exception, match="Exceeded"):
        struct_pb2.Struct().ParseFromString(binary)


def test_protovalidate_judges_a_message_s_rules_only_when_it_meets_one(descriptor_set: Callable[[str], bytes]) -> None:
    rule = '(buf.validate.field).cel = {id: "x", message: "m", expression: "other > 1"}'
    text = 'syntax="proto3"; package p.v1; import "buf/validate/validate.proto"; message M { N n = 1; } '
    registry = FileDescriptorSet.from_binary(
        descriptor_set(f"{text} message N {{ int32 a = 1 [{rule}]; }}")
    ).to_registry()
    outer = registry.message("p.v1.M")
    assert outer is not None
    assert Validator().collect_violations(outer.type()) == []
    with pytest.raises(EvaluationError, match=r"^error evaluating x: "):
        Validator().collect_violations(message_from_json_value(outer.type, {"n": {}}))


def test_the_extensions_of_rules_are_found_through_a_public_name() -> None:
    names = {extension.type_name for extension in ViolationPb.desc().file.extensions}
    assert {"buf.validate.message", "buf.validate.field"} <= names
