"""A Protobuf version as shapes. Called by `modules`, and imported only for Protobuf (an extra). Attributes are the .proto file's names, events have JSON's."""

from collections.abc import Mapping
from typing import Literal

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    ScalarType,
)

from tidegate.codegen.names import attributes
from tidegate.codegen.shapes import (
    NONE,
    Choice,
    ClassModel,
    DefaultValue,
    DictOf,
    EnumModel,
    ListOf,
    Member,
    Module,
    Reference,
    Scalar,
    Shape,
)
from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.protobuf.expected import Kind, field_kind, is_wrapper, wrapped
from tidegate.contracts.protobuf.fields import type_comments
from tidegate.contracts.protobuf.schema import load_message
from tidegate.contracts.source import VersionSource

__all__ = ["protobuf_module"]

_SCALARS: Mapping[ScalarType, Scalar] = {
    ScalarType.BOOL: Scalar("bool"),
    ScalarType.BYTES: Scalar("bytes"),
    ScalarType.STRING: Scalar("str"),
    ScalarType.DOUBLE: Scalar("float"),
    ScalarType.FLOAT: Scalar("float"),
}
_KNOWN: Mapping[str, Shape] = {
    "google.protobuf.Timestamp": Scalar("TimestampMicros"),
    "google.protobuf.Duration": Scalar("timedelta"),
    "google.protobuf.FieldMask": Scalar("str"),
    "google.protobuf.Struct": DictOf("str", Scalar("object")),
    "google.protobuf.ListValue": ListOf(Scalar("object")),
    "google.protobuf.Value": Scalar("object"),
    "google.protobuf.Empty": DictOf("str", Scalar("object")),
}
_EXPLICIT, _LEGACY_REQUIRED = 1, 3  # SupportedFieldPresence, which protobuf-py does not export
_NULL_VALUE = "google.protobuf.NullValue"
_ZEROS: Mapping[str, str] = {"bool": "False", "bytes": 'b""', "str": '""', "float": "0.0", "int": "0"}


def protobuf_module(topic: str, source: VersionSource, rows: tuple[FieldDoc, ...], notes: tuple[str, ...]) -> Module:
    """The models of a version. `rows` are its codec's, `notes` go to the docstring of the event's class."""
    message, _pool = load_message(source)
    walk = _Walk({row.path: row for row in rows})
    walk.message(message, "", notes)
    return Module(
        topic=topic,
        version=source.number,
        top=message.type_name,
        enums=tuple(walk.enums.values()),
        classes=tuple(walk.classes.values()),
    )


class _Walk:
    """One message being walked. A type that is met twice is made once, at the first place."""

    def __init__(self, rows: Mapping[str, FieldDoc]) -> None:
        self.enums: dict[str, EnumModel] = {}
        self.classes: dict[str, ClassModel] = {}
        self._rows = rows

    def message(self, message: DescMessage, prefix: str, notes: tuple[str, ...] = ()) -> None:
        if message.type_name in self.classes:
            return
        self.classes[message.type_name] = ClassModel(full_name=message.type_name, doc="", members=())
        names = attributes(field.name for field in message.fields)
        members = tuple(
            self._member(field, names[field.name], f"{prefix}{field.json_name}") for field in message.fields
        )
        groups = tuple(
            f"At most one is given: {', '.join(names[field.name] for field in group.fields)}."
            for group in message.oneofs
            if len(group.fields) > 1
        )
        self.classes[message.type_name] = ClassModel(
            full_name=message.type_name,
            doc=_line(type_comments(message)[0]),
            members=members,
            notes=(*notes, *groups),
        )

    def _member(self, field: DescField, attribute: str, path: str) -> Member:
        row = self._rows.get(path)
        shape = self._shape(field, path)
        required = field.presence == _LEGACY_REQUIRED or (row is not None and row.required)
        default: DefaultValue | None = None
        if not required and field.presence == _EXPLICIT:
            shape, default = Choice((shape, NONE)), DefaultValue("text", text="None")
        elif not required:
            default = self._zero(field, shape)
        return Member(
            name=field.json_name,
            attribute=attribute,
            shape=shape,
            default=default,
            doc=_line(row.doc) if row is not None else "",
            expected=row.expected if row is not None else "",
            sensitive=row.sensitive if row is not None else False,
        )

    def _shape(self, field: DescField, path: str) -> Shape:
        value = field.value
        if isinstance(value, DescFieldValueList):
            return ListOf(self._kind(value.element, path))
        if isinstance(value, DescFieldValueMap):
            return DictOf(_key_kind(value.key), self._kind(value.value, path))
        return self._kind(field_kind(field), path)

    def _kind(self, kind: Kind, path: str) -> Shape:
        if isinstance(kind, DescMessage) and is_wrapper(kind):
            kind = wrapped(kind)
        if isinstance(kind, ScalarType):
            return _SCALARS.get(kind, Scalar("int"))
        if kind.type_name in _KNOWN:
            return _KNOWN[kind.type_name]
        if isinstance(kind, DescEnum):
            if kind.type_name == _NULL_VALUE:
                return NONE
            if kind.type_name not in self.enums:
                doc, values = type_comments(kind)
                symbols = tuple((one.name, _line(text)) for one, text in zip(kind.values, values, strict=True))
                self.enums[kind.type_name] = EnumModel(full_name=kind.type_name, doc=_line(doc), symbols=symbols)
        else:
            self.message(kind, f"{path}.")
        return Reference(kind.type_name)

    def _zero(self, field: DescField, shape: Shape) -> DefaultValue | None:
        """What a field without presence is where nobody sets it."""
        match field.value:
            case DescFieldValueList():
                return DefaultValue("list")
            case DescFieldValueMap():
                return DefaultValue("dict")
            case DescFieldValueEnum(enum=enum) if enum.type_name != _NULL_VALUE:
                return DefaultValue("symbol", text=enum.values[0].name, of=enum.type_name)
            case DescFieldValueScalar() if isinstance(shape, Scalar):
                return DefaultValue("text", text=_ZEROS[shape.kind])
            case DescFieldValueMessage() | _:
                return DefaultValue("text", text="None")


def _line(text: str) -> str:
    return " ".join(text.split())


def _key_kind(kind: ScalarType) -> Literal["str", "int", "bool"]:
    if kind == ScalarType.BOOL:
        return "bool"
    return "str" if kind == ScalarType.STRING else "int"
