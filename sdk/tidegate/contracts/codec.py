"""The port between a compiled contract and the two schema languages: `avro` and `protobuf` each provide one codec a version.

A codec judges bytes against a schema. It knows nothing of the event's own key, time or id: `compiled` does.
"""

from typing import Protocol

import msgspec

from tidegate.contracts.verdict import Rejected

__all__ = ["Codec", "ContractError", "FieldDoc", "Payload"]


class ContractError(ValueError):
    """A contract or schema that cannot be compiled, or that this build must refuse. The message says what and where.

    `pointer` is the JSON pointer into the schema text (Avro) or the field's full name (Protobuf), so that the repository
    can name file, line and column. Raised when contracts are loaded, never while events are judged.
    """

    def __init__(self, message: str, *, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


class Payload(msgspec.Struct, frozen=True, gc=False):
    """A value that satisfies the schema.

    `value` is framed. `key` is the record key taken from the contract's key field (None: the contract names none).
    `time_ms` is the contract's event time in milliseconds since 1970 UTC (None: the contract names none).
    """

    value: bytes
    key: bytes | None
    time_ms: int | None
    dropped: int = 0


class FieldDoc(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One field for people: a row of the topic's page, whose anchor errors link to.

    `path` is dotted without indexes (the anchor). `type` is short (`string`, `array of Item`, `timestamp-millis`),
    `expected` what a violation there would say is expected. `default` is JSON text, empty where there is none.
    """

    path: str
    type: str
    expected: str
    doc: str = ""
    required: bool = True
    default: str = ""
    sensitive: bool = False


class Codec(Protocol):
    """One version's schema, compiled once."""

    @property
    def media_types(self) -> frozenset[str]:
        """The media types (without parameters) that `check` takes."""
        ...

    @property
    def has_key(self) -> bool:
        """Whether the contract takes the record's key from a field."""
        ...

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        """The whole verdict on `body`: the framed encoding, or every violation. Raises nothing for any `body`."""
        ...

    def key_bytes(self, key: str | bytes) -> bytes:
        """An explicit key as the record key that the contract's key field would give (a uuid lower-cased, for one).

        Raises ValueError, to go on after "a key that ", for what that field could never give.
        """
        ...

    def fields(self) -> tuple[FieldDoc, ...]:
        """Every field in document order, nested ones after their parent; a recursive type is listed once."""
        ...

    def example(self) -> bytes:
        """A valid event as plain JSON (`application/json`), the same each time."""
        ...
