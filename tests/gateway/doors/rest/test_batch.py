"""Batches in both framings: what each event may hold, and what makes the whole no batch."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.doors.rest.conftest import TOPIC, Gate, Reply, make_gate

from tidegate_gateway.doors.media import DATA_FORMS
from tidegate_gateway.doors.rest import events
from tidegate_gateway.doors.rest.events import read_event
from tidegate_gateway.doors.rest.members import duplicate_member, members_at_most
from tidegate_gateway.intake.submission import Unreadable

NDJSON = "application/x-ndjson"
GOOD = b'{"value":{"n":1}}'


async def both_framings(gate: Gate, *events: bytes) -> list[dict[str, Any]]:
    """The results of the same events as JSON and as NDJSON: they must not differ."""
    as_json = await gate.batch(b'{"events":[' + b",".join(events) + b"]}")
    as_lines = await gate.batch(b"\n".join(events), media=NDJSON)
    results: list[dict[str, Any]] = as_json.json["results"]
    for one, other in zip(results, as_lines.json["results"], strict=True):
        for result in (one, other):
            result.pop("offset", None)
            result.get("error", {}).pop("instance", None)
        assert one == other
    return results


async def test_a_whole_event(gate: Gate) -> None:
    event = {
        "id": "e1", "key": "k:1", "value": {"n": 1, "note": "a : \":\" b"}, "headers": {"Source": "shop", "b": ""},
        "time": "2026-01-31T12:00:00+01:00", "version": 1,
    }  # fmt: skip
    (result,) = await both_framings(gate, json.dumps(event).encode())
    assert result == {"id": "e1", "status": "stored", "partition": 0, "version": 1, "schemaId": 11}
    record = gate.publisher.stored[0]
    assert record.key == b"k:1"
    assert record.timestamp_ms == 1_769_857_200_000
    assert dict(record.headers)["source"] == b"shop"
    assert record.value == b"framed" + json.dumps(event["value"]).encode()


async def test_a_value_stays_the_bytes_that_were_sent(gate: Gate) -> None:
    await gate.batch(b'{"events": [ {"value" : { "n":1,  "big": 12345678901234567890.10 } } ] }')
    assert gate.publisher.stored[0].value == b'framed{ "n":1,  "big": 12345678901234567890.10 }'


async def test_a_key_in_base64(gate: Gate) -> None:
    await both_framings(gate, b'{"keyBytes":"AP8=","value":{"n":1}}')
    assert gate.publisher.stored[0].key == b"\x00\xff"


async def test_nulls_are_as_good_as_absent(gate: Gate) -> None:
    event = b'{"id":"a","key":null,"keyBytes":null,"headers":null,"time":null,"version":null,"value":{"n":1}}'
    (result,) = await both_framings(gate, event)
    assert result["status"] == "stored"


async def test_the_requests_version_is_each_events_default(gate: Gate) -> None:
    reply = await gate.batch(
        b'{"events":[{"value":{"n":1}},{"version":2,"value":{"n":1}}]}', headers=[("Event-Version", "1")]
    )
    assert [r["version"] for r in reply.json["results"]] == [1, 2]


@pytest.mark.parametrize(
    ("event", "pointer", "rule"),
    [
        (b"{}", "#/value", "malformed"),
        (b'{"id":"a"}', "#/value", "malformed"),
        (b"[]", "#", "type"),
        (b"null", "#", "type"),
        (b'"text"', "#", "type"),
        (b"17", "#", "type"),
        (b'{"id":5,"value":{"n":1}}', "#/id", "type"),
        (b'{"id":"","value":{"n":1}}', "#/id", "format"),
        (b'{"id":"with space","value":{"n":1}}', "#/id", "format"),
        (b'{"id":"\xff","value":{"n":1}}', "#", "encoding"),
        (b'{"key":1,"value":{"n":1}}', "#/key", "type"),
        (b'{"keyBytes":"%%","value":{"n":1}}', "#/keyBytes", "encoding"),
        (b'{"key":"a","keyBytes":"YQ==","value":{"n":1}}', "#/keyBytes", "malformed"),
        (b'{"headers":{"a":1},"value":{"n":1}}', "#/headers/a", "type"),
        (b'{"headers":[],"value":{"n":1}}', "#/headers", "type"),
        (b'{"headers":{"tidegate-id":"x"},"value":{"n":1}}', "#/headers/tidegate-id", "malformed"),
        (b'{"headers":{"A":"1","a":"2"},"value":{"n":1}}', "#/headers/a", "duplicate_key"),
        (b'{"headers":{"a":"1","a":"2"},"value":{"n":1}}', "#/headers/a", "duplicate_key"),
        (b'{"time":5,"value":{"n":1}}', "#/time", "type"),
        (b'{"version":"1","value":{"n":1}}', "#/version", "type"),
        (b'{"version":1.0,"value":{"n":1}}', "#/version", "type"),
        (b'{"version":true,"value":{"n":1}}', "#/version", "type"),
        (b'{"version":0,"value":{"n":1}}', "#/version", "range"),
        (b'{"version":-1,"value":{"n":1}}', "#/version", "range"),
        (b'{"version":99999999999999999999999,"value":{"n":1}}', "#/version", "range"),
        (b'{"id":"a","id":"b","value":{"n":1}}', "#/id", "duplicate_key"),
        (b'{"id":null,"id":null,"value":{"n":1}}', "#/id", "duplicate_key"),
        (b'{"value":{"n":2},"value":{"n":1}}', "#/value", "duplicate_key"),
        (b'{"value":{"n":1},"value":{"n":1}}', "#/value", "duplicate_key"),
        (b'{"id":"a:b","\\u0069d":"a:b","value":{"n":1}}', "#/id", "duplicate_key"),
        (b'{"key" : "a","key"\t:"a", "value":{"n":1}}', "#/key", "duplicate_key"),
    ],
)
async def test_events_that_cannot_be_read(gate: Gate, event: bytes, pointer: str, rule: str) -> None:
    first, bad, last = await both_framings(gate, GOOD, event, GOOD)
    assert (first["status"], bad["status"], last["status"]) == ("stored", "rejected", "stored")
    assert (bad["error"]["code"], bad["error"]["status"]) == ("malformed", 400)
    violation = bad["error"]["errors"][0]
    assert (violation["pointer"], violation["rule"]) == (pointer, rule)
    assert len(gate.publisher.stored) == 4


async def test_ever_so_many_headers_of_which_the_last_stands_twice_cost_no_quadratic_search(gate: Gate) -> None:
    """Each name looked for in all the others: one request of 1 MB held every other for minutes. Now their number is enough."""
    names = ",".join(f'"a{number}":""' for number in range(60_000))
    event = b'{"headers":{%s,"zz":"","ZZ":""},"value":{"n":1}}' % names.encode()
    (result,) = (await gate.batch(event, media=NDJSON)).json["results"]
    (violation,) = result["error"]["errors"]
    assert (violation["pointer"], violation["rule"]) == ("#/headers", "malformed")
    assert violation["detail"] == "are 60002 headers, at most 32 are allowed"


async def test_an_events_wrong_type_is_said_in_words(gate: Gate) -> None:
    for event, detail, expected, found in (
        (b"[]", "the event is no object", "an event", "array"),
        (b'{"id":5,"value":1}', "id is no string", "string or null", "int"),
        (b'{"version":"1","value":1}', "version is no int", "int or null", "string"),
    ):
        (result,) = await both_framings(gate, event)
        assert result["error"]["detail"] == detail
        violation = result["error"]["errors"][0]
        assert (violation["expected"], violation["found"]) == (expected, found)


async def test_an_unknown_member_is_named_with_what_was_meant(gate: Gate) -> None:
    (result,) = await both_framings(gate, b'{"id":"e7","vlaue":{"n":1}}')
    assert result["id"] == "e7"
    (violation,) = result["error"]["errors"]
    assert violation["pointer"] == "#/vlaue"
    assert violation["hint"] == 'did you mean "value"?'
    assert result["error"]["detail"] == "vlaue is no member of an event"


async def test_of_ever_so_many_members_the_first_strange_one_is_named(gate: Gate) -> None:
    """Without a dict of them all, which took half a second and 100 MB for a body of eight."""
    many = b",".join(b'"a%d":1' % number for number in range(1000))
    (result,) = await both_framings(gate, b'{"id":"e1",%s}' % many)
    assert (result["id"], result["error"]["detail"]) == ("e1", "a0 is no member of an event")
    reply = await gate.batch(b"{%s}" % many)
    assert reply.json["detail"] == "a0 is no member of a batch"
    members = events._members(b'{"id":"e1",%s}' % many)
    assert list(members) == ["id"]


async def test_base64_of_the_other_kind_lets_no_unknown_member_pass(gate: Gate) -> None:
    (result,) = await both_framings(gate, b'{"data":"BQ","vlaue":1}')
    assert result["status"] == "rejected"


async def test_an_unreadable_events_id_is_told_where_it_can_be(gate: Gate) -> None:
    results = await both_framings(gate, b'{"id":"e1","key":1}', b'{"id":5,"key":1}', b'{"id":"a b","key":1}')
    assert [r["id"] for r in results] == ["e1", "new-id", ""]


async def test_a_bad_line_is_one_rejected_event(gate: Gate) -> None:
    body = b"\n".join(
        [GOOD, b"", b"{", b'{"value":NaN}', b"\xef\xbb\xbf" + GOOD, b"[" * 100_000, b" \t\r", GOOD + b"\r"]
    )
    reply = await gate.batch(body, media=NDJSON)
    assert reply.status == 207
    results = reply.json["results"]
    assert [r["status"] for r in results] == ["stored", "rejected", "rejected", "rejected", "rejected", "stored"]
    assert [r["error"]["errors"][0]["rule"] for r in results[1:5]] == ["malformed", "malformed", "encoding", "type"]
    assert results[2]["error"]["errors"][0]["byteOffset"] == 9


@pytest.mark.parametrize("escape", ["ud800", "ud800\\u0041", "udc00", "udc00 and more of it"])
async def test_half_a_surrogate_pair_in_a_line(gate: Gate, escape: str) -> None:
    for line in (f'{{"id":"\\{escape}","value":{{"n":1}}}}', f'{{"id":"e","value":{{"n":"\\{escape}"}}}}'):
        results = (await gate.batch(GOOD + b"\n" + line.encode(), media=NDJSON)).json["results"]
        assert results[1]["error"]["errors"][0]["rule"] == "encoding"
        assert results[1]["error"]["errors"][0]["byteOffset"] > 0


async def test_lines_of_bare_values(gate: Gate) -> None:
    reply = await gate.batch(b'{"n":1}\n\n{"n":11}\r\n {"n":2} ', media=NDJSON, query="format=values")
    assert [r["status"] for r in reply.json["results"]] == ["stored", "rejected", "stored"]
    assert gate.publisher.stored[1].value == b'framed{"n":2}'
    assert (await gate.batch(GOOD, media=NDJSON, query="format=events")).status == 200


@pytest.mark.parametrize(
    ("media", "query", "says"),
    [
        (NDJSON, "format=value", 'the format "value" is none; did you mean "values"?'),
        (NDJSON, "format=", 'the format "" is none; there are events and values'),
        (NDJSON, "format=values&format=values", "the parameter format stands twice"),
        ("application/json", "format=values", "format=values is for application/x-ndjson"),
        (NDJSON, "fromat=values", '"fromat" is no parameter of this endpoint; did you mean "format"?'),
        (NDJSON, "format=values&x%0A=1", r'"x\n" is no parameter of this endpoint; there is format'),
    ],
)
async def test_formats_that_are_none(gate: Gate, media: str, query: str, says: str) -> None:
    reply = await gate.batch(GOOD, media=media, query=query)
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert reply.json["detail"].startswith(says)
    assert gate.publisher.stored == []


async def test_validate_takes_lines_of_values_too(gate: Gate) -> None:
    reply = await gate.validate(b'{"n":1}\n{"n":11}', media=NDJSON, query="format=values")
    assert [r["status"] for r in reply.json["results"]] == ["valid", "rejected"]
    one = await gate.validate(b'{"n":1}', query="format=values")
    assert (one.status, one.json["code"]) == (400, "malformed")
    assert gate.publisher.stored == []


async def test_the_single_endpoint_takes_no_parameter(gate: Gate) -> None:
    reply = await gate.event(b'{"n":1}', query="format=values")
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert reply.json["detail"] == '"format" is no parameter of this endpoint; it takes none'
    assert (await gate.event(b'{"n":1}', who=None, query="x=1")).status == 401


async def test_a_header_that_is_no_text_and_a_reserved_one_are_both_told(gate: Gate) -> None:
    event = b'{"headers":{"b":"1","a/b":[],"tidegate-id":"x","c":1},"value":{"n":1}}'
    (result,) = await both_framings(gate, event)
    assert [(v["pointer"], v["detail"], v.get("found")) for v in result["error"]["errors"]] == [
        ("#/headers/a~1b", "is no string", "array"),
        ("#/headers/tidegate-id", "is a header that only the gateway writes", None),
    ]


@pytest.mark.parametrize("event", [b'{"n":1}', b'{"id":"e","orderId":"x"}', b"[1]", b"7"])
async def test_a_value_where_an_event_is_due_is_told_what_to_do(gate: Gate, event: bytes) -> None:
    (result,) = await both_framings(gate, event)
    assert result["error"]["errors"][0]["hint"].startswith('wrap it in {"value": ...}, or send values as NDJSON')


async def test_a_stranger_beside_a_value_is_no_value(gate: Gate) -> None:
    (result,) = await both_framings(gate, b'{"value":{"n":1},"zzz":1}')
    assert "hint" not in result["error"]["errors"][0]


async def test_what_is_not_json_is_said_the_same_way_everywhere(gate: Gate) -> None:
    for body in (b'{"n":', b'{"n" 1}'):
        lines = await gate.batch(GOOD + b"\n" + body, media=NDJSON)
        whole = await gate.batch(body)
        assert lines.json["results"][1]["error"]["detail"].startswith("the event is not JSON: ")
        assert whole.json["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize("where", ["event", "batch", "validate"])
async def test_gzip_that_nobody_declared(gate: Gate, where: str) -> None:
    reply = await getattr(gate, where)(gzip.compress(b'{"n":1}'))
    assert (reply.status, reply.json["code"]) == (400, "malformed")
    assert reply.json["errors"][0]["hint"] == "the body is gzip: say Content-Encoding: gzip"


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        (b"", "#", "malformed"),
        (b"{", "#", "malformed"),
        (b"[]", "#", "type"),
        (b"null", "#", "type"),
        (b"{}", "#/events", "malformed"),
        (b'{"evnts":[]}', "#/evnts", "unknown_field"),
        (b'{"events":[],"more":1}', "#/more", "unknown_field"),
        (b'{"events":null}', "#/events", "type"),
        (b'{"events":{}}', "#/events", "type"),
        (b'{"events":[],"events":[]}', "#/events", "duplicate_key"),
        (b'{"events":[{"value":{"n":1}}] , "events":[{"value":{"n":1}}]}', "#/events", "duplicate_key"),
        (b'{"events":[],"\\u0065vents":[]}', "#/events", "duplicate_key"),
        (b'{"events":[]} x', "#", "malformed"),
        (b'{"events":[1,]}', "#", "malformed"),
        (b'{"events":[{"value":NaN}]}', "#", "malformed"),
        (b'\xef\xbb\xbf{"events":[]}', "#", "encoding"),
        (b'{"\xff":[]}', "#", "encoding"),
        (b'{"\\ud800":[]}', "#", "encoding"),
        (b'{"events":[{"id":"\\ud800","value":{"n":1}}]}', "#", "encoding"),
        (b'{"events":[{"value":"\\ud800\\u0041"}]}', "#", "encoding"),
        (b'{"events":[{"value":"\\udc00"}]}', "#", "encoding"),
        ('{"events":[]}'.encode("utf-16"), "#", "malformed"),
        (b'{"events":' + b"[" * 100_000, "#", "depth"),
    ],
)
async def test_bodies_that_are_no_batch(gate: Gate, body: bytes, pointer: str, rule: str) -> None:
    reply = await gate.batch(body)
    assert reply.status == 400
    assert reply.fields["content-type"] == "application/problem+json"
    problem = reply.json
    assert (problem["code"], problem["topic"]) == ("malformed", TOPIC)
    assert [(v["pointer"], v["rule"]) for v in problem["errors"]] == [(pointer, rule)]
    assert gate.limiter.asked == [(1, len(body))], "it spends the allowance"
    assert gate.requests == ["rest malformed"]


@pytest.mark.parametrize(
    "body", [b'\r\n\t {\n"events"\t: [] \n} \n', b'{"\\u0065vents":[]}', b'{"events":[ ]}', b'{ "events" :[\n]}']
)
async def test_white_space_and_escapes_make_no_difference(gate: Gate, body: bytes) -> None:
    assert (await gate.batch(body)).status == 200


async def test_ever_so_many_empty_events_are_refused_before_they_are_decoded() -> None:
    gate = make_gate()
    reply = await gate.batch(b'{"events":[' + b"{}," * 2_700_000 + b"{}]}")
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert gate.limiter.asked == [(0, 0)]


names = st.sampled_from(["id", "key", "time", "version", "value", "headers"])
texts = st.text(alphabet=' :"\\{}[],ab\t', max_size=8)
scalars = st.one_of(st.none(), st.integers(), texts)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
spaces = st.sampled_from(["", "", " ", "\n", "\t", "\r\n "])


@st.composite
def objects_of(draw: st.DrawFn) -> tuple[bytes, bytes, int, bool]:
    """An event's text with its value, how many members it has beside it, and whether one stands twice."""
    members = draw(st.lists(names.filter(lambda name: name != "value"), max_size=4))
    value = json.dumps(draw(values), ensure_ascii=draw(st.booleans()))
    parts = [(name, json.dumps(draw(texts))) for name in members]
    parts.insert(draw(st.integers(0, len(parts))), ("value", value))
    text = ",".join(f'{draw(spaces)}"{name}"{draw(spaces)}:{draw(spaces)}{part}{draw(spaces)}' for name, part in parts)
    return f"{{{text}}}".encode(), value.encode(), len(parts), len(set(members)) < len(members)


