"""A file descriptor as .proto text that protoc compiles to the same descriptor. Called by `protobuf_schemas`.

Clients that read text (Java, Go, Node) get it, those that read descriptors (Python) get the descriptor: both are printed from
one value, so they cannot differ. Custom options are not printed: the caller takes them out first. Comments stay.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from google.protobuf import descriptor_pb2, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

__all__ = ["proto_text"]

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    getattr(_Field, f"TYPE_{name.upper()}"): name
    for name in (
        [
            "double",
            "float",
            "int64",
            "uint64",
            "int32",
            "fixed64",
            "fixed32",
            "bool",
            "string",
            "bytes",
            "uint32",
            "sfixed32",
            "sfixed64",
            "sint32",
            "sint64",
        ]
    )
}
_LAST_FIELD = 2**29
_LAST_ENUM = 2**31 - 1
_FILE_MESSAGES, _FILE_ENUMS, _FILE_SERVICES = 4, 5, 6
_NESTED, _NESTED_ENUMS, _FIELDS, _VALUES, _METHODS = 3, 4, 2, 2, 2
"""Field numbers in descriptor.proto, of which a source location's path is made."""


def proto_text(file: descriptor_pb2.FileDescriptorProto, symbols: frozenset[str]) -> str:
    """The text. `symbols` are the full names of all packages, messages and enums that the file sees, its own included."""
    return _Printer(file, symbols).text()


