"""What is refused when a contract loads, and what its page says of the fields."""

from collections.abc import Callable

import pytest

from tidegate.contracts.codec import ContractError, FieldDoc
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded

HEAD = 'syntax="proto3"; package p.v1; import "buf/validate/validate.proto"; import "google/protobuf/any.proto"; '


def cel(expression: str) -> str:
    return f'{HEAD} message M {{ int32 a = 1 [(buf.validate.field).cel = {{id: "x", message: "m", expression: "{expression}"}}]; }}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "message M { google.protobuf.Any a = 1; }", "Any cannot be judged"),
        (HEAD + "message M { N n = 1; } message N { map<string, google.protobuf.Any> a = 1; }", "Any cannot be judged"),
        (cel("this >"), "Syntax error"),
        (cel("this.nofn()"), "cannot be compiled"),
        (cel("other > 1"), "No value with name"),
        (cel("this + 'a' == 'b'"), "No matching overloads"),
        (HEAD + 'message M { string a = 1 [(buf.validate.field).string.pattern = "["]; }', "missing ]"),
        (HEAD + "message M { int32 a = 1 [(buf.validate.field).string.min_len = 1]; }", "expected rule"),
        (
            HEAD + "message M { N n = 1; } message N { int32 a = 1 [(buf.validate.field).string.min_len = 1]; }",
            "p.v1.N",
        ),
        ('syntax="proto2"; package p.v1; message M { extensions 100 to 200; }', "extension ranges"),
    ],
)
def test_what_cannot_be_exact_is_refused_at_load(
    compile_text: Callable[..., CompiledVersion], text: str, words: str
) -> None:
    with pytest.raises(ContractError) as caught:
        compile_text(text, "p.v1.M")
    assert words in str(caught.value)
    assert caught.value.pointer.startswith(("p.v1.", "google.protobuf.Any"))


@pytest.mark.parametrize(
    ("descriptors", "message", "words"),
    [(b"\xff", "p.v1.M", "cannot be read"), (b"", "p.v1.M", "has no message p.v1.M")],
)
def test_descriptors_that_are_none_are_refused(descriptors: bytes, message: str, words: str) -> None:
    source = VersionSource(
        number=1, schema_id=1, format="protobuf", schema="", descriptors=descriptors, message=message
    )  # fmt: skip
    with pytest.raises(ContractError, match=words):
        compile_version("t", source)


def test_a_well_known_type_is_no_event(rich_set: bytes) -> None:
    source = VersionSource(
        number=1, schema_id=1, format="protobuf", schema="", descriptors=rich_set, message="google.protobuf.Struct"
    )
    with pytest.raises(ContractError, match="not a well-known type"):
        compile_version("t", source)


def test_the_frame_carries_the_id_and_the_message_s_place(rich_set: bytes) -> None:
    source = VersionSource(
        number=1, schema_id=258, format="protobuf", schema="", descriptors=rich_set, message="rich.v1.Leaf",
        message_index=(1,),
    )  # fmt: skip
    verdict = compile_version("t", source).check(b'{"name":"a"}')
    assert isinstance(verdict, Encoded)
    assert verdict.value == b"\0\0\0\1\2" + b"\2\2" + b"\x0a\x01a"


def test_a_required_field_of_proto2_is_asked_for(compile_text: Callable[..., CompiledVersion]) -> None:
    text = 'syntax="proto2"; package p.v1; message M { required int32 a_b = 1; optional E e = 2; } enum E { ONE = 1; }'
    version = compile_text(text, "p.v1.M")
    assert isinstance(version.check(b'{"aB":0}'), Encoded)
    for body, pointer, rule in ((b"{}", "#/aB", "required"), (b'{"aB":1,"e":7}', "#/e", "enum")):
        verdict = version.check(body)
        assert not isinstance(verdict, Encoded)
        assert [(v.pointer, v.rule) for v in verdict.violations] == [(pointer, rule)]


def test_the_page_lists_every_field_in_order(status: CompiledVersion) -> None:
    rows = status.codec.fields()
    assert [row.path for row in rows] == [
        "orderId", "status", "changedAt", "items", "items.sku", "items.quantity", "courier", "locker", "attributes",
        "card", "stars", "tags",
    ]  # fmt: skip
    assert rows[0] == FieldDoc(path="orderId", type="string", expected="string, uuid", doc="The order.")
    assert rows[2].doc == "When."
    assert (rows[3].type, rows[3].expected) == ("array of Item", "array of object, 1 to 30 items")
    assert rows[5].expected == "int32, 1 to 10"
    assert [row.path for row in rows if row.sensitive] == ["card"]
    assert [row.path for row in rows if row.required] == [
        "orderId", "status", "changedAt", "items", "items.sku", "items.quantity",
    ]  # fmt: skip


def test_a_message_within_itself_is_listed_once(rich: CompiledVersion) -> None:
    paths = [row.path for row in rich.codec.fields()]
    assert len(paths) == len(set(paths)) == 34
    assert {"deeper", "leaves.size", "byNumber.name"} < set(paths)
    assert "deeper.text" not in paths


def test_sensitive_paths_reach_the_children(compile_text: Callable[..., CompiledVersion], status_text: str) -> None:
    version = compile_text(status_text, "coffeeco.v1.OrderStatus", sensitive=frozenset({"items", "order_id", "gone"}))
    rows = version.codec.fields()
    assert {row.path for row in rows if row.sensitive} == {"orderId", "items", "items.sku", "items.quantity", "card"}


def test_examples_satisfy_their_contract(status: CompiledVersion, rich: CompiledVersion) -> None:
    for version in (status, rich):
        example = version.codec.example()
        assert isinstance(version.check(example), Encoded)
        assert example == version.codec.example()
    assert b'"quantity":1' in status.codec.example()


@pytest.mark.parametrize(
    "rules",
    [
        "string a = 1 [(buf.validate.field).string = {min_len: 20, max_len: 20, prefix: 'x-'}];",
        "string a = 1 [(buf.validate.field).string = {len: 3}];",
        "string a = 1 [(buf.validate.field).string.email = true];",
        "string a = 1 [(buf.validate.field).string.ipv6 = true];",
        "string a = 1 [(buf.validate.field).string = {pattern: '^[0-9]{3}$', example: '123'}];",
        "bytes a = 1 [(buf.validate.field).bytes.len = 16];",
        "double a = 1 [(buf.validate.field).double = {gt: 0, lt: 1}];",
        "int64 a = 1 [(buf.validate.field).int64 = {gt: 100}];",
        "uint32 a = 1 [(buf.validate.field).uint32 = {in: [7, 9]}];",
        "repeated string a = 1 [(buf.validate.field).repeated = {min_items: 3, unique: true}];",
        "map<int32, string> a = 1 [(buf.validate.field).map.min_pairs = 2];",
        "bool a = 1 [(buf.validate.field).bool.const = true];",
        "string a = 1; string b = 2; option (buf.validate.message).oneof = {fields: ['a', 'b'], required: true};",
        "string a = 1; string b = 2; option (buf.validate.message).cel = {id: 'x', message: 'm', expression: 'this.a == \"\"'};",
    ],
)
def test_examples_follow_the_rules(compile_text: Callable[..., CompiledVersion], rules: str) -> None:
    version = compile_text(f"{HEAD} message M {{ {rules} }}", "p.v1.M")
    assert isinstance(version.check(version.codec.example()), Encoded)