@settings(max_examples=200, deadline=None)
@given(objects_of())
def test_no_duplicate_passes_by_counting(case: tuple[bytes, bytes, int, bool]) -> None:
    """Distinct members at most: a member that stands twice is never counted away; `duplicate_member` is exact."""
    text, value, members, twice = case
    distinct = len({name for name, _ in json.loads(text, object_pairs_hook=list)})
    if members_at_most(text, value, distinct):
        assert distinct == members
        assert not twice
    assert (duplicate_member(text) is not None) == (distinct < members)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_any_text_is_an_event_or_says_why_not(text: bytes) -> None:
    read = read_event(text, DATA_FORMS["avro"])
    if isinstance(read, Unreadable):
        assert read.violations[0].detail
    else:
        assert read.body in text


def mutations() -> st.SearchStrategy[bytes]:
    """Bodies near to good ones: a batch with a span of it replaced by other bytes."""
    seeds = st.sampled_from([
        b'{"events":[{"id":"a","key":"k","value":{"n":1},"headers":{"h":"v"},"time":"2026-01-31T12:00:00Z","version":1}]}',
        b'{"value":{"n":1}}\n{"value":{"n":2}}\n', b'{"n":1}', b"null",
    ])  # fmt: skip

    @st.composite
    def mutated(draw: st.DrawFn) -> bytes:
        seed = draw(seeds)
        start = draw(st.integers(0, len(seed)))
        end = draw(st.integers(start, len(seed)))
        return seed[:start] + draw(st.binary(max_size=6)) + seed[end:]

    return st.one_of(st.binary(max_size=60), mutated())


