"""A Protobuf contract's descriptors, loaded and refused where this build could not be exact. Used by `codec` alone.

Names of fields come in two forms, JSON's and the .proto file's; paths that a contract gives may use either, the
anchors of the docs use JSON's.
"""

from collections.abc import Iterator

from protobuf import DescField, DescFieldValueMessage, DescMessage

from tidegate.contracts.codec import ContractError
from tidegate.contracts.protobuf.expected import field_kind
from tidegate.contracts.protobuf.linking import Pool, linked
from tidegate.contracts.source import VersionSource
from tidegate.contracts.wording import did_you_mean

__all__ = ["field_path", "is_redacted", "json_paths", "load_message", "reachable"]

_FREE_FORM = ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")


def load_message(source: VersionSource) -> tuple[DescMessage, Pool]:
    """The contract's message out of its descriptor set, and where it is linked. Raises `ContractError` for what cannot be served."""
    try:
        message, pool = linked(source.descriptors, source.message)
    except (ValueError, TypeError, KeyError) as error:
        raise ContractError(f"the descriptor set cannot be read: {error}") from error
    if message is None:
        raise ContractError(f"the descriptor set has no message {source.message}", pointer=source.message)
    if message.type_name.startswith("google.protobuf."):
        raise ContractError("an event is a message of its own, not a well-known type", pointer=source.message)
    for used in reachable(message):
        _refuse(used)
    return message, pool


def reachable(message: DescMessage) -> Iterator[DescMessage]:
    """`message` and every message that its fields lead to, each once, in document order."""
    seen: set[str] = set()
    waiting = [message]
    while waiting:
        current = waiting.pop(0)
        if current.type_name in seen:
            continue
        seen.add(current.type_name)
        yield current
        waiting += [kind for field in current.fields if isinstance(kind := field_kind(field), DescMessage)]


def _refuse(message: DescMessage) -> None:
    if message.type_name == "google.protobuf.Any":
        raise ContractError(
            "google.protobuf.Any cannot be judged: its content has no schema here", pointer=message.type_name
        )
    if message.proto.extension_range and not message.type_name.startswith("google.protobuf."):
        raise ContractError(
            "extension ranges are not served: JSON has no names for them here", pointer=message.type_name
        )
    taken: dict[str, DescField] = {}
    for field in message.fields:
        for name in {field.name, field.json_name}:
            other = taken.setdefault(name, field)
            if other is not field:
                raise ContractError(
                    f"the name {name} means both {other.name} and {field.name} in JSON",
                    pointer=f"{message.type_name}.{field.name}",
                )


def is_redacted(field: DescField) -> bool:
    """Whether the schema itself marks a field as sensitive (`debug_redact`)."""
    options = field.proto.options
    return options is not None and options.debug_redact


def field_path(message: DescMessage, path: str, purpose: str) -> tuple[DescField, ...]:
    """The fields that a dotted path names, outermost first. Raises `ContractError`, with the nearest name.

    Every step but the last is a singular message: a value inside a list or a map is no one value.
    """
    fields: list[DescField] = []
    current: DescMessage | None = message
    for name in path.split("."):
        field = None
        if current is not None:
            field = next((f for f in current.fields if name in (f.json_name, f.name)), None)
        if field is None:
            known = [f.json_name for f in current.fields] if current is not None else []
            hint = did_you_mean(name, known)
            raise ContractError(f"{purpose} {path}: there is no field {name}" + (f"; {hint}" if hint else ""))
        fields.append(field)
        value = field.value
        current = value.message if isinstance(value, DescFieldValueMessage) else None
    return tuple(fields)


def json_paths(message: DescMessage, paths: frozenset[str]) -> frozenset[str]:
    """Dotted paths in JSON's names. They may lead through lists and maps; what this version does not have is left out."""
    return frozenset(named for path in paths if (named := _json_path(message, path)))


def _json_path(message: DescMessage, path: str) -> str:
    names: list[str] = []
    current: DescMessage | None = message
    for name in path.split("."):
        field = None
        if current is not None:
            field = next((f for f in current.fields if name in (f.json_name, f.name)), None)
        if field is None:  # inside free-form JSON the whole of it is meant
            return ".".join(names) if current is not None and current.type_name in _FREE_FORM else ""
        names.append(field.json_name)
        kind = field_kind(field)
        current = kind if isinstance(kind, DescMessage) else None
    return ".".join(names)
