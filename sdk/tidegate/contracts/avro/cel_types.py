"""The types of a schema for CEL's checker, so that a misspelt field or a comparison of unlike types is found at load.

CEL knows records as Protobuf messages only: each record gets a message of its fields, in a pool of its own. It is used to
check expressions; events are never made into such messages. Used by `cel_rules`.
"""

from collections.abc import Iterable

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

from tidegate.contracts.avro.schema import Array, Enum, Field, Fixed, Map, Primitive, Record, Schema, Union

__all__ = ["Types", "is_nullable"]

_Kind = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "boolean": (_Kind.TYPE_BOOL, "BoolValue", cel.Type.BOOL),
    "int": (_Kind.TYPE_INT64, "Int64Value", cel.Type.INT),
    "long": (_Kind.TYPE_INT64, "Int64Value", cel.Type.INT),
    "float": (_Kind.TYPE_DOUBLE, "DoubleValue", cel.Type.DOUBLE),
    "double": (_Kind.TYPE_DOUBLE, "DoubleValue", cel.Type.DOUBLE),
    "string": (_Kind.TYPE_STRING, "StringValue", cel.Type.STRING),
    "bytes": (_Kind.TYPE_BYTES, "BytesValue", cel.Type.BYTES),
}
_ANY = "Value"
_TIMES = {"Timestamp": cel.Type.TIMESTAMP, "Duration": cel.Type.DURATION}
_RESERVED = range(19_000, 20_000)  # numbers that Protobuf keeps for itself


def is_nullable(schema: Schema) -> bool:
    """Whether null is among a type's values."""
    return isinstance(schema, Union) and any(_is_null(branch) for branch in schema.branches)


def _is_null(schema: Schema) -> bool:
    return isinstance(schema, Primitive) and schema.name == "null"


def _essence(schema: Schema) -> Schema:
    """A type without null: the other branch of a union of two."""
    if isinstance(schema, Union):
        others = [branch for branch in schema.branches if not _is_null(branch)]
        if len(others) == 1:
            return others[0]
    return schema


def _plain(schema: Schema) -> str:
    """The key in `_SCALARS` of a type, the name of a Google type, or nothing: a record, array, map or union."""
    match schema:
        case Enum():
            return "string"
        case Primitive() | Fixed():
            name = schema.logical.name if schema.logical is not None else ""
            if name.startswith("time-"):
                return "Duration"
            if name == "date" or "timestamp" in name:
                return "Timestamp"
            if name:
                return {"decimal": "double", "uuid": "string"}.get(name, "bytes")
            return "bytes" if isinstance(schema, Fixed) else _ANY if schema.name == "null" else schema.name
        case _:
            return ""


class Types:
    """The message types of one schema's records."""

    def __init__(self, records: Iterable[Record]) -> None:
        """`records` are all of the schema: one that stands in a union only is no field's type, and has rules of its own."""
        self._names: dict[str, str] = {}
        self._file = descriptor_pb2.FileDescriptorProto(name="rules.proto", syntax="proto2")
        self.pool = descriptor_pool.DescriptorPool()
        for module in (timestamp_pb2, duration_pb2, wrappers_pb2, struct_pb2):
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
            self._file.dependency.append(module.DESCRIPTOR.name)
        for record in records:
            self._message(record)
        self.pool.Add(self._file)

    def record(self, schema: Record) -> cel.Type:
        """The type of `this` in a record's rules."""
        return cel.Type(self._names[schema.name])

    def field(self, field: Field) -> cel.Type:
        """The type of `this` in a field's rules, which are never asked of null."""
        schema = _essence(field.type)
        match schema:
            case Record():
                return self.record(schema)
            case Array():
                return cel.Type.List(self._inner(schema.items))
            case Map():
                return cel.Type.Map(cel.Type.STRING, self._inner(schema.values))
            case _:
                return self._simple(schema)

    def _inner(self, schema: Schema) -> cel.Type:
        if isinstance(schema, Record):
            return self.record(schema)
        return cel.Type.DYN if is_nullable(schema) else self._simple(schema)

    @staticmethod
    def _simple(schema: Schema) -> cel.Type:
        plain = _plain(schema)
        return _TIMES.get(plain) or (_SCALARS[plain][2] if plain in _SCALARS else cel.Type.DYN)

    def _message(self, schema: Record) -> str:
        known = self._names.get(schema.name)
        if known is not None:
            return known
        short = schema.name.rpartition(".")[2]
        taken = set(self._names.values())
        name = self._names[schema.name] = next(
            one for one in (short, *(f"{short}{n}" for n in range(2, len(taken) + 3))) if one not in taken
        )
        message = descriptor_pb2.DescriptorProto(name=name)
        for index, field in enumerate(schema.fields):
            number = index + 1 if index + 1 < _RESERVED.start else index + 1 + len(_RESERVED)
            one = message.field.add(name=field.name, number=number, json_name=f"f{number}", label=_Kind.LABEL_OPTIONAL)
            self._fill(one, message, field.type)
        self._file.message_type.append(message)
        return name

    def _fill(
        self, field: descriptor_pb2.FieldDescriptorProto, owner: descriptor_pb2.DescriptorProto, schema: Schema
    ) -> None:
        essence = _essence(schema)
        if isinstance(essence, Array):
            field.label = _Kind.LABEL_REPEATED
            self._single(field, essence.items)
        elif isinstance(essence, Map):
            name = (
                "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
            )  # as protoc names it
            if any(one.name == name for one in owner.nested_type):
                field.type, field.type_name = _Kind.TYPE_MESSAGE, ".google.protobuf.Struct"
                return
            entry = owner.nested_type.add(name=name)
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=_Kind.TYPE_STRING, label=_Kind.LABEL_OPTIONAL)
            self._single(entry.field.add(name="value", number=2, label=_Kind.LABEL_OPTIONAL), essence.values)
            field.label = _Kind.LABEL_REPEATED
            field.type, field.type_name = _Kind.TYPE_MESSAGE, f".{owner.name}.{entry.name}"
        else:
            self._single(field, schema)

    def _single(self, field: descriptor_pb2.FieldDescriptorProto, schema: Schema) -> None:
        """The type of one value; an array or map inside another is anything."""
        essence = _essence(schema)
        field.type = _Kind.TYPE_MESSAGE
        if isinstance(essence, Record):
            field.type_name = f".{self._message(essence)}"
            return
        plain = _plain(essence) or _ANY
        if plain in _SCALARS:
            kind, wrapper, _ = _SCALARS[plain]
            if is_nullable(schema):
                field.type_name = f".google.protobuf.{wrapper}"
            else:
                field.type = kind
            return
        field.type_name = f".google.protobuf.{plain}"