def check_answer(reply: Reply) -> None:
    """Never a 5xx (but for a version that may come with a release under way); a problem or a receipt, whole."""
    answer = reply.json
    assert reply.status < 500 or answer["code"] == "version_not_here_yet"
    if reply.fields["content-type"] == "application/problem+json":
        assert {"type", "title", "status", "detail", "code", "retryable", "instance"} <= answer.keys()
        assert answer["status"] == reply.status
    else:
        assert answer["topic"] == TOPIC
        for result in answer.get("results", [answer]):
            assert result["status"] in {"stored", "valid", "rejected"}


@settings(max_examples=200, deadline=None)
@given(
    body=mutations(),
    media=st.sampled_from(["application/json", NDJSON]),
    encoding=st.sampled_from(["identity", "gzip"]),
)
async def test_no_body_gives_a_5xx(body: bytes, media: str, encoding: str) -> None:
    gate = make_gate()
    headers = [("Content-Encoding", encoding)]
    for post in (gate.event, gate.batch, gate.validate):
        check_answer(await post(body, media=media, headers=headers))
    check_answer(await gate.batch(body, media=media, headers=headers, query="format=values"))
    assert gate.memory.used_bytes == 0


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(
        ["Event-Id", "Idempotency-Key", "Event-Key", "Event-Time", "Event-Version", "Event-Header-x", "Content-Type",
         "Content-Encoding", "Traceparent", "Authorization"]
    ),
    value=st.binary(max_size=20),
    path=st.text(alphabet="ab.%2Fé_-/~", max_size=12),
)  # fmt: skip
async def test_no_head_gives_a_5xx(name: str, value: bytes, path: str) -> None:
    gate = make_gate()
    check_answer(await gate.event(b'{"n":1}', headers=[(name, value)]))
    reply = await gate.post("/v1/topics/" + path.encode("latin-1").decode("latin-1") + "/events", b'{"n":1}')
    assert reply.status in {400, 403, 404}
