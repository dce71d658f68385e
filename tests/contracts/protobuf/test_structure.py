"""Every oddity of ProtoJSON on its own: what is accepted, and what is refused where, by which rule."""

import json

import pytest

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.verdict import Encoded, Rejected
from tidegate.contracts.wording import summary

ACCEPTED = [
    '{}', ' {"text":"a"} ', '{"text":null,"flag":null,"numbers":null,"labels":null,"child":null,"maybe":null}',
    '{"i32":1.0}', '{"i32":1e2}', '{"i32":"1"}', '{"i32":"1e2"}', '{"i32":"-0"}', '{"i32":-2147483648}',
    '{"i32":2147483647}', '{"s64":"-9223372036854775808"}', '{"s64":9223372036854775807}',
    '{"s64":9007199254740992.0}', '{"u32":4294967295}', '{"f64":18446744073709551615}', '{"f64":"18446744073709551615"}',
    '{"real":"NaN"}', '{"real":"-Infinity"}', '{"real":"1.5"}', '{"real":123456789012345678901234567890}',
    '{"small":3.4028234663852886e38}', '{"raw":""}', '{"raw":"AQI="}', '{"raw":"AQI"}', '{"raw":"_-8="}',
    '{"colour":"COLOUR_RED"}', '{"colour":2}', '{"colour":99}', '{"colour":null}',
    '{"atTime":"2026-01-31T12:00:00Z"}', '{"at_time":"2026-01-31T12:00:00.123456789+05:30"}',
    '{"atTime":"0001-01-01T00:00:00Z"}', '{"atTime":"9999-12-31T23:59:59.999999999Z"}',
    '{"atTime":"2026-01-31T12:00:00-00:00"}', '{"lasted":"1s"}', '{"lasted":"-0.5s"}', '{"lasted":"315576000000s"}',
    '{"maybe":5}', '{"maybe":"5"}', '{"loose":{"a":[1,{"b":null}],"c":"x"}}', '{"anyValue":null}', '{"anyValue":[1]}',
    '{"many":[1,null,{}]}', '{"values":[null,1]}', '{"mask":"fooBar,baz.qux"}', '{"mask":""}', '{"nothing":null}',
    '{"nothing":"NULL_VALUE"}', '{"nothing":0}', '{"leftSide":"a","rightSide":null}', '{"leftSide":null,"right_side":1}',
    '{"numbers":[1,"2"]}', '{"labels":{"a":"b"}}', '{"labels":{"":""}}', '{"byNumber":{"-1":{},"0":{}}}',
    '{"byTruth":{"true":1,"false":"COLOUR_RED"}}', '{"perhaps":""}', '{"text":"\\ud83d\\ude00"}', '{"text":"a\\":b"}',
    '{"child":{"child":{"leaves":[{"name":"a"}]}}}', '{"colours":["COLOUR_RED",1]}',
]  # fmt: skip

