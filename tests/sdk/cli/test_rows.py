"""Inputs of the command line: every format, and what is wrong with a row is that row's."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.cli.rows import Row, Unreadable, form_of, rows_of, typed_cells


def rows(text: bytes, form: str = "ndjson", *, events: bool = False) -> list[Row]:
    return list(rows_of(io.BytesIO(text), form, events=events))


def test_ndjson_has_a_row_for_each_line_and_a_broken_one_is_alone() -> None:
    found = rows(b'{"a":1}\n\n{nonsense\n  {"a":2}  \r\n')
    assert [(row.line, row.value, bool(row.wrong)) for row in found] == [
        (1, b'{"a":1}', False),
        (3, b"", True),
        (4, b'{"a":2}', False),
    ]


def test_a_json_array_and_a_single_object() -> None:
    assert [row.value for row in rows(b'[{"a":1}, {"a":2}]', "json")] == [b'{"a":1}', b'{"a":2}']
    assert [row.value for row in rows(b' {"a":1} ', "json")] == [b'{"a":1}']
    with pytest.raises(Unreadable, match="no JSON array"):
        rows(b"[1,", "json")


def test_csv_needs_a_header_and_tells_what_does_not_fit() -> None:
    found = rows('\ufeffid,n\n"a, b",1\nshort\n'.encode(), "csv")
    assert found[0].value == {"id": "a, b", "n": "1"}
    assert found[1].wrong == "has 1 cells, the header has 2"
    for text, said in (
        (b"", "begins with"),
        (b"a,\n", "begins with"),
        (b"a,a\n", "twice"),
        (b'a\n"x', "no CSV"),
        (b"a\n\xff\n", "no CSV"),
    ):
        with pytest.raises(Unreadable, match=said):
            rows(text, "csv")


def test_cells_nest_and_are_typed_where_the_contract_says_so() -> None:
    cells = {"id": "01", "size.ml": "250", "size.name": "", "hot": "TRUE", "tags": '["a"]', "note": "12"}
    assert typed_cells(cells, {"size.ml", "hot", "tags"}) == {
        "id": "01",
        "size": {"ml": 250},
        "hot": True,
        "tags": ["a"],
        "note": "12",
    }
    assert typed_cells({"a": "x", "a.b": "1"}, {"a"}) == {"a": "x", "b": "1"} or typed_cells({"a": "x"}, {"a"}) == {
        "a": "x"
    }


def test_events_bring_their_own_facts() -> None:
    (row, wrong) = rows(b'{"id":"e-1","key":"k","value":{"a":1},"headers":{"h":"v"}}\n{"id":"e-2"}\n', events=True)
    assert row.facts is not None
    assert (row.event_id("t"), row.facts.key, row.value) == ("e-1", "k", b'{"a":1}')
    assert "is no Event" in wrong.wrong


@settings(max_examples=50)
@given(lines=st.lists(st.sampled_from([b'{"a":1}', b'{"a":2}', b'{"a":3}']), max_size=8), order=st.randoms())
def test_ids_are_the_same_in_every_run_and_unlike_within_one(lines: list[bytes], order: object) -> None:
    first = {row.event_id("t") for row in rows(b"\n".join(lines))}
    assert len(first) == len(lines), "equal rows are events of their own"
    shuffled = sorted(lines)
    assert {row.event_id("t") for row in rows(b"\n".join(shuffled))} == first, "wherever a row stands"
    assert not first & {row.event_id("u") for row in rows(b"\n".join(lines))}


@pytest.mark.parametrize(
    ("name", "asked", "form"),
    [("a.csv", None, "csv"), ("a.JSON", None, "json"), ("a.jsonl", None, "ndjson"), ("a.csv", "json", "json")],
)
def test_the_format_goes_by_the_name(name: str, asked: str | None, form: str) -> None:
    assert form_of(Path(name), asked) == form
    assert form_of(None, None) == "ndjson"
