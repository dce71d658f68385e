"""What a new version changes, in words: for the contract's changelog. Called by `releasing`; both formats, by their fields' docs.

Nothing is judged here; whether a change breaks anybody is the other modules' to say.
"""

from collections.abc import Iterator

from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.compiled import CompiledVersion

__all__ = ["changes"]


def changes(old: CompiledVersion | None, new: CompiledVersion) -> list[str]:
    """One sentence a change, fields in the new version's order, removed ones last; `old` None: the first version."""
    if old is None:
        return ["The first version."]
    found = [*_fields(old, new), *_terms(old, new)]
    return found or ["Nothing that events show: names or docs of types, aliases, rules of whole records."]


def _fields(old: CompiledVersion, new: CompiledVersion) -> Iterator[str]:
    before = {row.path: row for row in old.codec.fields()}
    after = {row.path: row for row in new.codec.fields()}
    for path, row in after.items():
        if path not in before:
            yield f"Added `{path}` ({row.type}; {_presence(row)})."
        else:
            yield from _changed(before[path], row)
    for path, row in before.items():
        if path not in after:
            yield f"Removed `{path}` ({row.type})."


def _presence(row: FieldDoc) -> str:
    if row.default:
        return f"default {row.default}"
    return "required" if row.required else "optional"


def _changed(old: FieldDoc, new: FieldDoc) -> Iterator[str]:
    if old.type != new.type:
        yield f"`{new.path}` was {old.type} and is {new.type}."
    elif old.expected != new.expected:
        yield f"`{new.path}`: expected was {old.expected}, and is {new.expected}."
    if _presence(old) != _presence(new):
        yield f"`{new.path}` was {_presence(old)} and is {_presence(new)}."
    if old.sensitive != new.sensitive:
        yield f"`{new.path}` is {'now' if new.sensitive else 'no longer'} sensitive."
    if old.doc != new.doc:
        yield f"`{new.path}`: another description."


def _terms(old: CompiledVersion, new: CompiledVersion) -> Iterator[str]:
    for what, before, after in (
        ("The message", old.source.message, new.source.message),
        ("The key", old.source.key, new.source.key),
        ("The event time", old.source.event_time, new.source.event_time),
        ("unknownFields", old.source.unknown_fields, new.source.unknown_fields),
        ("tombstones", old.source.tombstones, new.source.tombstones),
    ):
        if before != after:
            yield f"{what} was {before or 'none'} and is {after or 'none'}."
