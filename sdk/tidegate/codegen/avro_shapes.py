"""An Avro version as shapes. Called by `modules`. What plain JSON means is contracts.md's; here it only gets its Python type."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tidegate.codegen.names import attributes, quoted
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
from tidegate.contracts.avro.defaults import is_valid_default
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Primitive,
    Record,
    Schema,
    Union,
    type_name,
)
from tidegate.contracts.codec import ContractError, FieldDoc
from tidegate.contracts.source import VersionSource

__all__ = ["avro_module"]

_PRIMITIVES: Mapping[str, Scalar] = {
    "null": NONE,
    "boolean": Scalar("bool"),
    "int": Scalar("int"),
    "long": Scalar("int"),
    "float": Scalar("float"),
    "double": Scalar("float"),
    "bytes": Scalar("bytes"),
    "string": Scalar("str"),
}
_LOGICAL: Mapping[str, Scalar] = {
    "decimal": Scalar("Decimal"),
    "uuid": Scalar("UUID"),
    "date": Scalar("date"),
    "time-millis": Scalar("TimeMillis"),
    "time-micros": Scalar("TimeMicros"),
    "timestamp-millis": Scalar("TimestampMillis"),
    "timestamp-micros": Scalar("TimestampMicros"),
    "local-timestamp-millis": Scalar("LocalTimestampMillis"),
    "local-timestamp-micros": Scalar("LocalTimestampMicros"),
    "timestamp-nanos": Scalar("int"),  # Python's times end at microseconds
    "local-timestamp-nanos": Scalar("int"),
    "duration": Scalar("bytes"),
}
_UNITS: Mapping[str, str] = {
    "timestamp-nanos": "Nanoseconds since 1970 UTC",
    "local-timestamp-nanos": "Nanoseconds since 1970, local time",
    "duration": "12 bytes: months, days and milliseconds, each little-endian",
}
_TEXTS = frozenset({"str", "bytes", "Decimal", "UUID", "date", "TimeMillis", "TimeMicros"})
_STAMPS = frozenset({"TimestampMillis", "TimestampMicros", "LocalTimestampMillis", "LocalTimestampMicros"})


def avro_module(topic: str, source: VersionSource, rows: tuple[FieldDoc, ...], notes: tuple[str, ...]) -> Module:
    """The models of a version. `rows` are its codec's, `notes` go to the docstring of the event's class."""
    schema = parse_schema(source.schema)
    if not isinstance(schema, Record):
        raise ContractError("an event is a record")
    walk = _Walk(rows, open_records=source.unknown_fields == "drop")
    walk.record(schema, "", notes)
    return Module(
        topic=topic,
        version=source.number,
        top=schema.name,
        enums=tuple(walk.enums.values()),
        classes=tuple(walk.classes.values()),
    )


class _Walk:
    """One schema being walked. A type that is met twice is made once, at the first place."""

    def __init__(self, rows: tuple[FieldDoc, ...], *, open_records: bool) -> None:
        self._open = open_records
        self.enums: dict[str, EnumModel] = {}
        self.classes: dict[str, ClassModel] = {}
        self._met: set[str] = set()
        self._rows: dict[str, list[FieldDoc]] = {}
        for row in rows:
            self._rows.setdefault(row.path, []).append(row)

    def record(self, record: Record, prefix: str, notes: tuple[str, ...] = ()) -> None:
        if record.name in self._met:
            return
        self._met.add(record.name)
        self.classes[record.name] = ClassModel(full_name=record.name, doc="", members=())  # its place in the order
        names = attributes(field.name for field in record.fields)
        members = tuple(self._member(field, names[field.name], f"{prefix}{field.name}") for field in record.fields)
        self.classes[record.name] = ClassModel(
            full_name=record.name, doc=_text(record.attributes.get("doc")), members=members, notes=notes
        )

    def _member(self, field: Field, attribute: str, path: str) -> Member:
        doc = _text(field.attributes.get("doc"))
        row = self._row(path, doc)
        shape = self.shape(field.type, path)
        unit = _unit(field.type, field.attributes)
        return Member(
            name=field.name,
            attribute=attribute,
            shape=shape,
            default=None if isinstance(field.default, Missing) else default_of(field.type, field.default),
            doc=f"{doc} {unit}".strip() if doc or unit else "",
            expected=row.expected if row is not None else "",
            sensitive=row.sensitive if row is not None else False,
        )

    def _row(self, path: str, doc: str) -> FieldDoc | None:
        """Records of one union have their fields at the same path."""
        rows = self._rows.get(path, [])
        fitting = [row for row in rows if not doc or row.doc.startswith(doc)]
        return next(iter(fitting or rows), None)

    def shape(self, schema: Schema, path: str) -> Shape:
        match schema:
            case Record():
                self.record(schema, f"{path}.")
                return Reference(schema.name)
            case Enum():
                symbols = tuple((symbol, "") for symbol in schema.symbols)
                doc = _text(schema.attributes.get("doc"))
                self.enums.setdefault(schema.name, EnumModel(full_name=schema.name, doc=doc, symbols=symbols))
                return Reference(schema.name)
            case Array():
                return ListOf(self.shape(schema.items, path))
            case Map():
                return DictOf("str", self.shape(schema.values, path))
            case Union():
                return self._choice(schema, path)
            case _:
                return _scalar(schema)

    def _choice(self, union: Union, path: str) -> Shape:
        """Branches of one Python type are one; where JSON does not tell branches apart, values carry their tags."""
        found: dict[Shape, str] = {}
        for branch in union.branches:
            found.setdefault(self.shape(branch, path), type_name(branch))
        if len(found) == 1:
            return next(iter(found))
        kinds = [self._json_kind(shape) for shape in found if shape != NONE]
        alike = len(set(kinds)) < len(kinds) and not any(isinstance(shape, DictOf) for shape in found)
        if not alike:
            return Choice(tuple(found))
        records = [branch for branch in union.branches if isinstance(branch, Record)]
        open_ = self._open
        return Choice(
            tuple(found), tuple("" if _could_be(records, tag, open_=open_) else tag for tag in found.values())
        )

    def _json_kind(self, shape: Shape) -> str:
        match shape:
            case Scalar() if shape.kind in _TEXTS or shape.kind in _STAMPS:
                return "string"
            case Scalar():
                return "number" if shape.kind in ("int", "float") else shape.kind
            case Reference():
                return "string" if shape.name in self.enums else "object"
            case ListOf():
                return "array"
            case _:
                return "object"


def _could_be(records: list[Record], tag: str, *, open_: bool) -> bool:
    """Whether `{"<tag>": ...}` could be one of the records itself: no tag is taken then (`contracts.avro.unions`)."""
    return any(
        {field.name for field in record.fields if isinstance(field.default, Missing)} <= {tag}
        and (open_ or tag in {field.name for field in record.fields})
        for record in records
    )


def _scalar(schema: Primitive | Fixed) -> Scalar:
    if schema.logical is not None:
        return _LOGICAL[schema.logical.name]
    return _PRIMITIVES[schema.name] if isinstance(schema, Primitive) else Scalar("bytes")


def _unit(schema: Schema, attributes_: Mapping[str, object]) -> str:
    inner = schema
    if isinstance(inner, Union):
        inner = next((branch for branch in inner.branches if type_name(branch) != "null"), inner)
    said = [
        str(attributes_["unit"]) if isinstance(attributes_.get("unit"), str) else "",
        _UNITS.get(inner.logical.name, "")
        if isinstance(inner, Primitive | Fixed) and inner.logical is not None
        else "",
    ]
    return "".join(f"Unit: {text}." for text in said if text)


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def default_of(schema: Schema, value: object) -> DefaultValue | None:
    """A valid default as Python; None where Python has no such value (a date past the year 9999): it must then be given."""
    match schema:
        case Union():
            branch = next(branch for branch in schema.branches if is_valid_default(branch, value))
            return default_of(branch, value)
        case Array() if isinstance(value, list):
            return _all("list", "", [("", default_of(schema.items, item)) for item in value])
        case Map() if isinstance(value, dict):
            return _all("dict", "", [(key, default_of(schema.values, item)) for key, item in value.items()])
        case Record() if isinstance(value, dict):
            names = attributes(field.name for field in schema.fields)
            return _all(
                "record",
                schema.name,
                [(names[f.name], default_of(f.type, value.get(f.name, f.default))) for f in schema.fields],
            )
        case Enum():
            return DefaultValue("symbol", text=str(value), of=schema.name) if value in schema.symbols else None
        case Primitive() | Fixed():
            text = _default_text(schema, value)
            return DefaultValue("text", text=text) if text else None
        case _:
            return None


def _all(kind: str, of: str, items: list[tuple[str, DefaultValue | None]]) -> DefaultValue | None:
    found = tuple((key, item) for key, item in items if item is not None)
    if len(found) < len(items):
        return None
    if kind == "list":
        return DefaultValue("list", items=found)
    return DefaultValue("dict", items=found) if kind == "dict" else DefaultValue("record", of=of, items=found)


def _default_text(schema: Primitive | Fixed, value: object) -> str:
    kind = _scalar(schema).kind
    if isinstance(value, str) and kind in ("bytes", "Decimal", "UUID") and not _is_text(schema):
        try:
            return _bytes_text(schema, kind, value.encode("latin-1"))
        except UnicodeEncodeError:
            return ""
    if kind == "UUID":
        return f"_uuid.UUID({quoted(str(value))})"
    if type(value) is int and kind not in ("int", "float", "Decimal"):
        return _time_text(kind, value)
    if kind == "float":
        return repr(float(value)) if isinstance(value, int | float | Decimal) else ""
    return quoted(value) if isinstance(value, str) else repr(value)


def _is_text(schema: Primitive | Fixed) -> bool:
    return isinstance(schema, Primitive) and schema.name == "string"


def _bytes_text(schema: Primitive | Fixed, kind: str, data: bytes) -> str:
    if kind == "Decimal" and schema.logical is not None:
        unscaled = Decimal(int.from_bytes(data, "big", signed=True)).as_tuple()
        number = Decimal(
            (unscaled.sign, unscaled.digits, -schema.logical.scale)
        )  # exact: scaleb would round to 28 digits
        return f'_decimal.Decimal("{number:f}")'
    if kind == "UUID":
        return f'_uuid.UUID("{data.hex()}")' if len(data) == 16 else ""
    return repr(data)


def _time_text(kind: str, value: int) -> str:
    micros = value * 1000 if kind.endswith("Millis") else value
    local = kind.startswith("Local")
    try:
        if kind == "date":
            return f'dt.date.fromisoformat("{date(1970, 1, 1) + timedelta(days=value)}")'
        moment = datetime(1970, 1, 1, tzinfo=None if local else UTC) + timedelta(microseconds=micros)
    except OverflowError:
        return ""
    if kind.startswith("Time") and not kind.startswith("Timestamp"):
        return f'dt.time.fromisoformat("{moment.time()}")' if 0 <= micros < 86_400_000_000 else ""
    return f'dt.datetime.fromisoformat("{moment.isoformat()}")'