REFUSED = [
    # names
    ('{"txt":1}', "#/txt", "unknown_field"),
    ('{"child":{"leaves":[{},{"nam":1}]}}', "#/child/leaves/1/nam", "unknown_field"),
    ('{"[x.y]":1}', "#/%5Bx.y%5D", "unknown_field"),
    ('{"a/b~c":1}', "#/a~1b~0c", "unknown_field"),
    ('{"atTime":null,"at_time":null}', "#/at_time", "duplicate_key"),
    ('{"at_time":"2026-01-31T12:00:00Z","atTime":null}', "#/atTime", "duplicate_key"),
    # oneofs
    ('{"leftSide":"a","rightSide":1}', "#/rightSide", "union"),
    ('{"child":{"deeper":{},"left_side":""}}', "#/child/left_side", "union"),
    # wrong JSON types
    ("[]", "#", "type"),
    ("1", "#", "type"),
    ('{"text":1}', "#/text", "type"),
    ('{"flag":"true"}', "#/flag", "type"),
    ('{"flag":1}', "#/flag", "type"),
    ('{"child":[]}', "#/child", "type"),
    ('{"leaves":{}}', "#/leaves", "type"),
    ('{"labels":[]}', "#/labels", "type"),
    ('{"numbers":"1"}', "#/numbers", "type"),
    ('{"raw":[1]}', "#/raw", "type"),
    ('{"maybe":{"value":1}}', "#/maybe", "type"),
    ('{"loose":[]}', "#/loose", "type"),
    ('{"many":{}}', "#/many", "type"),
    ('{"nothing":1}', "#/nothing", "type"),
    # null inside a container
    ('{"numbers":[1,null]}', "#/numbers/1", "type"),
    ('{"leaves":[null]}', "#/leaves/0", "type"),
    ('{"labels":{"a":null}}', "#/labels/a", "type"),
    ('{"byNumber":{"1":null}}', "#/byNumber/1", "type"),
    ('{"colours":[null]}', "#/colours/0", "type"),
    # integers
    ('{"i32":true}', "#/i32", "type"),
    ('{"i32":1.5}', "#/i32", "type"),
    ('{"i32":""}', "#/i32", "type"),
    ('{"i32":" 1"}', "#/i32", "type"),
    ('{"i32":"+1"}', "#/i32", "type"),
    ('{"i32":"1_0"}', "#/i32", "type"),
    ('{"i32":"\u0661"}', "#/i32", "type"),
    ('{"i32":"01"}', "#/i32", "type"),
    ('{"i32":"0x1"}', "#/i32", "type"),
    ('{"i32":2147483648}', "#/i32", "range"),
    ('{"i32":"2147483648"}', "#/i32", "range"),
    ('{"i32":1e10}', "#/i32", "range"),
    ('{"u32":-1}', "#/u32", "range"),
    ('{"s64":9223372036854775808}', "#/s64", "range"),
    ('{"s64":"-9223372036854775809"}', "#/s64", "range"),
    ('{"f64":18446744073709551616}', "#/f64", "range"),
    ('{"s64":9007199254740994.0}', "#/s64", "precision"),
    ('{"s64":"1e18"}', "#/s64", "precision"),
    (json.dumps({"s64": "9" * 5000}), "#/s64", "range"),
    # floats
    ('{"real":"nan"}', "#/real", "type"),
    ('{"real":"inf"}', "#/real", "type"),
    ('{"real":"+1"}', "#/real", "type"),
    ('{"real":"1."}', "#/real", "type"),
    ('{"real":true}', "#/real", "type"),
    ('{"real":"1e999"}', "#/real", "range"),
    ('{"real":1' + "0" * 400 + "}", "#/real", "range"),
    ('{"small":1e39}', "#/small", "range"),
    ('{"small":3.4028235e38}', "#/small", "range"),
    ('{"anyValue":{"a":[1' + "0" * 400 + "]}}", "#/anyValue/a/0", "range"),
    # bytes
    ('{"raw":"A"}', "#/raw", "format"),
    ('{"raw":"AQI=="}', "#/raw", "format"),
    ('{"raw":"AQ I"}', "#/raw", "format"),
    ('{"raw":"/-8="}', "#/raw", "format"),
    ('{"raw":"AQI=AQI="}', "#/raw", "format"),
    # enums
    ('{"colour":"COLOUR_REDD"}', "#/colour", "enum"),
    ('{"colour":"1"}', "#/colour", "enum"),
    ('{"colour":1.0}', "#/colour", "type"),
    ('{"colour":true}', "#/colour", "type"),
    ('{"colour":2147483648}', "#/colour", "range"),
    ('{"colours":[1,"NOPE"]}', "#/colours/1", "enum"),
    # maps
    ('{"byNumber":{"x":{}}}', "#/byNumber/x", "type"),
    ('{"byNumber":{"1":{},"01":{}}}', "#/byNumber/01", "type"),
    ('{"byNumber":{"0":{},"-0":{}}}', "#/byNumber/-0", "type"),
    ('{"byNumber":{"1.0":{}}}', "#/byNumber/1.0", "type"),
    ('{"byNumber":{"9223372036854775808":{}}}', "#/byNumber/9223372036854775808", "type"),
    ('{"byTruth":{"TRUE":1}}', "#/byTruth/TRUE", "type"),
    ('{"byNumber":{"1":{"size":-1}}}', "#/byNumber/1/size", "range"),
    # well-known types
    ('{"atTime":1}', "#/atTime", "type"),
    ('{"atTime":"2026-01-31T12:00:00"}', "#/atTime", "format"),
    ('{"atTime":"2026-01-31t12:00:00z"}', "#/atTime", "format"),
    ('{"atTime":"2026-01-31T23:59:60Z"}', "#/atTime", "format"),
    ('{"atTime":"2026-01-31T24:00:00Z"}', "#/atTime", "format"),
    ('{"atTime":"2026-02-30T12:00:00Z"}', "#/atTime", "format"),
    ('{"atTime":"2026-01-31T12:00:00.1234567891Z"}', "#/atTime", "format"),
    ('{"atTime":"0001-01-01T00:00:00+01:00"}', "#/atTime", "format"),
    ('{"atTime":"9999-12-31T23:59:59-01:00"}', "#/atTime", "format"),
    ('{"atTime":"0000-01-01T00:00:00Z"}', "#/atTime", "format"),
    ('{"atTime":"2026-01-31T12:00:00+24:00"}', "#/atTime", "format"),
    ('{"lasted":1}', "#/lasted", "type"),
    ('{"lasted":"1"}', "#/lasted", "format"),
    ('{"lasted":".5s"}', "#/lasted", "format"),
    ('{"lasted":"1.1234567891s"}', "#/lasted", "format"),
    ('{"lasted":"315576000001s"}', "#/lasted", "range"),
    ('{"lasted":"315576000000.5s"}', "#/lasted", "range"),
    ('{"mask":"foo_bar"}', "#/mask", "format"),
]

