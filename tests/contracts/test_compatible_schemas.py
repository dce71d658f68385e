"""The public function on texts: Java's answer, and where a text is no schema."""

import pytest

from tidegate.contracts import Incompatibility, SchemaError, compatibility

OLD = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}'
NEW = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "int"}]}'


def test_backward_and_forward() -> None:
    assert compatibility(NEW, OLD) == [
        Incompatibility("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1", "b", "/fields/1", "")
    ]
    (one,) = compatibility(OLD, NEW)
    assert (one.type, one.location) == ("TYPE_MISMATCH", "/fields/0/type")
    assert one.message == "reader type: INT not compatible with writer type: LONG"
    assert compatibility(OLD, OLD) == []


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ('{"type": "record",\n "name": "R",\n "fields": [{"name": "a", "type": "itn"}]}', (3, 35), "itn"),
        ('["int",\n "int"]', (2, 2), "twice"),
        ('{"type": "fixed", "name": "F", "size": -1}', (1, 1), "size"),
        ("{", (1, 2), "not JSON"),
        ("", (1, 1), "not JSON"),
        ('{"type": "record", "type": "enum"}', (1, 20), "given twice"),
        ("[" * 100_000, (1, 202), "nested"),
    ],
)
def test_what_is_no_schema_is_named_with_its_side_and_position(text: str, position: tuple[int, int], said: str) -> None:
    with pytest.raises(SchemaError, match=said) as refused:
        compatibility(text, OLD)
    assert (refused.value.side, refused.value.line, refused.value.column) == ("reader", *position)
    with pytest.raises(SchemaError) as other:
        compatibility(OLD, text)
    assert str(other.value).startswith(f"writer:{position[0]}:{position[1]}: ")


def test_ambiguous_aliases_are_an_error_of_the_reader() -> None:
    reader = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "aliases": ["b"]}]}'
    writer = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}'
    with pytest.raises(SchemaError, match=r"^reader:1:44: .*matches several fields"):
        compatibility(reader, writer)
