"""Readers of records, arrays, maps and unions, in Avro binary: the walk itself.

Made by the compiler, run for every event. Counts are compared with the bytes that are left before an item is read, so that
the work is bounded by the body; items that take no bytes are not walked at all.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tidegate.contracts.avro.containers import ANY_KEY, equal_items, item_checks
from tidegate.contracts.avro.faults import Fault, Place, Step, pointer_step
from tidegate.contracts.avro.keywords import Rule, judge, size_range
from tidegate.contracts.avro.meanings import Meaning
from tidegate.contracts.avro.reading import ENDS, BrokenBytes, Read, Reading, broken, read_long
from tidegate.contracts.avro.text_readers import text_at
from tidegate.contracts.jsontext import MAX_DEPTH
from tidegate.contracts.verdict import Violation

__all__ = [
    "MAX_EMPTY_ITEMS",
    "MemberRead",
    "array_reader",
    "counted",
    "map_reader",
    "optional_reader",
    "record_reader",
    "union_reader",
    "unique_reader",
]

MAX_EMPTY_ITEMS: Final = 1 << 20
"""How many items that take no bytes (null, records without fields) one body may hold: six bytes could claim 2^60 of them, and
whoever reads them from Kafka would make an object of each."""


class MemberRead(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a record. `step` is its part of a pointer, `docs` its anchor."""

    name: str
    step: str
    docs: str
    read: Read


def record_reader(members: tuple[MemberRead, ...]) -> Read:
    """The fields, one after the other."""
    plan = tuple((member.read, member.step) for member in members)
    docs = {member.step: member.docs for member in members}

    def read(data: bytes, at: int, found: Reading) -> int:
        seen = len(found)
        step = ""
        try:
            for read_field, step in plan:
                at = read_field(data, at, found)
                if found and len(found) != seen:
                    seen = found.step(seen, step)
        except ENDS as error:
            raise _below(error, data, step, docs[step]) from None
        return at

    return read


def _below(error: Exception, data: bytes, step: Step, docs: str) -> BrokenBytes:
    stopped = broken(error, data)
    stopped.steps.append(step)
    stopped.docs = stopped.docs or docs
    return stopped


def counted(read: Read) -> Read:
    """A container in a schema that lets containers nest too deeply: depth is counted as in JSON."""

    def read_counted(data: bytes, at: int, found: Reading) -> int:
        found.depth += 1
        if found.depth > MAX_DEPTH:
            raise BrokenBytes("depth", f"nests more than {MAX_DEPTH} levels deep", at)
        end = read(data, at, found)
        found.depth -= 1
        return end

    return read_counted


def _block(data: bytes, at: int, least: int, found: Reading) -> tuple[int, int, int]:
    """A block's count, the position of its first item, and where it must end (-1: it does not say).

    `least` is the smallest number of bytes that an item takes. A negative count has the block's size in bytes behind it.
    """
    start = at
    count = data[at]
    if count < 128 and not count & 1:
        count >>= 1
        at += 1
    else:
        count, at = read_long(data, at)
    end = -1
    if count < 0:
        count = -count
        size, at = read_long(data, at)
        end = at + size
        if size < 0 or end > len(data):
            raise BrokenBytes("malformed", "has a block whose size goes past the end of the body", start)
    if not least:
        found.empty_items += count
        if found.empty_items > MAX_EMPTY_ITEMS:
            raise BrokenBytes("malformed", f"has more than {MAX_EMPTY_ITEMS} items that take no bytes", start)
    elif count * least > len(data) - at:
        raise BrokenBytes("malformed", "has more items than bytes are left", start)
    return count, at, end


def array_reader(place: Place, read_item: Read, least: int, rules: tuple[Rule, ...]) -> Read:
    """Blocks of items, with `minItems` and `maxItems`. `least` is the smallest number of bytes that an item takes."""
    checks = item_checks(place, rules)
    low, high = size_range(rules)

    def read(data: bytes, at: int, found: Reading) -> int:
        start, first = at, len(found)
        seen = first
        index = 0
        while data[at]:
            total, at, end = _block(data, at, least, found)
            total += index
            if not least:
                index = total
            try:
                while index < total:
                    at = read_item(data, at, found)
                    if found and len(found) != seen:
                        seen = found.step(seen, index)
                    index += 1
            except ENDS as error:
                raise _below(error, data, index, place.docs) from None
            if at != end >= 0:
                raise BrokenBytes("malformed", "has a block that does not end where it says", at)
        if not low <= index <= high:
            found.put_before(first, judge(checks, index, [None] * index), start)
        return at + 1

    return read


