"""JSON with places: equal to the standard library's reading, stricter where that is lax."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.json_places import JsonError, parse_json

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(_json, st.sampled_from([None, 1, "\t"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_reads_what_json_wrote(value: object, indent: int | str | None, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, indent=indent, ensure_ascii=ascii_only)).value == value


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \t\n', max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_as_json_reads_it_or_refused(text: str) -> None:
    try:
        value = parse_json(text).value
    except JsonError as error:
        offset = error.offset
    else:
        assert json.loads(text) == value
        return
    assert 0 <= offset <= len(text)


def test_every_value_has_its_place() -> None:
    document = parse_json('{\n  "a/b": [1,\n\t{"c~": null}],\n "": true }')
    places = {pointer: document.line_column(offset) for pointer, offset in document.offsets.items()}
    assert places == {
        "": (1, 1),
        "/a~1b": (2, 10),
        "/a~1b/0": (2, 11),
        "/a~1b/1": (3, 2),
        "/a~1b/1/c~0": (3, 9),
        "/": (4, 6),
    }


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ('{"a":1,"a":2}', '"a" is given twice', 7),
        ('{"a":1,}', "a member's name is due", 7),
        ("[1,]", "no JSON value", 3),
        ("[1 2]", '"," is due', 3),
        ('{"a" 1}', '":" is due', 5),
        ("NaN", "no JSON value", 0),
        ("1e999", "a number too large", 0),
        ("01", "more text", 1),
        ("1" * 500, "a number of more than 400 digits", 0),
        ('"\\ud800"', "half of a surrogate pair", 0),
        ('"a\nb"', "Invalid control character", 2),
        ("", "the text ends", 0),
        ("[" * 300, "nested deeper than 200", 201),
        ("\u00a01", "no JSON value", 0),
    ],
)
def test_what_is_no_json(text: str, message: str, offset: int) -> None:
    with pytest.raises(JsonError, match=message) as caught:
        parse_json(text)
    assert caught.value.offset == offset
