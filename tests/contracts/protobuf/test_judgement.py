"""protovalidate's violations in the verdict's words: places, rules, details, what is shown and what is not."""

from collections.abc import Callable

import msgspec
import pytest

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.verdict import Encoded, Rejected, Violation

GOOD = {
    "orderId": "0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11",
    "status": "STATUS_PLACED",
    "changedAt": "2026-01-31T12:00:00Z",
    "items": [{"sku": "arabica", "quantity": 2}, {"sku": "robusta", "quantity": 1}],
    "courier": "bike",
}
HEAD = 'syntax="proto3"; package p.v1; import "buf/validate/validate.proto"; import "google/protobuf/wrappers.proto"; '


def violations(version: CompiledVersion, **changes: object) -> tuple[Violation, ...]:
    """What is said of the good event with some members replaced (None: left out)."""
    event = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    verdict = version.check(msgspec.json.encode(event))
    assert isinstance(verdict, Rejected), verdict
    return verdict.violations


def test_a_good_event_is_encoded(status: CompiledVersion) -> None:
    assert isinstance(status.check(msgspec.json.encode(GOOD)), Encoded)


@pytest.mark.parametrize(
    ("changes", "pointer", "rule", "detail", "found"),
    [
        ({"orderId": "x"}, "#/orderId", "string.uuid", "is not a valid UUID", "string of 1 character"),
        (
            {"status": 0},
            "#/status",
            "enum.not_in",
            "is STATUS_UNSPECIFIED, which is not allowed",
            "enum STATUS_UNSPECIFIED",
        ),
        ({"status": 9}, "#/status", "enum.defined_only", "is none of the enum's values", "enum 9"),
        (
            {"status": None},
            "#/status",
            "enum.not_in",
            "is missing, which means STATUS_UNSPECIFIED, which is not allowed",
            "nothing",
        ),
        ({"orderId": None}, "#/orderId", "string.uuid_empty", "is missing, which is not a valid UUID", "nothing"),
        ({"items": None}, "#/items", "repeated.min_items", "is missing: at least 1 item is needed", "nothing"),
        ({"changedAt": None}, "#/changedAt", "required", "is missing", "nothing"),
        (
            {"items": []},
            "#/items",
            "repeated.min_items",
            "has 0 items, at least 1 item is needed",
            "array of 0 items",
        ),
        (
            {"items": [{"sku": "a", "quantity": 11}]},
            "#/items/0/quantity",
            "int32.gte_lte",
            "is 11, at most 10 is allowed",
            "int 11",
        ),
        (
            {"items": [{"sku": "a"}]},
            "#/items/0/quantity",
            "int32.gte_lte",
            "is missing, which means 0: at least 1 is needed",
            "nothing",
        ),
        (
            {"items": [{"sku": "äöüäöüä", "quantity": 1}]},
            "#/items/0/sku",
            "string.max_bytes",
            "has 14 bytes, at most 12 bytes are allowed",
            "string of 7 characters",
        ),
        ({"courier": None}, "#", "required", "needs one of courier, locker", ""),
        ({"courier": None, "locker": 100}, "#/locker", "int32.gte_lte", "is 100, at most 99 is allowed", "int 100"),
        (
            {"attributes": {"verylongkey": "v"}},
            "#/attributes/verylongkey",
            "string.max_len",
            "has 11 characters, at most 8 characters are allowed",
            "key: string of 11 characters",
        ),
        (
            {"attributes": {"a/b": ""}},
            "#/attributes/a~1b",
            "string.min_len",
            "has 0 characters, at least 1 character is needed",
            "string of 0 characters",
        ),
        ({"stars": 6}, "#/stars", "int32.gt_lt", "is 6, only less than 6 is allowed", "int 6"),
        ({"stars": "0"}, "#/stars", "int32.gt_lt", "is 0, more than 0 is needed", "string of 1 character"),
        ({"tags": ["a", "a"]}, "#/tags", "repeated.unique", "has the same item twice", "array of 2 items"),
        (
            {"tags": ["a", "B"]},
            "#/tags/1",
            "string.pattern",
            "does not match regex pattern `^[a-z]+$`",
            "string of 1 character",
        ),
        (
            {"courier": None, "locker": 5, "status": "STATUS_SHIPPED"},
            "#",
            "status.shipped_has_courier",
            "a shipped order needs a courier",
            "",
        ),
    ],
)
def test_each_rule_is_named_at_its_place(
    status: CompiledVersion, changes: dict[str, object], pointer: str, rule: str, detail: str, found: str
) -> None:
    assert [(v.pointer, v.rule, v.detail, v.found) for v in violations(status, **changes)] == [
        (pointer, rule, detail, found)
    ]


