"""Do consumers keep reading? Avro compatibility by the contract's level, with the line that breaks and who breaks.

Called by `examination`. The verdict is `contracts.avro.compatibility`'s; here are levels, words and places only.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from tidegate.check.avro_quirks import decoder_errors, quirks
from tidegate.check.finding import Finding
from tidegate.check.older import Candidate, Older, asked_for, named
from tidegate.check.parsed import parsed
from tidegate.check.refusal import Refusal
from tidegate.contracts.avro.compatibility import Incompatibility, incompatibilities
from tidegate.contracts.avro.schema import Schema
from tidegate.contracts.codec import ContractError

__all__ = ["DIRECTIONS", "consumers_broken", "field_path"]

Direction = Literal["backward", "forward"]

DIRECTIONS: dict[str, tuple[Direction, ...]] = {
    "BACKWARD": ("backward",),
    "FORWARD": ("forward",),
    "FULL": ("backward", "forward"),
    "NONE": (),
}
"""What each level asks, without `_TRANSITIVE`: backward, that the candidate reads old events; forward, that old readers read its."""

_PLACES = {"NAME_MISMATCH": "/name", "FIXED_SIZE_MISMATCH": "/size", "MISSING_ENUM_SYMBOLS": "/symbols"}

_GONE = {"READER_FIELD_MISSING_DEFAULT_VALUE": "/fields"}


@dataclass(frozen=True, slots=True)
class _Break:
    """One incompatibility as it is told; equal ones of several versions become one finding."""

    direction: Direction
    type: str
    pointer: str
    said: str


def consumers_broken(candidate: Candidate) -> Iterator[Finding]:
    """What a consumer could no longer read, by the contract's level."""
    level = candidate.subject.contract.live.compatibility
    directions = DIRECTIONS[level.removesuffix("_TRANSITIVE")]
    if not directions:
        return
    own = parsed(candidate.source.schema)
    breaks: dict[_Break, list[str]] = {}
    warned: dict[Refusal, list[str]] = {}
    for older in asked_for(candidate, every=level.endswith("_TRANSITIVE")):
        if older.source.format == "avro" and older.source.schema != candidate.source.schema:
            try:
                other = parsed(older.source.schema)
                found = list(_breaks(candidate, own, older, other, directions))
                for one in found:
                    breaks.setdefault(one, []).append(older.label)
                judged = found or not candidate.news  # what was released with its quirks is not told for ever
                for quirk in () if judged else _quirks(own, other, directions):
                    warned.setdefault(quirk, []).append(older.label)
            except ContractError as error:
                yield Finding(
                    place=candidate.place(error.pointer),
                    rule="compatibility/ambiguous",
                    message=f"cannot be compared with {older.label}: {error}",
                    topic=candidate.topic,
                )
    for one, labels in breaks.items():
        yield _finding(candidate, one, named(labels))
    for quirk, labels in warned.items():
        yield Finding(
            place=candidate.place(quirk.pointer),
            rule=quirk.rule,
            message=f"{quirk.said} (since {named(labels)})",
            severity="warning",
            topic=candidate.topic,
        )


def _quirks(own: Schema, other: Schema, directions: tuple[Direction, ...]) -> Iterator[Refusal]:
    yield from quirks(other, own)
    for direction in directions:
        writer, reader = (other, own) if direction == "backward" else (own, other)
        for error in decoder_errors(writer, reader):
            yield Refusal("", "compatibility/decoder", f"Java's decoder refuses it {direction}s: {error}")


def _finding(candidate: Candidate, one: _Break, older: str) -> Finding:
    who = (
        f"consumers of this schema cannot read events of {older}"
        if one.direction == "backward"
        else f"consumers on {older} cannot read new events"
    )
    return Finding(
        place=candidate.place(one.pointer),
        rule=f"{one.direction}/{one.type}",
        message=f"{one.said}: {who}",
        topic=candidate.topic,
    )


def _breaks(
    candidate: Candidate, own: Schema, older: Older, other: Schema, directions: tuple[Direction, ...]
) -> Iterator[_Break]:
    if "backward" in directions:
        value = json.loads(candidate.source.schema)
        for one in incompatibilities(own, other):
            where = one.reader_pointer + _PLACES.get(one.type, "")
            yield _Break("backward", one.type, where, _backward(one, field_path(value, one.reader_pointer)))
    if "forward" in directions:
        value = json.loads(older.source.schema)
        for one in incompatibilities(other, own):
            where = one.writer_pointer + _PLACES.get(one.type, _GONE.get(one.type, ""))
            yield _Break("forward", one.type, where, _forward(one, field_path(value, one.reader_pointer)))


def _backward(one: Incompatibility, path: str) -> str:
    match one.type:
        case "READER_FIELD_MISSING_DEFAULT_VALUE":
            return f'the new field "{path}" has no default'
        case "MISSING_ENUM_SYMBOLS":
            return f"{path} no longer has the symbols {one.message}"
        case "NAME_MISMATCH":
            return f"{path} was renamed, {one.message}"
        case _:
            return f"{path}: {one.message}"


def _forward(one: Incompatibility, path: str) -> str:
    match one.type:
        case "READER_FIELD_MISSING_DEFAULT_VALUE":
            return f'the field "{path}" is gone, and had no default'
        case "MISSING_ENUM_SYMBOLS":
            return f"{path} has new symbols {one.message}, and had no default"
        case "NAME_MISMATCH":
            return f"{path} was renamed, {one.message}"
        case _:
            return f"{path}: {one.message}"


def field_path(schema: Any, pointer: str) -> str:
    """A pointer into a schema's JSON as the dotted path of the field there; `the schema` for the top."""
    names: list[str] = []
    value = schema
    steps = pointer.split("/")[1:]
    for step, following in pairwise([*steps, ""]):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            break
        if step == "fields" and following.isdigit() and isinstance(value, list) and int(following) < len(value):
            names.append(str(value[int(following)].get("name", following)))
    return ".".join(names) or "the schema"