class _Printer:
    def __init__(self, file: descriptor_pb2.FileDescriptorProto, symbols: frozenset[str]) -> None:
        self._file = file
        self._symbols = symbols
        self._lines: list[str] = []
        self._comments: Mapping[tuple[int, ...], str] = {
            tuple(place.path): place.leading_comments
            for place in file.source_code_info.location
            if place.HasField("leading_comments")
        }

    def text(self) -> str:
        file = self._file
        syntax = file.syntax or "proto2"
        if syntax == "editions":
            edition = descriptor_pb2.Edition.Name(file.edition).removeprefix("EDITION_")
            self._line(0, f'edition = "{edition}";')
        else:
            self._line(0, f'syntax = "{syntax}";')
        if file.package:
            self._line(0, f"package {file.package};")
        for index, name in enumerate(file.dependency):
            kind = "public " if index in file.public_dependency else "weak " if index in file.weak_dependency else ""
            self._line(0, f"import {kind}{_quoted(name.encode())};")
        self._option_lines(0, file.options)
        scope = file.package
        # Messages first: clients that take the first declaration for the event's (kafkajs) find a message.
        for index, message in enumerate(file.message_type):
            if not _is_group_of(message, file.extension, scope):
                self._message(0, message, scope, (_FILE_MESSAGES, index))
        for index, enum in enumerate(file.enum_type):
            self._enum(0, enum, (_FILE_ENUMS, index))
        self._extensions(0, file.extension, scope, file.message_type)
        for index, service in enumerate(file.service):
            self._service(service, (_FILE_SERVICES, index))
        return "\n".join(self._lines) + "\n"

    def _line(self, depth: int, text: str) -> None:
        self._lines.append("  " * depth + text)

    def _comment(self, depth: int, path: tuple[int, ...]) -> None:
        comment = self._comments.get(path)
        if comment is not None:
            for line in comment.rstrip("\n").split("\n"):
                self._line(depth, f"//{line}")

    def _option_lines(self, depth: int, options: Message) -> None:
        for name, value in _options(options):
            self._line(depth, f"option {name} = {value};")

    def _message(
        self,
        depth: int,
        message: descriptor_pb2.DescriptorProto,
        scope: str,
        path: tuple[int, ...],
        head: str = "",
    ) -> None:
        """`head` begins a group instead of a message."""
        if depth == 0:
            self._line(0, "")
        self._comment(depth, path)
        full = f"{scope}.{message.name}" if scope else message.name
        self._line(depth, head or f"message {message.name} {{")
        inner = depth + 1
        if not head:
            self._option_lines(inner, message.options)
        for index, enum in enumerate(message.enum_type):
            self._enum(inner, enum, (*path, _NESTED_ENUMS, index))
        self._members(inner, message, full, path)
        self._extensions(inner, message.extension, full, message.nested_type)
        self._ranges(inner, message)
        self._line(depth, "}")

    def _members(self, depth: int, message: descriptor_pb2.DescriptorProto, full: str, path: tuple[int, ...]) -> None:
        """Fields and nested messages, so that both keep their order: a map or group field declares a nested message too.

        The order matters: a message's index in the wire format counts them.
        """
        declaring = {
            field.type_name: place
            for place, field in enumerate(message.field)
            if field.type in {_Field.TYPE_GROUP, _Field.TYPE_MESSAGE}
        }
        groups = {field.type_name for field in message.field if field.type == _Field.TYPE_GROUP}
        printed = 0
        for index, nested in enumerate(message.nested_type):
            name = f".{full}.{nested.name}"
            if nested.options.map_entry or name in groups:
                printed = self._fields(depth, message, full, path, printed, declaring[name] + 1)
            elif not _is_group_of(nested, message.extension, full):
                self._message(depth, nested, full, (*path, _NESTED, index))
        self._fields(depth, message, full, path, printed, len(message.field))

    def _fields(
        self,
        depth: int,
        message: descriptor_pb2.DescriptorProto,
        scope: str,
        path: tuple[int, ...],
        start: int,
        end: int,
    ) -> int:
        """Print the fields from `start` up to `end`, a oneof whole; the first that is not printed yet."""
        place = start
        while place < end:
            field = message.field[place]
            if not field.HasField("oneof_index") or field.proto3_optional:
                self._field(depth, field, scope, message.nested_type, (*path, _FIELDS, place))
                place += 1
                continue
            oneof = message.oneof_decl[field.oneof_index]
            self._line(depth, f"oneof {oneof.name} {{")
            self._option_lines(depth + 1, oneof.options)
            while place < len(message.field) and _same_oneof(message.field[place], field):
                where = (*path, _FIELDS, place)
                self._field(depth + 1, message.field[place], scope, message.nested_type, where, in_oneof=True)
                place += 1
            self._line(depth, "}")
        return place

    def _field(
        self,
        depth: int,
        field: descriptor_pb2.FieldDescriptorProto,
        scope: str,
        nested: Sequence[descriptor_pb2.DescriptorProto],
        path: tuple[int, ...],
        *,
        in_oneof: bool = False,
    ) -> None:
        entry = next((m for m in nested if m.options.map_entry and field.type_name == f".{scope}.{m.name}"), None)
        if entry is not None:
            key, value = entry.field
            kind, label = f"map<{_SCALARS[key.type]}, {self._type(value, scope)}>", ""
        else:
            kind, label = self._type(field, scope), "" if in_oneof else self._label(field)
        options = [f"{name} = {value}" for name, value in self._field_options(field)]
        end = f" [{', '.join(options)}]" if options else ""
        if field.type == _Field.TYPE_GROUP:
            group = next(m for m in nested if f"{scope}.{m.name}".endswith(field.type_name.rpartition(".")[2]))
            self._message(depth, group, scope, path, f"{label}group {group.name} = {field.number}{end} {{")
            return
        self._comment(depth, path)
        self._line(depth, f"{label}{kind} {field.name} = {field.number}{end};")

    def _label(self, field: descriptor_pb2.FieldDescriptorProto) -> str:
        if field.label == _Field.LABEL_REPEATED:
            return "repeated "
        if self._file.syntax in {"", "proto2"}:
            return "required " if field.label == _Field.LABEL_REQUIRED else "optional "
        return "optional " if field.proto3_optional else ""

    def _field_options(self, field: descriptor_pb2.FieldDescriptorProto) -> Iterator[tuple[str, str]]:
        if field.HasField("default_value"):
            yield "default", _default(field)
        if field.json_name and field.json_name != _json_name(field.name):
            yield "json_name", _quoted(field.json_name.encode())
        yield from _options(field.options)

    def _type(self, field: descriptor_pb2.FieldDescriptorProto, scope: str) -> str:
        return _SCALARS.get(field.type) or self._name(field.type_name, scope)

    def _name(self, full: str, scope: str) -> str:
        """The shortest form that a compiler resolves to `full` (with its leading dot) from `scope`."""
        name = full.removeprefix(".")
        package = f"{self._file.package}."
        short = name.removeprefix(package) if self._file.package else name
        for candidate in dict.fromkeys((short, name)):
            if self._resolved(candidate, scope) == name:
                return candidate
        return full

    def _resolved(self, name: str, scope: str) -> str:
        first = name.partition(".")[0]
        while True:
            if (f"{scope}.{first}" if scope else first) in self._symbols:
                return f"{scope}.{name}" if scope else name
            if not scope:
                return name
            scope = scope.rpartition(".")[0]

    def _extensions(
        self,
        depth: int,
        extensions: Iterable[descriptor_pb2.FieldDescriptorProto],
        scope: str,
        nested: Sequence[descriptor_pb2.DescriptorProto],
    ) -> None:
        for field in extensions:
            self._line(depth, f"extend {self._name(field.extendee, scope)} {{")
            self._field(depth + 1, field, scope, nested, (), in_oneof=False)
            self._line(depth, "}")

    def _ranges(self, depth: int, message: descriptor_pb2.DescriptorProto) -> None:
        for span in message.extension_range:
            options = [f"{name} = {value}" for name, value in _options(span.options)]
            end = f" [{', '.join(options)}]" if options else ""
            self._line(depth, f"extensions {_span(span.start, span.end - 1, _LAST_FIELD - 1)}{end};")
        for gap in message.reserved_range:
            self._line(depth, f"reserved {_span(gap.start, gap.end - 1, _LAST_FIELD - 1)};")
        self._reserved_names(depth, message.reserved_name)

    def _reserved_names(self, depth: int, names: Sequence[str]) -> None:
        if names:
            bare = self._file.syntax == "editions"
            self._line(depth, f"reserved {', '.join(name if bare else _quoted(name.encode()) for name in names)};")

    def _enum(self, depth: int, enum: descriptor_pb2.EnumDescriptorProto, path: tuple[int, ...]) -> None:
        if depth == 0:
            self._line(0, "")
        self._comment(depth, path)
        self._line(depth, f"enum {enum.name} {{")
        self._option_lines(depth + 1, enum.options)
        for index, value in enumerate(enum.value):
            self._comment(depth + 1, (*path, _VALUES, index))
            options = [f"{name} = {text}" for name, text in _options(value.options)]
            end = f" [{', '.join(options)}]" if options else ""
            self._line(depth + 1, f"{value.name} = {value.number}{end};")
        for gap in enum.reserved_range:
            self._line(depth + 1, f"reserved {_span(gap.start, gap.end, _LAST_ENUM)};")
        self._reserved_names(depth + 1, enum.reserved_name)
        self._line(depth, "}")

    def _service(self, service: descriptor_pb2.ServiceDescriptorProto, path: tuple[int, ...]) -> None:
        self._line(0, "")
        self._comment(0, path)
        self._line(0, f"service {service.name} {{")
        self._option_lines(1, service.options)
        scope = f"{self._file.package}.{service.name}" if self._file.package else service.name
        # A compiler that looks for a method's types also finds methods, and stops there.
        self._symbols |= {f"{scope}.{method.name}" for method in service.method}
        for index, method in enumerate(service.method):
            self._comment(1, (*path, _METHODS, index))
            taken = ("stream " if method.client_streaming else "") + self._name(method.input_type, scope)
            given = ("stream " if method.server_streaming else "") + self._name(method.output_type, scope)
            head = f"rpc {method.name}({taken}) returns ({given})"
            options = list(_options(method.options))
            self._line(1, f"{head} {{" if options else f"{head};")
            for name, value in options:
                self._line(2, f"option {name} = {value};")
            if options:
                self._line(1, "}")
        self._line(0, "}")


