"""Writers of unions in plain JSON: the branch is found by the value (contracts.md, "Plain JSON to Avro").

By JSON type first. Several branches of one JSON type: numbers take the first that holds the value exactly, else the first
that holds it at all; strings an enum that has the symbol, else the first branch in the schema's order whose form fits;
objects the one record that fits. A tag (`{"string": "x"}`) is taken where no object of a branch could mean the same.
"""

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import NoneType

import msgspec

from tidegate.contracts.avro.faults import Answer, Fault, Faults, Place, Write, add, pointer_step
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import summary

__all__ = ["Branch", "Shape", "optional_writer", "union_writer"]


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a record apart without reading its members: all names, the required ones, and whether others may stand."""

    names: frozenset[str]
    required: frozenset[str]
    open: bool

    def admits(self, value: Mapping[str, object]) -> bool:
        """Whether an object has the names for this record."""
        return self.required <= value.keys() and (self.open or value.keys() <= self.names)


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One branch, compiled.

    `name` is its tag and its name in messages. `takes` are the decoded JSON types that it may hold (numbers with a
    fraction: float). `exact` tells whether it holds a number without rounding (None: whenever it holds it). Branches with
    equal `same` judge every object alike, wherever they stand.
    """

    name: str
    same: object
    write: Write
    takes: frozenset[type]
    exact: Callable[[object], bool] | None = None
    is_enum: bool = False
    shape: Shape | None = None


_Pick = tuple[bytes, Branch]
_SHOWN_FAULTS = 3


def optional_writer(branches: tuple[Branch, Branch]) -> Write:
    """null and one other branch, in either order: the common case, without a search."""
    null, other = (b"\0", b"\2") if NoneType in branches[0].takes else (b"\2", b"\0")
    write = branches[1 if null == b"\0" else 0].write
    tags = _tags(tuple((zigzag(index), branch) for index, branch in enumerate(branches)))

    def write_plain(value: object, out: list[bytes]) -> Answer:
        if value is None:
            out.append(null)
            return None
        out.append(other)
        return write(value, out)

    if not tags:
        return write_plain
    tagged = _tagged(tags, write_plain)

    def write_tagged(value: object, out: list[bytes]) -> Answer:
        if value is None:
            out.append(null)
            return None
        if type(value) is dict:
            return tagged(value, out)
        out.append(other)
        return write(value, out)

    return write_tagged


def union_writer(place: Place, branches: tuple[Branch, ...]) -> Write:
    """A union of any branches."""
    picks = tuple((zigzag(index), branch) for index, branch in enumerate(branches))
    by_type: dict[type, Write] = {}
    for kind in {kind for branch in branches for kind in branch.takes}:
        fitting = tuple(pick for pick in picks if kind in pick[1].takes)
        by_type[kind] = _one_kind(place, kind, fitting)
    if float in by_type:
        by_type[Decimal] = by_type[float]

    def no_branch(value: object, pointer: str) -> Violation:
        return place.violation(pointer, "type", "is of no type of the union", value)

    def refuse(value: object, _out: list[bytes]) -> Answer:
        return Fault(no_branch, value)

    tags = _tags(picks)
    if tags:
        by_type[dict] = _tagged(tags, by_type.get(dict, refuse))
    writer_for = by_type.get

    def write(value: object, out: list[bytes]) -> Answer:
        writer = writer_for(type(value))
        return Fault(no_branch, value) if writer is None else writer(value, out)

    return write


def _one_kind(place: Place, kind: type, picks: tuple[_Pick, ...]) -> Write:
    if len(picks) == 1:
        return _only(*picks[0])
    if kind is dict:
        return _objects(place, picks)
    if kind is str:
        picks = tuple(sorted(picks, key=lambda pick: not pick[1].is_enum))
    return _first_fitting(place, picks)


def _only(index: bytes, branch: Branch) -> Write:
    write_branch = branch.write

    def write(value: object, out: list[bytes]) -> Answer:
        out.append(index)
        return write_branch(value, out)

    return write


def _first_fitting(place: Place, picks: tuple[_Pick, ...]) -> Write:
    explain = _none_fits(place, picks)
    rounding = any(branch.exact is not None for _, branch in picks)

    def attempt(value: object, out: list[bytes], *, exactly: bool) -> tuple[bool, Answer]:
        for index, branch in picks:
            if exactly and branch.exact is not None and not branch.exact(value):
                continue
            mark = len(out)
            out.append(index)
            answer = branch.write(value, out)
            if not isinstance(answer, (Fault, Faults)) or answer.fits:
                return True, answer
            del out[mark:]
        return False, None

    def write(value: object, out: list[bytes]) -> Answer:
        done, answer = attempt(value, out, exactly=True)
        if not done and rounding:
            done, answer = attempt(value, out, exactly=False)
        return answer if done else Fault(explain, value)

    return write


