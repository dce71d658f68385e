"""Near misses of a rule, an attribute or a logical type are refused when a contract is compiled, and by no plain parse."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.codec import ContractError, Payload

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("maxLenght", "maxLength"),
        ("max_length", "maxLength"),
        ("MaxLength", "maxLength"),
        ("minimun", "minimum"),
        ("patern", "pattern"),
        ("fromat", "format"),
        ("maxItem", "maxItems"),
        ("multiple", "multipleOf"),
        ("defualt", "default"),
        ("docs", "doc"),
        ("alias", "aliases"),
        ("logicaltype", "logicalType"),
        ("exmaple", "example"),
        ("confluent:tag", "confluent:tags"),
        ("confluent.tags", "confluent:tags"),
    ],
)
def test_a_near_miss_of_a_name(of_type: Make, name: str, meant: str) -> None:
    for schema, at in (("string", ""), ({"type": "string"}, "/type"), ({"type": "array", "items": {}}, "/type/items")):
        inner = json.loads(json.dumps(schema))
        beside = {name: 1} if not at else {}
        if at == "/type":
            inner |= {name: 1}
        elif at:
            inner["items"] = {"type": "string", name: 1}
        with pytest.raises(ContractError) as caught:
            of_type(inner, **beside)
        assert str(caught.value) == f'"{name}" is no attribute that is known here; did you mean "{meant}"?'
        assert caught.value.pointer == f"/fields/0{at}/{name}"


@pytest.mark.parametrize(
    "name",
    ["java-class", "avro.java.string", "connect.name", "title", "description", "unit", "tags", "orderId", "sale"],
)
def test_attributes_of_other_tools_are_left_alone(of_type: Make, name: str) -> None:
    assert isinstance(of_type({"type": "string", name: "x"}, **{name: "x"})({"f": "a"}), Payload)


@pytest.mark.parametrize(
    ("logical", "meant"),
    [
        ("timestamp-milis", "timestamp-millis"),
        ("timestamp_millis", "timestamp-millis"),
        ("timestampMicros", "timestamp-micros"),
        ("Date", "date"),
        ("deciaml", "decimal"),
    ],
)
def test_a_near_miss_of_a_logical_type(of_type: Make, logical: str, meant: str) -> None:
    with pytest.raises(ContractError) as caught:
        of_type({"type": "long", "logicalType": logical})
    assert str(caught.value) == f'"{logical}" is no logical type; did you mean "{meant}"?'
    assert caught.value.pointer == "/fields/0/type/logicalType"


@pytest.mark.parametrize("logical", ["money", "ulid", "timestamp-seconds", "geo-point"])
def test_other_logical_types_are_ignored_as_the_specification_says(of_type: Make, logical: str) -> None:
    assert isinstance(of_type({"type": "long", "logicalType": logical})({"f": 1}), Payload)


def test_precision_and_scale_are_judged_beside_a_logical_type_only(of_type: Make) -> None:
    with pytest.raises(ContractError, match='did you mean "precision"'):
        of_type({"type": "bytes", "logicalType": "decimal", "presicion": 4})
    assert isinstance(of_type({"type": "string", "scales": 4})({"f": "a"}), Payload)


def test_the_plain_parser_takes_what_java_takes() -> None:
    field = {"name": "f", "type": {"type": "long", "logicalType": "timestamp-milis"}, "maxLenght": 1}
    parse_schema(json.dumps({"type": "record", "name": "R", "doc:": "", "fields": [field]}))


def test_the_record_itself_is_judged(judge: Make) -> None:
    with pytest.raises(ContractError) as caught:
        judge({"name": "f", "type": {"type": "record", "name": "Inner", "alias": ["Old"], "fields": []}})
    assert caught.value.pointer == "/fields/0/type/alias"


def test_a_logical_type_beside_a_field_is_refused(of_type: Make) -> None:
    with pytest.raises(ContractError, match="write it inside") as refused:
        of_type("long", logicalType="timestamp-millis")
    assert refused.value.pointer.endswith("/logicalType")


@pytest.mark.parametrize("lost", ["minimum", "maxLength", "logicalType", "confluent:tags", "confluent:rules"])
def test_a_rule_beside_the_name_of_a_type_is_refused(judge: Callable[..., Any], lost: str) -> None:
    named = {"name": "a", "type": {"type": "fixed", "name": "F", "size": 4}}
    with pytest.raises(ContractError, match="would be ignored") as error:
        judge(named, {"name": "b", "type": ["null", {"type": "map", "values": {"type": "F", lost: 1}}]})
    assert error.value.pointer == f"/fields/1/type/1/values/{lost}"
    judge(named, {"name": "b", "type": {"type": "F", "doc": "harmless"}})
