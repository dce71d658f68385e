"""A record while the compiler makes it: the parts that a type inside itself needs before they exist, and a field's parts.

Used by `compiler` only.
"""

from collections.abc import Callable

import msgspec

from tidegate.contracts.avro.container_readers import MemberRead
from tidegate.contracts.avro.containers import Member
from tidegate.contracts.avro.faults import Answer, Write
from tidegate.contracts.avro.reading import Read, Reading

__all__ = ["CompiledField", "OpenRecord"]


class OpenRecord:
    """A record whose writer is being made, for those that stand inside it."""

    __slots__ = ("reads", "sensitive", "tags", "target")

    def __init__(self, *, sensitive: bool) -> None:
        self.sensitive = sensitive
        self.target: Write | None = None
        self.reads: Read | None = None
        self.tags: Write | None = None

    def read(self, data: bytes, at: int, found: Reading) -> int:
        """The record's reader, once it is made."""
        assert self.reads is not None  # noqa: S101 -- no event is judged before the compiler is done
        return self.reads(data, at, found)

    def tagged(self, value: object, out: list[bytes]) -> Answer:
        """The record's writer of the specification's JSON, once it is made."""
        assert self.tags is not None  # noqa: S101 -- no event is judged before the compiler is done
        return self.tags(value, out)

    def write(self, value: object, out: list[bytes]) -> Answer:
        """The record's writer, once it is made."""
        assert self.target is not None  # noqa: S101 -- no event is judged before the compiler is done
        return self.target(value, out)


class CompiledField(msgspec.Struct, frozen=True, kw_only=True):
    """A record's field in each form. The specification's JSON knows no defaults."""

    member: Member
    tagged: Member
    read: MemberRead
    example: Callable[[], object]
