"""What changed from one version of a contract to another, in words for people. Pure.

Called by the topic's page, `tidegate diff`, a release's changelog and golden records that fail. It compares what the docs say of each
field, so that nothing is called a change that a producer cannot see. Whether a change breaks anybody is `check`'s to say.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.source import UnknownFields

__all__ = ["UNKNOWN_FIELDS", "changes"]

UNKNOWN_FIELDS: Mapping[UnknownFields, str] = MappingProxyType(
    {
        "reject": "refused",
        "drop": "left out, and counted in the receipt",
        "keep": "kept in binary events, and refused in JSON",
    }
)
"""What becomes of a field that the schema does not have."""


def changes(old: CompiledVersion, new: CompiledVersion, *, docs: bool = False) -> tuple[str, ...]:
    """Every change that a producer can see, fields in the order of the newer version. Names stand between backticks.

    `docs`: new descriptions count too.
    """
    described = _of_docs(old, new) if docs else ()
    return (*_of_fields(old, new), *_of_the_whole(old, new), *described) or ("Nothing that a producer can see.",)


def _of_docs(old: CompiledVersion, new: CompiledVersion) -> Iterator[str]:
    before = {field.path: field.doc for field in old.codec.fields()}
    for field in new.codec.fields():
        if before.get(field.path, field.doc) != field.doc:
            yield f"`{field.path}` has another description: {field.doc or 'none'}"


def _of_fields(old: CompiledVersion, new: CompiledVersion) -> Iterator[str]:
    before = {field.path: field for field in old.codec.fields()}
    after = {field.path: field for field in new.codec.fields()}
    for path, field in after.items():
        if path not in before:
            if _parent(path) not in after or _parent(path) in before:
                yield f"`{path}` is new: {_words(field)}."
        else:
            yield from _of_field(before[path], field)
    for path in before:
        if path not in after and (_parent(path) not in before or _parent(path) in after):
            yield f"`{path}` is gone."


def _of_field(old: FieldDoc, new: FieldDoc) -> Iterator[str]:
    name = f"`{new.path}`"
    if old.type != new.type:
        yield f"{name} has another type: {new.type}, was {old.type}."
    elif old.expected != new.expected:
        yield f"{name} has another rule: {new.expected}; was {old.expected}."
    if old.required != new.required:
        yield f"{name} is {'required' if new.required else 'optional'} now."
    if old.default != new.default and not (old.required or new.required):
        yield f"{name} has another default: `{new.default}`, was `{old.default}`."
    if old.sensitive != new.sensitive:
        yield f"{name} is {'sensitive now: answers never show it' if new.sensitive else 'sensitive no more'}."


def _of_the_whole(old: CompiledVersion, new: CompiledVersion) -> Iterator[str]:
    was, now = old.source, new.source
    if was.format != now.format:
        yield f"The format is {now.format}, was {was.format}."
    if was.message != now.message:
        yield f"The message is {now.message}, was {was.message}."
    for what, before, after in (("key", was.key, now.key), ("event time", was.event_time, now.event_time)):
        if before != after:
            yield f"The {what} is {_path(after)}, was {_path(before)}."
    if was.unknown_fields != now.unknown_fields:
        yield f"Unknown fields are {UNKNOWN_FIELDS[now.unknown_fields]} now."
    if was.tombstones != now.tombstones:
        yield f"Tombstones are {'allowed' if now.tombstones == 'allow' else 'refused'} now."


def _path(path: str | None) -> str:
    return f"`{path}`" if path else "none"


def _parent(path: str) -> str:
    """The path around; a new object is told once, not again for each field within."""
    return path.rpartition(".")[0]


def _words(field: FieldDoc) -> str:
    needed = "required" if field.required else f"optional, default `{field.default}`" if field.default else "optional"
    return f"{field.expected}, {needed}"
