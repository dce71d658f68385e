"""CEL rules that name a field which is not there are refused at load; what depends on the data is not."""

from collections.abc import Callable

import pytest

from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.verdict import Encoded

TEXT = """\
syntax = "proto3";
package p.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
message M {
  option (buf.validate.message).cel = {id: "m.rule" message: "bad" expression: "%s"};
  int32 start = 1;
  int32 end = 2;
  Sub sub = 3 [(buf.validate.field).cel = {id: "sub.rule" message: "bad" expression: "%s"}];
  repeated Sub subs = 4 [(buf.validate.field).repeated.items.cel = {id: "item.rule" message: "bad" expression: "%s"}];
  map<string, int32> counts = 5;
  google.protobuf.Timestamp at = 6;
  google.protobuf.Struct free = 7;
  int32 order_id = 8;
}
message Sub { int32 a = 1; Sub inner = 2; }
"""
Compile = Callable[..., CompiledVersion]


@pytest.mark.parametrize(
    ("of_message", "of_field", "of_item", "detail"),
    [
        ("this.ende > this.start", "true", "true", 'the rule "m.rule" names the field "ende", which p.v1.M does not have'),
        ("this.start == 0 || this.ende > 1", "true", "true", 'names the field "ende"'),
        ("this.start > 0 && has(this.ende)", "true", "true", 'names the field "ende"'),
        ("!has(this.sub) || this.sub.inner.b > 1", "true", "true", 'names the field "b", which p.v1.Sub does not have'),
        ("this.orderId > 0", "true", "true", 'names the field "orderId", which p.v1.M does not have; did you mean "order_id"?'),
        ("true", "this.b > 0", "true", 'the rule "sub.rule" names the field "b", which p.v1.Sub does not have'),
        ("true", "true", "this.b > 0", 'the rule "item.rule" names the field "b", which p.v1.Sub does not have'),
    ],
)  # fmt: skip
def test_a_field_that_is_not_there(
    compile_text: Compile, of_message: str, of_field: str, of_item: str, detail: str
) -> None:
    with pytest.raises(ContractError) as caught:
        compile_text(TEXT % (of_message, of_field, of_item), "p.v1.M")
    assert detail in str(caught.value)
    assert caught.value.pointer == "p.v1.M"


@pytest.mark.parametrize(
    "rule",
    [
        "this.end >= this.start",
        "this.counts.size() == 0 || this.counts.missing > 0",
        "!has(this.sub) || this.sub.inner.inner.a >= 0",
        "this.subs.all(s, s.a >= 0)",
        "this.subs.all(this, this.a >= 0)",
        "!has(this.at) || this.at.getFullYear() > 0",
        "!has(this.free) || !has(this.free.anything)",
        "this.start != 1 || 'this.nothing' != '' // this.comment",
        "this . start >= 0 && r'this.raw' != ''",
    ],
)
def test_a_rule_that_depends_on_the_data_is_served(compile_text: Compile, rule: str) -> None:
    version = compile_text(TEXT % (rule, "this.a >= 0", "this.a >= 0"), "p.v1.M")
    assert isinstance(version.check(b'{"start": 1, "end": 2, "sub": {"a": 1}, "subs": [{"a": 1}]}'), Encoded)
