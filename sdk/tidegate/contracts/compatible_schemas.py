"""Two .avsc texts: can one read what the other wrote? Public, as `tidegate.contracts.compatibility`.

Called by contract owners' own tools; `tidegate check` compares parsed schemas itself. No file is opened here.
"""

from typing import Literal

from tidegate.contracts.avro.compatibility import Incompatibility, incompatibilities
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import Schema
from tidegate.contracts.codec import ContractError
from tidegate.contracts.json_places import JsonError, line_column, parse_json

__all__ = ["Incompatibility", "SchemaError", "compatibility"]

Side = Literal["reader", "writer"]


class SchemaError(ValueError):
    """A text that is no Avro schema. `side` says which; `line` and `column` count from 1; `pointer` is the place in its JSON."""

    def __init__(self, side: Side, detail: str, pointer: str, line: int, column: int) -> None:
        super().__init__(f"{side}:{line}:{column}: {detail}")
        self.side = side
        self.detail = detail
        self.pointer = pointer
        self.line = line
        self.column = column


def compatibility(reader: str, writer: str) -> list[Incompatibility]:
    """Why `reader` (an .avsc text) cannot read what was written with `writer`, in order; empty where it can.

    The verdict is that of Java Avro 1.12's SchemaCompatibility, which Confluent-compatible registries use: types, locations
    and messages are equal to its own. At most 1,000 are told. Backward compatibility of a new schema is
    `compatibility(new, old)`, forward compatibility `compatibility(old, new)`.

    Raises `SchemaError`, with the position, where a text is no schema that Java would take, or where a reader's field
    matches several of the writer's through its aliases.
    """
    parsed = _parsed("reader", reader), _parsed("writer", writer)
    try:
        return incompatibilities(*parsed)
    except ContractError as error:
        raise _placed("reader", reader, error) from None


def _parsed(side: Side, text: str) -> Schema:
    try:
        return parse_schema(text)
    except ContractError as error:
        raise _placed(side, text, error) from None
    except RecursionError:
        raise SchemaError(side, "is nested too deeply", "", 1, 1) from None


def _placed(side: Side, text: str, error: ContractError) -> SchemaError:
    try:
        document = parse_json(text)
    except JsonError as broken:
        return SchemaError(side, f"is not JSON: {broken}", "", *line_column(text, broken.offset))
    pointer = error.pointer
    while pointer and pointer not in document.offsets:
        pointer = pointer.rpartition("/")[0]
    return SchemaError(side, str(error), error.pointer, *document.line_column(document.offsets.get(pointer, 0)))