def test_pointers_use_the_sender_s_names_and_anchors_json_s(status: CompiledVersion) -> None:
    (violation,) = violations(status, orderId=None, order_id="x")
    assert (violation.pointer, violation.docs) == ("#/order_id", "orderId")


def test_expected_tells_type_and_bounds(status: CompiledVersion) -> None:
    (of_item,) = violations(status, items=[{"sku": "a", "quantity": 11}])
    (of_value,) = violations(status, attributes={"a": ""})
    (of_key,) = violations(status, attributes={"verylongkey": "v"})
    assert of_item.expected == "int32, 1 to 10"
    assert of_value.expected == "string, at least 1 character"
    assert of_key.expected == "keys: string, at most 8 characters"


def test_rules_and_structure_are_told_together_in_document_order(status: CompiledVersion) -> None:
    told = violations(
        status, orderId="x", items=[{"sku": "", "quantity": 11}, {"sku": 1, "quantty": 2}], courier=7, nope=1
    )
    assert [(v.pointer, v.rule) for v in told] == [
        ("#/orderId", "string.uuid"),
        ("#/items/0/sku", "string.min_len"),
        ("#/items/0/quantity", "int32.gte_lte"),
        ("#/items/1/sku", "type"),
        ("#/items/1/quantty", "unknown_field"),
        ("#/items/1/quantity", "int32.gte_lte"),
        ("#/courier", "type"),
        ("#/nope", "unknown_field"),
    ]


def test_no_rule_speaks_of_a_place_that_a_fault_could_have_changed(status: CompiledVersion) -> None:
    # the list lacks its only item, the oneof its member, and the event's own rule its courier
    told = violations(status, items=[3], courier=7, status="STATUS_SHIPPED")
    assert [(v.pointer, v.rule) for v in told] == [("#/items/0", "type"), ("#/courier", "type")]


def test_an_unknown_field_keeps_no_rule_from_speaking(status: CompiledVersion) -> None:
    told = violations(status, courier=None, locker=5, status="STATUS_SHIPPED", nope=1)
    assert [v.rule for v in told] == ["status.shipped_has_courier", "unknown_field"]


def test_broken_rules_past_25_are_counted(status: CompiledVersion) -> None:
    verdict = status.check(msgspec.json.encode(GOOD | {"tags": [f"T{i}" for i in range(1500)]}))
    assert isinstance(verdict, Rejected)
    assert (len(verdict.violations), verdict.omitted) == (25, 1475)
    assert [v.pointer for v in verdict.violations[:2]] == ["#/tags/0", "#/tags/1"]


def test_a_huge_event_is_judged_up_to_its_first_broken_rule(status: CompiledVersion) -> None:
    # protovalidate takes half a minute for the 600,000 violations of a megabyte of empty items
    verdict = status.check(msgspec.json.encode(GOOD | {"items": [{}] * 3000}))
    assert isinstance(verdict, Rejected)
    assert (len(verdict.violations), verdict.omitted) == (1, 0)
    assert "others may follow" in verdict.violations[0].hint


def test_an_absent_field_with_a_pattern_is_told_as_absent(compile_text: Callable[..., CompiledVersion]) -> None:
    text = f'{HEAD} message M {{ string name = 1 [(buf.validate.field).string.pattern = "^a"]; }}'
    verdict = compile_text(text, "p.v1.M").check(b"{}")
    assert isinstance(verdict, Rejected)
    (violation,) = verdict.violations
    assert violation.detail.startswith("is missing, and so does not match")


def test_nothing_of_a_redacted_field_is_shown(status: CompiledVersion) -> None:
    (violation,) = violations(status, card="4242424242")
    assert violation == Violation(
        pointer="#/card",
        rule="string.max_len",
        detail="has a wrong length: at most 4 characters are allowed",
        expected="string, at most 4 characters",
        found="string",
        docs="card",
    )


@pytest.mark.parametrize("path", ["items.quantity", "items"])
def test_nothing_of_what_the_contract_calls_sensitive_is_shown(
    compile_text: Callable[..., CompiledVersion], status_text: str, path: str
) -> None:
    version = compile_text(status_text, "coffeeco.v1.OrderStatus", sensitive=frozenset({path, "locker", "status"}))
    (violation,) = violations(version, items=[{"sku": "a", "quantity": 1234}])
    assert (violation.detail, violation.found) == ("is out of bounds: at most 10 is allowed", "int")
    assert violation.expected == "int32, 1 to 10"
    (violation,) = violations(version, status=0)
    assert (violation.detail, violation.found) == ("is a value that is not allowed", "enum value")
    (violation,) = violations(version, status="STATUS_PLACD")
    assert (violation.found, violation.hint) == ("string", "")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"attributes": {"0151": 1}}, "#/attributes/*"),
        ({"attributes": {"0151": ""}}, "#/attributes/*"),
        ({"attributes": {"0151-23456789": "x"}}, "#/attributes/*"),
        ({"items": [{"sku": "a", "quantity": 1, "0151-2345": {}}]}, "#/items/0/*"),
    ],
)
def test_names_that_a_sender_chose_inside_sensitive_fields_are_hidden(
    compile_text: Callable[..., CompiledVersion], status_text: str, body: dict[str, object], pointer: str
) -> None:
    version = compile_text(status_text, "coffeeco.v1.OrderStatus", sensitive=frozenset({"attributes", "items"}))
    (violation,) = violations(version, **body)
    assert violation.pointer == pointer
    assert "0151" not in str(violation)


