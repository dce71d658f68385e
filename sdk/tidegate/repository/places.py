"""Where in a file a contract's error is: JSON pointers and Protobuf names as line and column. Called by `folder` and by `tidegate check`.

Only for people, on failure: a place that cannot be found is the file's first line.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tidegate.contracts.fingerprint import descriptor_files, is_bundled
from tidegate.contracts.json_places import JsonError, parse_json
from tidegate.contracts.source import VersionSource
from tidegate.repository.broken import Place
from tidegate.repository.fields import inner_message
from tidegate.repository.released import schema_file
from tidegate.repository.working_copy import WorkingCopy

if TYPE_CHECKING:
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorProto

__all__ = ["field_place", "place_of"]


def place_of(topic: str, version: VersionSource, copy: WorkingCopy | None, pointer: str) -> Place:
    """The place of `ContractError.pointer` in a version's schema: in the edited files for a working copy, else in released/."""
    file = copy.file if copy is not None else schema_file(topic, version)
    if version.format == "protobuf":
        return _protobuf_place(version.descriptors, pointer, file, released=copy is None)
    if copy is not None:
        return _nearest(copy.places, pointer, Place(file=file))
    try:
        document = parse_json(version.schema)
    except JsonError:
        return Place(file=file)
    places = {}
    for at, offset in document.offsets.items():
        line, column = document.line_column(offset)
        places[at] = Place(file=file, line=line, column=column)
    return _nearest(places, pointer, Place(file=file))


def _nearest(places: Mapping[str, Place], pointer: str, otherwise: Place) -> Place:
    """The place of a pointer, or of the closest part around it."""
    pointer = pointer.removeprefix("#")
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, otherwise)


def _protobuf_place(descriptors: bytes, name: str, file: str, *, released: bool) -> Place:
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorProto

    own = [f for f in descriptor_files(descriptors) if not is_bundled(f.name)]
    for described in reversed(own):
        proto = FileDescriptorProto.from_binary(described.whole)
        path = _declarations(proto).get(name.removeprefix("."))
        if path is None or proto.source_code_info is None:
            continue
        for location in proto.source_code_info.location:
            if tuple(location.path) == path:
                where = file if released and described is own[-1] else f"proto/{described.name}"
                return Place(file=where, line=location.span[0] + 1, column=location.span[1] + 1)
    return Place(file=file)


def _declarations(file: "FileDescriptorProto") -> dict[str, tuple[int, ...]]:
    """The source info path of every message, field, oneof and enum of a file by full name (numbers: descriptor.proto)."""
    found: dict[str, tuple[int, ...]] = {}

    def message(described: Any, prefix: str, path: tuple[int, ...]) -> None:
        name = f"{prefix}.{described.name}" if prefix else described.name
        found[name] = path
        for number, inner in ((2, described.field), (8, described.oneof_decl), (4, described.enum_type)):
            for step, member in enumerate(inner):
                found[f"{name}.{member.name}"] = (*path, number, step)
        for step, nested in enumerate(described.nested_type):
            message(nested, name, (*path, 3, step))

    for step, described in enumerate(file.message_type):
        message(described, file.package, (4, step))
    for step, enum in enumerate(file.enum_type):
        found[f"{file.package}.{enum.name}" if file.package else enum.name] = (5, step)
    return found


def field_place(topic: str, copy: WorkingCopy, path: str) -> Place:
    """The place of a dotted field path in the edited files; the schema's file where it has no such field."""
    if copy.source.format == "protobuf":
        name = _protobuf_field(copy.source, path)
        return _protobuf_place(copy.source.descriptors, name, copy.file, released=False)
    pointer = _avro_pointer(json.loads(copy.source.schema), path)
    return place_of(topic, copy.source, copy, pointer)


def _protobuf_field(source: VersionSource, path: str) -> str:
    """The full name of the field at a dotted path, by either of each field's names; as far as it can be followed."""
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet

    message = FileDescriptorSet.from_binary(source.descriptors).to_registry().message(source.message)
    found = source.message
    for step in path.split(".") if path else ():
        field = next((one for one in message.fields if step in (one.name, one.json_name)), None) if message else None
        if field is None or message is None:
            break
        found, message = f"{message.type_name}.{field.name}", inner_message(field)
    return found


def _avro_pointer(schema: Any, path: str) -> str:
    """The pointer to a field, by names through records, arrays, maps and unions; as far as it can be followed."""
    named: dict[str, tuple[Any, str]] = {}
    _collect(schema, "", "", named)
    pointer, value, inside = "", schema, ""
    for name in path.split(".") if path else ():
        found = _field(value, inside, name, named)
        if found is None:
            break
        value, pointer = found
        inside = f"{pointer}/type"
    return pointer


def _collect(value: Any, pointer: str, namespace: str, named: dict[str, tuple[Any, str]]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{pointer}/{index}", namespace, named)
    elif isinstance(value, dict):
        if isinstance(value.get("name"), str) and value.get("type") in ("record", "error", "enum", "fixed"):
            name, own = value["name"], value.get("namespace", namespace)
            full = name if "." in name or not own else f"{own}.{name}"
            namespace = full.rpartition(".")[0]
            named[full] = value, pointer
        for step in ("type", "items", "values"):
            _collect(value.get(step), f"{pointer}/{step}", namespace, named)
        for index, field in enumerate(value.get("fields", ())):
            _collect(field.get("type"), f"{pointer}/fields/{index}/type", namespace, named)


def _field(value: Any, pointer: str, name: str, named: dict[str, tuple[Any, str]]) -> tuple[Any, str] | None:
    """The field `name` of the record that a type is or holds."""
    todo = [(value, pointer)]
    for _ in range(1000):  # a schema cannot hold itself without a name, and names lead to records
        if not todo:
            break
        value, pointer = todo.pop(0)
        if isinstance(value, str):
            short = [found for full, found in named.items() if value in (full, full.rpartition(".")[2])]
            todo += short[:1]
        elif isinstance(value, list):
            todo += [(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        elif isinstance(value, dict) and "fields" in value:
            for index, field in enumerate(value["fields"]):
                if field.get("name") == name:
                    return field["type"], f"{pointer}/fields/{index}"
        elif isinstance(value, dict):
            todo += [(value[part], f"{pointer}/{part}") for part in ("type", "items", "values") if part in value]
    return None