def unique_reader(place: Place, read: Read, meaning: Meaning, least: int) -> Read:
    """`uniqueItems` on top of an array's reader. `meaning` is that of an item, equal for equal ones."""

    def explain(value: object, pointer: str) -> Violation:
        assert isinstance(value, tuple)  # noqa: S101 -- put here below
        count, pair = value
        return equal_items(place, pair, [None] * count, pointer)

    def read_unique(data: bytes, at: int, found: Reading) -> int:
        seen = len(found), found.omitted
        end = read(data, at, found)
        if (len(found), found.omitted) == seen:
            count, pair = _first_pair(data, at, meaning, least)
            if pair is not None:
                found.put(Fault(explain, (count, pair)), at)
        return end

    return read_unique


def _first_pair(data: bytes, at: int, meaning: Meaning, least: int) -> tuple[int, tuple[int, int] | None]:
    """How many items an array has that was read before, and the first two that are equal."""
    first: dict[object, int] = {}
    pair: tuple[int, int] | None = None
    index = 0
    while data[at]:
        count, at, _ = _block(data, at, least, Reading())
        if not least:
            index += count
            pair = (0, 1) if index > 1 else None
            continue
        for index in range(index, index + count):  # noqa: B020 -- goes on where the block before ended
            value, at = meaning(data, at)
            earlier = first.setdefault(value, index)
            if earlier != index and pair is None:
                pair = earlier, index
        index += 1
    return index, pair


def map_reader(place: Place, read_value: Read) -> Read:
    """Blocks of keys and values. In sensitive data the keys are not shown."""
    hidden = place.sensitive

    def step(key: str) -> str:
        return ANY_KEY if hidden else pointer_step(key)

    def read(data: bytes, at: int, found: Reading) -> int:
        seen = len(found)
        keys: set[str] = set()
        key: str | None = None
        try:
            while data[at]:
                count, at, end = _block(data, at, 1, found)
                for _ in range(count):
                    key = None
                    start = at
                    name, at = text_at(data, at)
                    key = name
                    if key in keys:
                        raise BrokenBytes("duplicate_key", "stands twice in its map", start)
                    keys.add(key)
                    at = read_value(data, at, found)
                    if found and len(found) != seen:
                        seen = found.step(seen, step(key))
                key = None
                if at != end >= 0:
                    raise BrokenBytes("malformed", "has a block that does not end where it says", at)
        except ENDS as error:
            if key is None:
                raise
            raise _below(error, data, step(key), place.docs) from None
        return at + 1

    return read


def optional_reader(place: Place, read_other: Read, *, null_first: bool) -> Read:
    """null and one other branch."""
    null, other = (0, 2) if null_first else (2, 0)

    def read(data: bytes, at: int, found: Reading) -> int:
        index = data[at]
        if index == null:
            return at + 1
        if index == other:
            return read_other(data, at + 1, found)
        raise _no_branch(data, at, 2, place)

    return read


def union_reader(place: Place, branches: tuple[Read, ...]) -> Read:
    """A union of any branches."""
    by_byte: Mapping[int, Read] = {index << 1: read for index, read in enumerate(branches[:64])}
    reader_for = by_byte.get

    def read(data: bytes, at: int, found: Reading) -> int:
        read_branch = reader_for(data[at])
        if read_branch is not None:
            return read_branch(data, at + 1, found)
        index, at_value = read_long(data, at)
        if not 0 <= index < len(branches):
            raise _no_branch(data, at, len(branches), place)
        return branches[index](data, at_value, found)

    return read


def _no_branch(data: bytes, at: int, count: int, place: Place) -> BrokenBytes:
    index, _ = read_long(data, at)
    return BrokenBytes("union", f"has the branch {index} of a union of {count}", at, place.docs)
