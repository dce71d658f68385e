"""The fields of a Protobuf contract for people: the rows of the topic's page. Used by `codec` at load, and for generated models."""

from collections.abc import Iterator, Mapping, Sequence

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescFile, DescMessage
from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, EnumDescriptorProto

from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.protobuf.expected import expected_value, field_kind, field_rules, kind_name, wrapped
from tidegate.contracts.protobuf.schema import is_redacted
from tidegate.contracts.protobuf.secrets import is_below
from tidegate.contracts.protobuf.wellknown import WELL_KNOWN

__all__ = ["field_docs", "type_comments"]

_MESSAGE, _NESTED, _FIELD = 4, 3, 2  # field numbers in descriptor.proto, of which source paths are made
_ENUM, _NESTED_ENUM, _VALUE = 5, 4, 2
_LEGACY_REQUIRED = 3  # SupportedFieldPresence.LEGACY_REQUIRED, which protobuf-py does not export


def field_docs(message: DescMessage, sensitive: frozenset[str], needed: frozenset[str]) -> tuple[FieldDoc, ...]:
    """Every field in the order of the file, nested ones after their parent; a message within itself is listed once.

    `needed` holds the full names of the fields whose absence a rule refuses. Paths are dotted JSON names. Comments are there where the descriptor set has source information.
    """
    return tuple(_rows(message, "", (), _Known(sensitive, needed), secret=False))


def type_comments(kind: DescMessage | DescEnum) -> tuple[str, tuple[str, ...]]:
    """The comment of a type, and of an enum's values in their order; empty where there is none, or no source information."""
    texts = _comments(kind.file)
    if isinstance(kind, DescMessage):
        return texts.get(_source_path(kind), ""), ()
    if kind.parent is None:
        place: tuple[int, ...] = (_ENUM, _index(kind.file.proto.enum_type, kind.name))
    else:
        place = (*_source_path(kind.parent), _NESTED_ENUM, _index(kind.parent.proto.enum_type, kind.name))
    return texts.get(place, ""), tuple(texts.get((*place, _VALUE, index), "") for index in range(len(kind.values)))


class _Known:
    """What holds for every row; the comments of a file are read once."""

    __slots__ = ("_comments", "needed", "sensitive")

    def __init__(self, sensitive: frozenset[str], needed: frozenset[str]) -> None:
        self.sensitive = sensitive
        self.needed = needed
        self._comments: dict[str, Mapping[tuple[int, ...], str]] = {}

    def comments(self, file: DescFile) -> Mapping[tuple[int, ...], str]:
        """The comments of a file by source path."""
        if file.name not in self._comments:
            self._comments[file.name] = _comments(file)
        return self._comments[file.name]


def _rows(
    message: DescMessage,
    prefix: str,
    above: tuple[str, ...],
    known: _Known,
    *,
    secret: bool,
) -> Iterator[FieldDoc]:
    texts = known.comments(message.file)
    place = _source_path(message)
    above = (*above, message.type_name)
    for index, field in enumerate(message.fields):
        path = prefix + field.json_name
        hidden = secret or is_redacted(field) or is_below(path, known.sensitive)
        kind = wrapped(field_kind(field))
        of = field_rules(field)
        unit = _unit(field)
        yield FieldDoc(
            path=path,
            type=f"{unit} of {kind_name(kind)}" if unit else kind_name(kind),
            expected=expected_value(kind, of, unit),
            doc=texts.get((*place, _FIELD, index), ""),
            required=f"{message.type_name}.{field.name}" in known.needed or field.presence == _LEGACY_REQUIRED,
            sensitive=hidden,
        )
        if isinstance(kind, DescMessage) and kind.type_name not in WELL_KNOWN and kind.type_name not in above:
            yield from _rows(kind, path + ".", above, known, secret=hidden)


def _unit(field: DescField) -> str:
    if isinstance(field.value, DescFieldValueList):
        return "array"
    return "map" if isinstance(field.value, DescFieldValueMap) else ""


def _comments(file: DescFile) -> Mapping[tuple[int, ...], str]:
    """The comment of everything in a file, by its source path; leading ones before trailing ones."""
    texts: dict[tuple[int, ...], str] = {}
    info = file.proto.source_code_info
    for location in info.location if info is not None else ():
        parts = [location.leading_comments, location.trailing_comments]
        text = "\n".join(line.strip() for part in parts if part for line in part.strip().splitlines())
        if text:
            texts[tuple(location.path)] = text
    return texts


def _source_path(message: DescMessage) -> tuple[int, ...]:
    """The path of a message in its file, as source information counts."""
    if message.parent is None:
        return (_MESSAGE, _index(message.file.proto.message_type, message.name))
    return (*_source_path(message.parent), _NESTED, _index(message.parent.proto.nested_type, message.name))


def _index(among: Sequence[DescriptorProto | EnumDescriptorProto], name: str) -> int:
    return next(i for i, one in enumerate(among) if one.name == name)