MALFORMED = [
    (b"", "malformed", "#"),
    (b"{}x", "malformed", "#"),
    (b'{"i32":01}', "malformed", "#"),
    (b'{"real":NaN}', "malformed", "#"),
    (b'{"real":1e999}', "malformed", "#"),
    (b'{"text":"a\nb"}', "malformed", "#"),
    (b"\xef\xbb\xbf{}", "encoding", "#"),
    (b'{"text":"\xff"}', "encoding", "#"),
    (b'{"text":"\\ud800"}', "encoding", "#"),
    (b'{"i32":1,"i32":2}', "duplicate_key", "#/i32"),
    (b'{"i32" : 1,"i32" : 1}', "duplicate_key", "#/i32"),
    (b'{"child":{"labels":{"a":"1","a":"2"}}}', "duplicate_key", "#/child/labels/a"),
    (b'{"loose":{"a":{"b":1,"b":1}}}', "duplicate_key", "#/loose/a/b"),
    (b'{"txt":1,"i32":1,"i32":2}', "duplicate_key", "#/i32"),
    (b'{"child":' * 64 + b"{}" + b"}" * 64, "depth", "#"),
    (b'{"anyValue":' + b"[" * 64 + b"]" * 64 + b"}", "depth", "#"),
    (b'{"nope":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "depth", "#"),
]


def refused(version: CompiledVersion, body: bytes) -> Rejected:
    verdict = version.check(body)
    assert isinstance(verdict, Rejected), verdict
    return verdict


@pytest.mark.parametrize("body", ACCEPTED)
def test_what_the_mapping_allows_is_accepted(rich: CompiledVersion, body: str) -> None:
    assert isinstance(rich.check(body.encode()), Encoded)


@pytest.mark.parametrize(("body", "pointer", "rule"), REFUSED)
def test_what_it_does_not_is_refused_at_its_place(rich: CompiledVersion, body: str, pointer: str, rule: str) -> None:
    verdict = refused(rich, body.encode())
    assert [(one.pointer, one.rule) for one in verdict.violations] == [(pointer, rule)]
    assert (verdict.malformed, verdict.omitted) == (False, 0)


@pytest.mark.parametrize(("body", "rule", "pointer"), MALFORMED)
def test_what_is_not_strict_json_is_malformed(rich: CompiledVersion, body: bytes, rule: str, pointer: str) -> None:
    verdict = refused(rich, body)
    assert [(one.rule, one.pointer) for one in verdict.violations] == [(rule, pointer)]
    assert verdict.malformed


def test_null_is_a_tombstone_that_is_not_allowed(rich: CompiledVersion) -> None:
    assert refused(rich, b"null" + b" " * 100).violations[0].rule == "tombstone"


def test_64_levels_are_allowed(rich: CompiledVersion) -> None:
    assert isinstance(rich.check(b'{"child":' * 63 + b"{}" + b"}" * 63), Encoded)


def test_free_form_json_is_refused_where_its_binary_could_not_be_read(rich: CompiledVersion) -> None:
    assert isinstance(rich.check(b'{"anyValue":' + b"[" * 45 + b"]" * 45 + b"}"), Encoded)
    verdict = refused(rich, b'{"loose":' + b'{"a":' * 45 + b"1" + b"}" * 46)
    assert [(one.pointer, one.rule) for one in verdict.violations] == [("#", "depth")]


def test_all_faults_come_at_once_in_document_order(rich: CompiledVersion) -> None:
    body = b'{"flag":1,"leaves":[{"size":-1},{"nme":"a"}],"text":2,"i32":"x"}'
    assert [one.pointer for one in refused(rich, body).violations] == [
        "#/flag", "#/leaves/0/size", "#/leaves/1/nme", "#/text", "#/i32",
    ]  # fmt: skip


def test_a_misspelt_field_names_its_neighbour_and_its_parent(rich: CompiledVersion) -> None:
    violation = refused(rich, b'{"leaves":[{"nme":"a"}]}').violations[0]
    assert (violation.hint, violation.docs) == ('did you mean "name"?', "leaves")
    assert violation.detail == "is no field of Leaf"
    assert (violation.expected, violation.found) == ("one of name, size", "string of 1 character")


def test_a_broken_text_is_told_as_the_event_s(rich: CompiledVersion) -> None:
    assert summary(refused(rich, b'{"text":NaN}').violations, 0) == "the event is not JSON: invalid character"


def test_a_value_is_told_by_type_and_number_only(rich: CompiledVersion) -> None:
    violations = refused(rich, b'{"i32":"secret","u32":-1,"colour":"COLOUR_REDD"}').violations
    assert [one.found for one in violations] == ["string of 6 characters", "int -1", "string of 11 characters"]
    assert violations[2].hint == 'did you mean "COLOUR_RED"?'
    assert "secret" not in repr(violations)


def test_only_the_first_25_are_listed_and_the_rest_counted(rich: CompiledVersion) -> None:
    body = json.dumps({f"f{i}": [] for i in range(100_000)}).encode()
    verdict = refused(rich, body)
    assert (len(verdict.violations), verdict.omitted) == (25, 99_975)


def test_unknown_fields_are_dropped_and_counted_where_the_contract_says_so(rich_dropping: CompiledVersion) -> None:
    body = b'{"nope":{"a":1},"text":"a","child":{"what":[{"b":1}],"flag":true}}'
    verdict = rich_dropping.check(body)
    plain = rich_dropping.check(b'{"text":"a","child":{"flag":true}}')
    assert isinstance(verdict, Encoded)
    assert isinstance(plain, Encoded)
    assert (verdict.value, verdict.dropped, plain.dropped) == (plain.value, 2, 0)


def test_dropping_loses_no_duplicate_and_no_misspelt_enum_value(rich_dropping: CompiledVersion) -> None:
    assert refused(rich_dropping, b'{"nope":{"a":1,"a":2},"text":"a"}').malformed
    assert refused(rich_dropping, b'{"colour":"COLOUR_REDD"}').violations[0].rule == "enum"
