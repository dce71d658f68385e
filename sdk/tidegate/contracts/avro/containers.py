"""Writers of records, arrays and maps: the walk itself.

Made by the compiler, run for every event. Each answers the number of keys it saw (`faults`), which proves later that the
text had no duplicates. Paths are put together only where something is wrong.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tidegate.contracts.avro.faults import DROPPED, Answer, Fault, Faults, Place, Write, add, guess, pointer_step
from tidegate.contracts.avro.keywords import Check, Rule, judge, length_checks, size_range
from tidegate.contracts.avro.numbers import type_words
from tidegate.contracts.avro.schema import MISSING
from tidegate.contracts.avro.varints import SMALL, zigzag
from tidegate.contracts.jsontext import count_keys
from tidegate.contracts.verdict import MAX_VIOLATIONS, Violation
from tidegate.contracts.wording import found

__all__ = [
    "ANY_KEY",
    "Member",
    "array_writer",
    "equal_items",
    "item_checks",
    "map_writer",
    "record_writer",
    "unique_writer",
]

ANY_KEY: Final = "/*"
"""Stands in pointers for a name that a sender chose inside sensitive data."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a record, compiled. `default` is the encoded default; None: the field must be there."""

    name: str
    write: Write
    place: Place
    default: bytes | None


def record_writer(place: Place, name: str, members: tuple[Member, ...], *, drop: bool) -> Write:
    """A JSON object as a record called `name`. `drop`: unknown fields are left out and counted, else refused."""
    plan = tuple((member.name, member.write, member.default) for member in members)
    count = len(plan)
    explain_type = type_words(place, "an object")
    finish = _record_faults(place, name, members, drop=drop)

    def write(value: object, out: list[bytes], missing: object = MISSING) -> Answer:
        if type(value) is not dict:
            return Fault(explain_type, value)
        keys = size = len(value)
        absent = 0
        bad: dict[str, Fault | Faults] | None = None
        get = value.get
        for field, write_field, default in plan:
            member = get(field, missing)
            if member is missing:
                absent += 1
                if default is not None:
                    out.append(default)
                elif bad is None:
                    bad = {}
                continue
            answer = write_field(member, out)
            if answer:
                if type(answer) is int:
                    keys += answer
                else:
                    assert not isinstance(answer, int)  # noqa: S101 -- for the type checker
                    if bad is None:
                        bad = {}
                    bad[field] = answer
        if bad is None and count - absent == size:
            return keys
        return finish(value, keys, bad)

    return write


def _record_faults(
    place: Place, name: str, members: tuple[Member, ...], *, drop: bool
) -> Callable[[dict[str, object], int, dict[str, Fault | Faults] | None], Answer]:
    """What is left to say of an object that is not simply right: unknown fields, missing fields, the order of faults."""
    known = {member.name: pointer_step(member.name) for member in members}
    required = tuple((member.name, _missing_words(member.place)) for member in members if member.default is None)
    explain_unknown = _unknown_words(place, name, tuple(known))

    def finish(value: dict[str, object], keys: int, bad: dict[str, Fault | Faults] | None) -> Answer:
        faults = Faults()
        wrong = bad or {}
        if len(wrong) == 1 and len(value) == len(known) == len(known.keys() & value.keys()):
            ((field, only),) = wrong.items()
            add(faults, only, known[field])
            faults.keys += keys % DROPPED
            return faults
        for field, member in value.items():
            step = known.get(field)
            if step is not None:
                if field in wrong:
                    add(faults, wrong[field], step)
                continue
            if isinstance(member, (dict, list)):
                keys += count_keys(member)
            if drop:
                keys += DROPPED
            elif len(faults.listed) < MAX_VIOLATIONS:
                fault = Fault(explain_unknown, (field, member))
                add(faults, fault, None)
            else:
                faults.omitted += 1
        for field, explain in required:
            if field not in value:
                add(faults, Fault(explain, MISSING), known[field])
        if not faults.listed:
            return keys
        faults.keys += keys % DROPPED
        return faults

    return finish


def _missing_words(place: Place) -> Callable[[object, str], Violation]:
    def explain(_value: object, pointer: str) -> Violation:
        return Violation(
            pointer=pointer,
            rule="required",
            detail="is missing",
            expected=place.expected,
            found="nothing",
            docs=place.docs,
        )

    return explain


def _unknown_words(place: Place, record: str, names: tuple[str, ...]) -> Callable[[object, str], Violation]:
    expected = ("one of " + ", ".join(names[:10]) + (", …" if len(names) > 10 else "")) if names else "no fields"

    def explain(value: object, pointer: str) -> Violation:
        assert isinstance(value, tuple)  # noqa: S101 -- the record's writer puts (name, value) here
        name, member = value
        return Violation(
            pointer=pointer + (ANY_KEY if place.sensitive else pointer_step(name)),
            rule="unknown_field",
            detail=f"is not a field of {record}",
            expected=expected,
            found=found(member, sensitive=place.sensitive),
            hint="" if place.sensitive else guess(name[:64], names),
            docs=place.docs,
        )

    return explain


