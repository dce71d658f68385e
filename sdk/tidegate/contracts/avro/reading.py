"""What a reader of Avro binary is, the integers it is made of, and what stops it (specification, "Binary Encoding").

A reader takes the body, the position where its value begins and the `Reading` under way, and answers the position behind the
value. It judges while it reads:
    bytes that can not be read   raise `BrokenBytes`: nothing behind them can be found;
    values that break the contract   are put into the `Reading` as faults, and the reading goes on.
Python's IndexError is the end of the body and is caught with `BrokenBytes`: a check before every byte would cost more than
the reading. No reader takes a slice without having compared its end with the body's.

Made by the compiler beside the writers of JSON, run for every event.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from tidegate.contracts.avro.faults import Answer, Fault, Faults, Step, pointer_of_steps
from tidegate.contracts.verdict import MAX_VIOLATIONS, Violation

__all__ = [
    "ENDS",
    "BrokenBytes",
    "Read",
    "Reading",
    "Span",
    "broken",
    "note_key",
    "note_time",
    "read_long",
    "read_size",
    "skip_long",
]

_LONGEST: Final = 9
_EXPECTED: Final = "Avro binary"


class BrokenBytes(Exception):
    """Bytes that are no encoding. `steps` lead there, the last first; `docs` is the anchor of the place, where it is known."""

    def __init__(self, rule: str, detail: str, offset: int, docs: str = "") -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail
        self.offset = offset
        self.docs = docs
        self.steps: list[Step] = []

    def violation(self, unsent: int = 0) -> Violation:
        """In words; `unsent` bytes before the sender's own are not counted."""
        return Violation(
            pointer=pointer_of_steps(self.steps),
            rule=self.rule,
            detail=self.detail,
            expected=_EXPECTED,
            docs=self.docs,
            byte_offset=self.offset - unsent,
        )


ENDS: Final = (BrokenBytes, IndexError)
"""What a reader raises."""

Span: TypeAlias = tuple[int, int]
"""Where a value begins and ends."""


class Reading(list[Fault]):
    """One pass over one body: the first 25 faults, how many more there are, and where key and event time stand.

    `depth` counts the containers that are open, where the schema lets them nest deeply; `empty_items` the items that take no
    bytes.
    """

    omitted = 0
    depth = 0
    empty_items = 0
    key: Span | None = None
    time: Span | None = None

    def put(self, answer: Answer, offset: int) -> None:
        """Takes what a judgement answered of the value at `offset`."""
        if isinstance(answer, Fault):
            self._one(answer, offset)
        elif isinstance(answer, Faults):
            for fault in answer.listed:
                self._one(fault, offset)

    def _one(self, fault: Fault, offset: int) -> None:
        if len(self) == MAX_VIOLATIONS:
            self.omitted += 1
        else:
            fault.offset = offset
            self.append(fault)

    def put_before(self, at: int, answer: Answer, offset: int) -> None:
        """`put`, before the faults from index `at` on: a container's own stand before those of its items."""
        later = self[at:]
        del self[at:]
        self.put(answer, offset)
        room = MAX_VIOLATIONS - len(self)
        self.extend(later[:room])
        self.omitted += len(later[room:])

    def step(self, since: int, step: Step) -> int:
        """Notes that the faults from index `since` on lie below `step`. Answers how many there are now."""
        for index in range(since, len(self)):
            self[index].steps.append(step)
        return len(self)

    def violations(self, unsent: int = 0) -> tuple[Violation, ...]:
        """The listed faults in words; `unsent` bytes before the sender's own are not counted."""
        faults = Faults()
        faults.listed = list(self)
        for fault in self:
            fault.offset = (fault.offset or unsent) - unsent
        return faults.violations()


Read: TypeAlias = Callable[[bytes, int, Reading], int]


def note_key(read: Read) -> Read:
    """The reader of the key's field, which notes where it stands."""

    def read_key(data: bytes, at: int, found: Reading) -> int:
        end = read(data, at, found)
        found.key = at, end
        return end

    return read_key


def note_time(read: Read) -> Read:
    """The reader of the event time's field, which notes where it stands."""

    def read_time(data: bytes, at: int, found: Reading) -> int:
        end = read(data, at, found)
        found.time = at, end
        return end

    return read_time


def broken(error: Exception, data: bytes) -> BrokenBytes:
    """One of `ENDS` as `BrokenBytes`."""
    if isinstance(error, BrokenBytes):
        return error
    return BrokenBytes("malformed", "ends too early", len(data))


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """The zigzag integer at `at`, at most 64 bits in at most 10 bytes and in its shortest form, and the position behind it.

    Java's decoder takes longer forms; no encoder writes them, and one value would have many encodings.
    """
    byte = data[at]
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), at + 1
    start = at
    rest = byte & 127
    shift = 7
    while True:
        at += 1
        byte = data[at]
        rest |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if at - start == _LONGEST:
            raise BrokenBytes("encoding", "has an integer of more than 10 bytes", start)
    if not byte:
        raise BrokenBytes("encoding", "has an integer that is not in its shortest form", start)
    if rest >> 64:
        raise BrokenBytes("encoding", "has an integer of more than 64 bits", start)
    return (rest >> 1) ^ -(rest & 1), at + 1


def skip_long(data: bytes, at: int) -> int:
    """The position behind the integer at `at`, judged as `read_long` does."""
    if data[at] < 128:
        return at + 1
    end = at + 1
    while data[end] > 127:
        end += 1
        if end - at > 8:
            return read_long(data, at)[1]
    if not data[end]:
        return read_long(data, at)[1]
    return end + 1


def read_size(data: bytes, at: int) -> tuple[int, int]:
    """The length at `at` and the position behind it: not negative, and so many bytes are left."""
    start = at
    size = data[at]
    if size < 128 and not size & 1:  # nearly every length: one call less
        size >>= 1
        at += 1
    else:
        size, at = read_long(data, at)
    if size < 0:
        raise BrokenBytes("encoding", "has a negative length", start)
    if size > len(data) - at:
        raise BrokenBytes("malformed", "has a length that goes past the end of the body", start)
    return size, at
