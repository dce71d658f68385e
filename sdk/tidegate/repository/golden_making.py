"""The golden records that a version gets by itself: the smallest event that it accepts, and one with everything in it.

Called by releases. Pure but for compiling; every record is judged by its own version before it is written.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.framing import FRAME_BYTES, protobuf_frame
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded

__all__ = ["MAXIMAL", "MINIMAL", "golden_files"]

MINIMAL = "minimal"
MAXIMAL = "maximal"
_MAX_TRIES = 2000


def golden_files(topic: str, source: VersionSource) -> dict[str, bytes]:
    """`minimal` and `maximal` as `<name>.json` and `<name>.bin`, by file name.

    Raises `ContractError` where the version does not compile, or no example event can be made for it.
    """
    version = compile_version(topic, source)
    example = msgspec.json.decode(version.codec.example())
    if _accepted(version, example) is None:
        raise ContractError('no example event is accepted: give the fields with a pattern or a rule an "example"')
    found: dict[str, bytes] = {}
    for name, event in ((MINIMAL, _smallest(version, example)), (MAXIMAL, _fullest(version, topic, example))):
        encoded = _accepted(version, event)
        if encoded is not None:
            found[f"{name}.json"] = msgspec.json.format(msgspec.json.encode(event), indent=2) + b"\n"
            found[f"{name}.bin"] = encoded[_frame_bytes(source) :]
    return found


def _frame_bytes(source: VersionSource) -> int:
    if source.format == "avro":
        return FRAME_BYTES
    return len(protobuf_frame(source.schema_id, source.message_index))


def _accepted(version: CompiledVersion, event: Any) -> bytes | None:
    verdict = version.check(msgspec.json.encode(event))
    return verdict.value if isinstance(verdict, Encoded) else None


def _smallest(version: CompiledVersion, example: Any) -> Any:
    """The example without whatever may be left out, tried one by one."""
    event = copy.deepcopy(example)
    for tries, (holder, name) in enumerate(list(_members(event))):
        if tries == _MAX_TRIES:
            break
        kept = holder.pop(name, None)
        if _accepted(version, event) is None:
            holder[name] = kept
    return event


def _members(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every member of every object, outer ones first."""
    if isinstance(value, dict):
        for name in list(value):
            yield value, name
        for inner in value.values():
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner)


def _fullest(version: CompiledVersion, topic: str, example: Any) -> Any:
    """The example with every member of one that was made without defaults, as far as the rules take them."""
    full = _without_defaults(topic, version.source) if version.source.format == "avro" else None
    if full is None or _accepted(version, full) is not None:
        return example if full is None else full
    event = copy.deepcopy(example)
    for name, value in full.items():
        before = event.get(name)
        event[name] = value
        if _accepted(version, event) is None:
            event[name] = before
    return event


def _without_defaults(topic: str, source: VersionSource) -> dict[str, Any] | None:
    """An example of the same schema with no default: fields then show a value, nullable ones too."""
    schema = msgspec.json.encode(_stripped(msgspec.json.decode(source.schema)))
    try:
        version = compile_version(topic, msgspec.structs.replace(source, schema=schema.decode()))
        made = msgspec.json.decode(version.codec.example())
    except ContractError:
        return None
    return made if isinstance(made, dict) else None


def _stripped(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_stripped(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: _stripped(value) if name in ("type", "items", "values") else value for name, value in schema.items()}
    if isinstance(schema.get("fields"), list):
        found["fields"] = [
            {name: _stripped(value) if name == "type" else value for name, value in field.items() if name != "default"}
            for field in schema["fields"]
        ]
    return found