def array_writer(place: Place, write_item: Write, rules: tuple[Rule, ...]) -> Write:
    """A JSON array as one block, with `minItems` and `maxItems`."""
    explain_type = type_words(place, "an array")
    checks = item_checks(place, rules)
    low, high = size_range(rules)

    def write(value: object, out: list[bytes], small: tuple[bytes, ...] = SMALL) -> Answer:
        if type(value) is not list:
            return Fault(explain_type, value)
        size = len(value)
        if not size:
            out.append(b"\0")
            return judge(checks, 0, value) if low else None
        out.append(small[size] if size < 1024 else zigzag(size))
        keys = 0
        faults: Faults | None = None
        for index, item in enumerate(value):
            answer = write_item(item, out)
            if answer:
                if type(answer) is int:
                    keys += answer
                else:
                    assert not isinstance(answer, int)  # noqa: S101 -- for the type checker
                    if faults is None:
                        faults = Faults()
                    add(faults, answer, index)
        out.append(b"\0")
        if faults is None and low <= size <= high:
            return keys
        return _with_own(faults, judge(checks, size, value), keys)

    return write


def item_checks(place: Place, rules: tuple[Rule, ...]) -> list[Check[int]]:
    """Checks of `minItems` and `maxItems`."""
    return length_checks(rules, place, "item", _items)


def _with_own(faults: Faults | None, own: Answer, keys: int) -> Answer:
    """The faults of the items after those of the container itself."""
    if faults is None:
        return keys if own is None else own
    faults.keys += keys % DROPPED
    if isinstance(own, Fault):
        faults.listed.insert(0, own)
        if len(faults.listed) > MAX_VIOLATIONS:
            faults.listed.pop()
            faults.omitted += 1
    return faults


def _items(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def unique_writer(place: Place, write: Write, *, by_bytes: bool, write_item: Write) -> Write:
    """`uniqueItems` on top of an array's writer: no two items equal, in meaning (`"A"` and `"a"` as uuid are).

    `by_bytes`: equal items have equal encodings, which is so where no map stands in them; else their JSON is compared.
    """

    def explain(value: object, pointer: str) -> Violation:
        pair = _first_pair(value, by_bytes=by_bytes, write_item=write_item)
        return equal_items(place, pair, value, pointer)

    def write_unique(value: object, out: list[bytes]) -> Answer:
        answer = write(value, out)
        if isinstance(answer, (Fault, Faults)) or _first_pair(value, by_bytes=by_bytes, write_item=write_item) is None:
            return answer
        return Fault(explain, value, fits=True)

    return write_unique


def equal_items(place: Place, pair: tuple[int, int] | None, value: object, pointer: str) -> Violation:
    """The words for two equal items."""
    detail = f"has equal items at {pair[0]} and {pair[1]}" if pair and not place.sensitive else "has equal items"
    return place.violation(pointer, "uniqueItems", detail, value)


def _first_pair(value: object, *, by_bytes: bool, write_item: Write) -> tuple[int, int] | None:
    seen: dict[bytes, int] = {}
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if by_bytes:
            out: list[bytes] = []
            write_item(item, out)
            form = b"".join(out)
        else:
            form = msgspec.json.encode(item, order="deterministic")
        first = seen.setdefault(form, index)
        if first != index:
            return first, index
    return None


def map_writer(place: Place, write_value: Write) -> Write:
    """A JSON object as a map, one block. In sensitive data its keys are not shown."""
    explain_type = type_words(place, "an object")
    hidden = place.sensitive

    def write(value: object, out: list[bytes], small: tuple[bytes, ...] = SMALL) -> Answer:
        if type(value) is not dict:
            return Fault(explain_type, value)
        keys = size = len(value)
        if not size:
            out.append(b"\0")
            return None
        out.append(small[size] if size < 1024 else zigzag(size))
        faults: Faults | None = None
        for key, item in value.items():
            data = key.encode()
            length = len(data)
            out.append((small[length] if length < 1024 else zigzag(length)) + data)
            answer = write_value(item, out)
            if answer:
                if type(answer) is int:
                    keys += answer
                else:
                    assert not isinstance(answer, int)  # noqa: S101 -- for the type checker
                    if faults is None:
                        faults = Faults()
                    room = len(faults.listed) < MAX_VIOLATIONS
                    add(faults, answer, (ANY_KEY if hidden else pointer_step(key)) if room else None)
        out.append(b"\0")
        if faults is None:
            return keys
        faults.keys += keys % DROPPED
        return faults

    return write