def _none_fits(place: Place, picks: tuple[_Pick, ...]) -> Callable[[object, str], Violation]:
    names = ", ".join(branch.name for _, branch in picks)

    def explain(value: object, pointer: str) -> Violation:
        hint = _nearest(picks, value) if isinstance(value, dict) else ""
        return place.violation(pointer, "union", f"fits none of {names}", value, hint)

    return explain


def _nearest(picks: tuple[_Pick, ...], value: object) -> str:
    """The candidate with the fewest faults and the first of them: what an engineer mends.

    An object inside an object that is explained gets no such hint of its own, or the work would grow with the depth.
    """
    if _tried.explaining:
        return ""
    _tried.explaining = True
    _tried.depth += 1
    try:
        found = [(branch.name, _faults_of(branch.write(value, []))) for _, branch in picks if dict in branch.takes]
        name, faults = min(found, key=lambda one: len(one[1].listed) + one[1].omitted)
        first = Faults()
        first.listed = faults.listed[:_SHOWN_FAULTS]
        more = len(faults.listed) - len(first.listed) + faults.omitted
        return f"nearest is {name}, where {summary(first.violations(), more)}"
    finally:
        _tried.explaining = False
        _leave()


def _faults_of(answer: Answer) -> Faults:
    if isinstance(answer, Faults):
        return answer
    faults = Faults()
    if isinstance(answer, Fault):
        add(faults, answer, None)
    return faults


class _Tried(threading.local):
    """What one thread's present check found out: (id of an object, `Branch.same`) fits. `depth` counts the searches under way.

    `trying` counts the branches being tried: what is wrong below them is nobody's to say. `explaining`: a union that
    nothing fits is being put into words.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[int, object], bool] = {}
        self.depth = 0
        self.trying = 0
        self.explaining = False


_tried = _Tried()


def _leave() -> None:
    """The end of a search. The ids that were remembered stop being sure when the value of the outermost one goes."""
    _tried.depth -= 1
    if not _tried.depth:
        _tried.known.clear()


def _fits(branch: Branch, value: object) -> bool:
    key = (id(value), branch.same)
    known = _tried.known.get(key)
    if known is None:
        _tried.trying += 1
        known = _tried.known[key] = not isinstance(branch.write(value, []), (Fault, Faults))
        _tried.trying -= 1
    return known


def _objects(place: Place, picks: tuple[_Pick, ...]) -> Write:
    """Several records, or records and a map. By names first; only where those leave several is each one tried.

    Trying a branch walks all below it, and below it may stand the same union: what was tried for an object is remembered
    while it lasts, or the work would double with every level of a recursive type.
    """
    none_fits = _none_fits(place, picks)

    def several(names: str) -> Callable[[object, str], Violation]:
        return lambda value, pointer: place.violation(
            pointer, "union", f"fits several of the union: {names}", value, "name the one that is meant as a tag"
        )

    def write(value: object, out: list[bytes]) -> Answer:
        assert isinstance(value, dict)  # noqa: S101 -- dispatched by type
        left = [pick for pick in picks if pick[1].shape is None or pick[1].shape.admits(value)]
        if len(left) > 1:
            _tried.depth += 1
            try:
                left = [pick for pick in left if _fits(pick[1], value)]
                return choose(left, value, out)
            finally:
                _leave()
        return choose(left, value, out)

    def choose(left: list[_Pick], value: object, out: list[bytes]) -> Answer:
        if len(left) == 1:
            index, branch = left[0]
            out.append(index)
            return branch.write(value, out)
        if _tried.trying:
            return Fault(none_fits, None)  # without the value: nobody need count its keys
        if left:
            return Fault(several(", ".join(branch.name for _, branch in left)), value)
        return Fault(none_fits, value)

    return write


def _tags(picks: tuple[_Pick, ...]) -> Mapping[str, _Pick]:
    """The tags that mean nothing else: no map branch, no record branch that an object of this one name could be."""
    branches = [branch for _, branch in picks]
    if any(dict in branch.takes and branch.shape is None for branch in branches):
        return {}
    shapes = [branch.shape for branch in branches if branch.shape is not None]
    return {pick[1].name: pick for pick in picks if not any(shape.admits({pick[1].name: None}) for shape in shapes)}


def _tagged(tags: Mapping[str, _Pick], untagged: Write) -> Write:
    steps = {tag: pointer_step(tag) for tag in tags}

    def write(value: object, out: list[bytes]) -> Answer:
        assert isinstance(value, dict)  # noqa: S101 -- dispatched by type
        if len(value) == 1:
            ((tag, inner),) = value.items()
            pick = tags.get(tag)
            if pick is not None:
                out.append(pick[0])
                answer = pick[1].write(inner, out)
                if answer is None or isinstance(answer, int):
                    return 1 + (answer or 0)
                faults = Faults()
                faults.keys = 1
                add(faults, answer, steps[tag])
                return faults
        return untagged(value, out)

    return write