def _same_oneof(field: descriptor_pb2.FieldDescriptorProto, other: descriptor_pb2.FieldDescriptorProto) -> bool:
    """A oneof's members stand beside each other in the descriptor, as in the text it came from."""
    return field.HasField("oneof_index") and field.oneof_index == other.oneof_index and not field.proto3_optional


def _is_group_of(
    message: descriptor_pb2.DescriptorProto, fields: Iterable[descriptor_pb2.FieldDescriptorProto], scope: str
) -> bool:
    """Whether a message is declared by a group field beside it."""
    full = f".{scope}.{message.name}" if scope else f".{message.name}"
    return any(field.type == _Field.TYPE_GROUP and field.type_name == full for field in fields)


def _options(options: Message) -> Iterator[tuple[str, str]]:
    """Standard options with their values as text; those of `features` by their dotted names."""
    for field, value in options.ListFields():
        if field.is_extension or field.name == "uninterpreted_option":
            continue
        if field.name == "features":
            yield from ((f"features.{name}", text) for name, text in _options(value))
            continue
        for one in value if field.is_repeated else (value,):
            yield field.name, _option_value(field, one)


def _option_value(field: FieldDescriptor, value: object) -> str:
    if isinstance(value, Message):
        return "{ " + text_format.MessageToString(value, as_one_line=True) + " }"
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[int(str(value))].name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value.encode()) if isinstance(value, str) else str(value)


def _default(field: descriptor_pb2.FieldDescriptorProto) -> str:
    if field.type == _Field.TYPE_STRING:
        return _quoted(field.default_value.encode())
    if field.type == _Field.TYPE_BYTES:
        return f'"{field.default_value}"'  # the descriptor holds it escaped as in the text
    return field.default_value


def _span(first: int, last: int, greatest: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last == greatest else last}"


def _quoted(text: bytes) -> str:
    out = []
    for byte in text:
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 0x20 <= byte < 0x7F:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def _json_name(name: str) -> str:
    """The JSON name that protoc gives a field by itself: lowerCamelCase."""
    out, upper = [], False
    for char in name:
        if char == "_":
            upper = True
            continue
        out.append(char.upper() if upper else char)
        upper = False
    return "".join(out)