def test_a_duplicate_key_inside_a_sensitive_field_is_hidden(
    compile_text: Callable[..., CompiledVersion], status_text: str
) -> None:
    body = msgspec.json.encode(GOOD)[:-1] + b',"attributes":{"0151":"a","0151":"b"}}'
    verdict = compile_text(status_text, "coffeeco.v1.OrderStatus", sensitive=frozenset({"attributes"})).check(body)
    assert isinstance(verdict, Rejected)
    assert [(v.pointer, v.rule) for v in verdict.violations] == [("#/attributes/*", "duplicate_key")]
    open_verdict = compile_text(status_text, "coffeeco.v1.OrderStatus").check(body)
    assert isinstance(open_verdict, Rejected)
    assert open_verdict.violations[0].pointer == "#/attributes/0151"


def test_the_key_is_named_as_json_does(compile_text: Callable[..., CompiledVersion], status_text: str) -> None:
    version = compile_text(status_text, "coffeeco.v1.OrderStatus", key="order_id")
    verdict = version.check(msgspec.json.encode(GOOD), key="another")
    assert isinstance(verdict, Rejected)
    assert [(v.pointer, v.rule, v.docs) for v in verdict.violations] == [("#/orderId", "key_mismatch", "orderId")]


def test_a_text_computed_by_a_rule_is_withheld_where_anything_is_sensitive(
    compile_text: Callable[..., CompiledVersion],
) -> None:
    field = "(buf.validate.field).cel = {id: \"name.short\", expression: \"size(this) < 3 ? '' : 'too long: ' + this\"}"
    text = f"{HEAD} message M {{ string name = 1 [{field}]; string card = 2; }}"
    body = b'{"name":"secret"}'
    open_verdict = compile_text(text, "p.v1.M").check(body)
    closed_verdict = compile_text(text, "p.v1.M", sensitive=frozenset({"card"})).check(body)
    assert isinstance(open_verdict, Rejected)
    assert isinstance(closed_verdict, Rejected)
    assert open_verdict.violations[0].detail == "too long: secret"
    assert closed_verdict.violations[0].detail == "does not satisfy the rule name.short"


def test_a_rule_that_fails_on_an_event_is_a_violation_and_no_exception(
    compile_text: Callable[..., CompiledVersion],
) -> None:
    field = '(buf.validate.field).cel = {id: "a.ratio", message: "m", expression: "10 / this > 1"}'
    version = compile_text(f"{HEAD} message M {{ int32 a = 1 [{field}]; }}", "p.v1.M")
    assert isinstance(version.check(b'{"a":2}'), Encoded)
    verdict = version.check(b'{"a":0}')
    assert isinstance(verdict, Rejected)
    assert [(v.pointer, v.rule) for v in verdict.violations] == [("#", "a.ratio")]


def test_wrapped_strings_are_measured(compile_text: Callable[..., CompiledVersion]) -> None:
    field = "(buf.validate.field).string.min_len = 3"
    version = compile_text(f"{HEAD} message M {{ google.protobuf.StringValue a = 1 [{field}]; }}", "p.v1.M")
    verdict = version.check(b'{"a":"x"}')
    assert isinstance(verdict, Rejected)
    assert verdict.violations[0].detail == "has 1 character, at least 3 characters are needed"


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("timestamp.lt_now = true", "in the past"),
        ("timestamp.within.seconds = 60", "within 60s of now"),
        ('cel = {id: "past", message: "is to come", expression: "this < now"}', ""),
    ],
)
def test_rules_that_name_now_are_served(compile_text: Callable[..., CompiledVersion], rule: str, wanted: str) -> None:
    stamp = "google.protobuf.Timestamp"
    text = f'{HEAD} import "google/protobuf/timestamp.proto"; message M {{ {stamp} at = 1 [(buf.validate.field).{rule}]; }}'
    verdict = compile_text(text, "p.v1.M").check(b'{"at":"9999-01-01T00:00:00Z"}')
    assert isinstance(verdict, Rejected)
    assert wanted in verdict.violations[0].expected
