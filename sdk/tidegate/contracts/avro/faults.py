"""What a writer answers, and what is wrong with a value before anyone puts it into words.

A writer takes a decoded JSON value and the list of bytes to append to, and answers
    None      it is written, and holds no JSON object;
    int       it is written; how many `KEY`s its objects have, `COLON`s some of its strings, and how many unknown fields
              were `DROPPED`, as one sum;
    Fault     it does not fit: one thing is wrong;
    Faults    several are, or it lies deeper.
What was appended before a fault stays: the list is thrown away then. Texts are made by `Faults.violations` only, for the
first 25, so that a body of a hundred thousand faults costs little more than a good one.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from tidegate.contracts.jsontext import count_keys
from tidegate.contracts.verdict import MAX_VIOLATIONS, Violation
from tidegate.contracts.wording import did_you_mean, found, shown

__all__ = [
    "COLON",
    "DROPPED",
    "KEY",
    "Answer",
    "Explain",
    "Fault",
    "Faults",
    "Place",
    "Step",
    "Write",
    "add",
    "guess",
    "pointer_of_steps",
    "pointer_step",
]

KEY = 1
COLON = 1 << 32
DROPPED = 1 << 64
"""What writers add up, a body having fewer than 2^32 bytes: keys, colons in strings (both only to prove that no key stands
twice, `jsontext.is_surely_unique`), dropped fields."""

Step: TypeAlias = str | int
"""A part of a JSON pointer, ready: `/items` or an array's index."""


class Place:
    """A place in a schema: how violations there speak of it.

    `expected` names the type and its bounds, `docs` is the anchor, `sensitive` hides what was found.
    """

    __slots__ = ("docs", "expected", "sensitive")

    def __init__(self, *, expected: str, docs: str, sensitive: bool) -> None:
        self.expected = expected
        self.docs = docs
        self.sensitive = sensitive

    def violation(self, pointer: str, rule: str, detail: str, value: object, hint: str = "") -> Violation:
        """The violation of `rule` by `value`."""
        return Violation(
            pointer=pointer,
            rule=rule,
            detail=detail,
            expected=self.expected,
            found=found(value, sensitive=self.sensitive),
            hint=hint,
            docs=self.docs,
        )


Explain: TypeAlias = Callable[[object, str], Violation]
"""Puts a fault into words: the value and its pointer to a violation."""


class Fault(msgspec.Struct, eq=False):
    """One thing wrong. `steps` lead to it, the last first. `fits`: the value is of the type and breaks a rule keyword.

    `offset` is the byte where the value begins, of binary bodies.
    """

    explain: Explain
    value: object
    fits: bool = False
    offset: int | None = None
    steps: list[Step] = []


class Faults(msgspec.Struct, eq=False):
    """Several faults, in the order of the document: the first 25, and how many more. `keys` counts keys as writers do."""

    listed: list[Fault] = []
    omitted: int = 0
    keys: int = 0

    @property
    def fits(self) -> bool:
        """Whether nothing but rule keywords is broken."""
        return not self.omitted and all(fault.fits for fault in self.listed)

    def violations(self) -> tuple[Violation, ...]:
        """The listed faults in words."""
        return tuple([_in_words(fault) for fault in self.listed])


def _in_words(fault: Fault) -> Violation:
    said = fault.explain(fault.value, pointer_of_steps(fault.steps))
    return said if fault.offset is None else msgspec.structs.replace(said, byte_offset=fault.offset)


def pointer_of_steps(steps: list[Step]) -> str:
    """The pointer that steps make, the last first."""
    return "#" + "".join([step if type(step) is str else f"/{step}" for step in steps[::-1]])


Answer: TypeAlias = int | Fault | Faults | None
Write: TypeAlias = Callable[[object, list[bytes]], Answer]


def add(faults: Faults, more: Fault | Faults, step: str | int | None) -> None:
    """Takes what is wrong one level below, at `step` (None: at this level)."""
    if type(more) is Fault:
        if isinstance(more.value, (dict, list)):
            faults.keys += count_keys(more.value)
        if len(faults.listed) == MAX_VIOLATIONS:
            faults.omitted += 1
            return
        if step is not None:
            more.steps.append(step)
        faults.listed.append(more)
        return
    assert isinstance(more, Faults)  # noqa: S101 -- the only other class
    faults.keys += more.keys
    faults.omitted += more.omitted
    new = more.listed
    room = MAX_VIOLATIONS - len(faults.listed)
    if len(new) > room:
        faults.omitted += len(new) - room
        new = new[:room]
    if step is not None:
        for fault in new:
            fault.steps.append(step)
    faults.listed += new


@lru_cache(maxsize=1024)
def guess(name: str, known: tuple[str, ...]) -> str:
    """`did you mean "boldness"?`, remembered: a producer makes the same mistake in every event. Names are cut first."""
    return did_you_mean(name, known)


def pointer_step(name: str) -> str:
    """A name as part of a JSON pointer in a URI fragment (RFC 6901, section 6), cut and escaped."""
    return "/" + quote(shown(name).replace("~", "~0").replace("/", "~1"), safe="!$&'()*+,;=:@~-._")
