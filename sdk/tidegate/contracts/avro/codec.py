"""The Avro codec: a version's schema compiled once, then bytes in and the framed encoding or every violation out.

Called by `compiled`. The order of a check: nothing that could hurt a decoder, one strict decode, one pass that encodes and
judges, proof that the text had no duplicate keys and no hidden depth. The specification's JSON takes the same way with its
own writers; binary is read and judged in one pass and stored as it came.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import msgspec

from tidegate.contracts.avro.attributes import check_references
from tidegate.contracts.avro.canonical import canonical_form
from tidegate.contracts.avro.compiler import Compiler
from tidegate.contracts.avro.examples import NoExample
from tidegate.contracts.avro.faults import COLON, DROPPED, Fault, Faults, add
from tidegate.contracts.avro.keys import encoded_key, encoded_time, explicit_key, key_reader, time_reader
from tidegate.contracts.avro.keywords import Rule
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.reading import ENDS, BrokenBytes, Read, Reading, broken, note_key, note_time
from tidegate.contracts.avro.schema import Record
from tidegate.contracts.codec import ContractError, FieldDoc, Payload
from tidegate.contracts.framing import FRAME_BYTES, avro_frame, framed_id
from tidegate.contracts.jsontext import (
    DECODE_ERRORS,
    SAFE_BYTES,
    Broken,
    decode_exact,
    decode_floats,
    depth_broken,
    describe,
    duplicates,
    is_surely_unique,
    parse,
    too_deep,
)
from tidegate.contracts.media import AVRO, AVRO_FRAMED, AVRO_JSON, JSON
from tidegate.contracts.rules import KEYWORDS
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import MAX_VIOLATIONS, Rejected, Violation
from tidegate.contracts.wording import did_you_mean, pointer

if TYPE_CHECKING:
    from tidegate.contracts.avro.cel_rules import CelRules

__all__ = ["AvroCodec", "compile_avro"]

_MEDIA_TYPES = frozenset({JSON, AVRO_JSON, AVRO, AVRO_FRAMED})
_KEYS = COLON - 1
_SHALLOWEST_BYTES = 130


class AvroCodec:
    """One version's schema, ready to judge. Immutable; shared by every request and thread."""

    __slots__ = (
        "_cel",
        "_decode",
        "_fields",
        "_frame",
        "_hidden",
        "_key",
        "_key_of",
        "_make_example",
        "_path",
        "_read",
        "_schema",
        "_shallow",
        "_tagged",
        "_time",
        "_time_of",
        "_write",
        "canonical",
    )

    canonical: str
    """The schema's Parsing Canonical Form."""

    def __init__(self, source: VersionSource, schema: Record, sensitive: frozenset[str]) -> None:
        compiler = Compiler(rules=_rules(source), sensitive=sensitive, drop=source.unknown_fields == "drop")
        node = compiler.record(schema)
        self._schema = schema
        self.canonical = canonical_form(schema)
        self._write = node.write
        self._tagged = node.tagged
        self._make_example = node.example
        self._fields = tuple(compiler.docs)
        self._hidden = frozenset(row.path for row in self._fields if row.sensitive)
        self._shallow = not compiler.recursive
        self._decode: Callable[[bytes], object] = decode_exact if compiler.decimals else decode_floats
        self._frame = avro_frame(source.schema_id)
        self._path = source.key
        self._key = key_reader(schema, source.key) if source.key is not None else None
        self._time = time_reader(schema, source.event_time) if source.event_time is not None else None
        self._key_of = encoded_key(schema, source.key) if source.key is not None else None
        self._time_of = encoded_time(schema, source.event_time) if source.event_time is not None else None
        notes: dict[str, Callable[[Read], Read]] = {}
        if source.key is not None:
            notes[source.key] = note_key
        if source.event_time is not None:
            notes[source.event_time] = note_time
        self._read = compiler.noting(notes) if notes else node.read
        self._cel = self._compile_cel() if compiler.has_cel else None

    def _compile_cel(self) -> "CelRules | None":
        try:  # an extra: `tidegate[cel]`
            from tidegate.contracts.avro.cel_rules import compile_cel
        except ImportError as error:
            raise ContractError(
                f"confluent:rules needs the extra tidegate[cel] ({error.name} is not installed)"
            ) from error
        rules = compile_cel(self._schema, self._fields, self._shown)
        if rules is not None and not isinstance(example := self._make_example(), NoExample):
            made = self._check_json(msgspec.json.encode(example))
            if isinstance(made, Payload):
                rules.judge(made.value, FRAME_BYTES)  # the first evaluation is not an event's
        return rules

    @property
    def media_types(self) -> frozenset[str]:
        """The media types (without parameters) that `check` takes."""
        return _MEDIA_TYPES

    @property
    def has_key(self) -> bool:
        """Whether the contract takes the record's key from a field."""
        return self._key is not None

    def check(self, body: bytes, media_type: str = JSON) -> Payload | Rejected:
        """The whole verdict on `body`. Raises nothing for any `body`, ValueError for another media type."""
        verdict = self._check_form(body, media_type)
        if self._cel is not None and isinstance(verdict, Payload):
            return self._cel.judge(verdict.value, FRAME_BYTES) or verdict
        return verdict

    def _check_form(self, body: bytes, media_type: str) -> Payload | Rejected:
        if media_type == JSON:
            return self._check_json(body)
        if media_type == AVRO:
            return self._check_binary(self._frame + body, FRAME_BYTES)
        if media_type == AVRO_FRAMED:
            return self._check_binary(body, 0) if body[:FRAME_BYTES] == self._frame else self._wrong_frame(body)
        if media_type == AVRO_JSON:
            return self._check_tagged(body)
        raise ValueError(f"this codec does not take {media_type}")

    def check_next(self, data: bytes, start: int) -> tuple[Payload | Rejected, int]:
        """The verdict on the value of Avro binary that begins at `start`, as `check` gives it, and where the value ends.

        Raises `BrokenBytes`, with an offset in `data`.
        """
        found = Reading()
        try:
            end = self._read(data, start, found)
        except ENDS as error:
            raise broken(error, data) from None
        if found:
            return Rejected(violations=found.violations(start), omitted=found.omitted), end
        verdict = self._payload(self._frame + data[start:end], data, found)
        if self._cel is not None:
            return self._cel.judge(verdict.value, FRAME_BYTES) or verdict, end
        return verdict, end

    def _check_binary(self, value: bytes, unsent: int) -> Payload | Rejected:
        """The verdict on a framed value, whose first `unsent` bytes the sender did not send."""
        found = Reading()
        try:
            end = self._read(value, FRAME_BYTES, found)
            if end != len(value):
                raise BrokenBytes("malformed", "goes on after its end", end)
        except ENDS as error:
            return _unreadable(broken(error, value), value, unsent)
        if found:
            return Rejected(violations=found.violations(unsent), omitted=found.omitted)
        return self._payload(value, value, found)

    def _payload(self, value: bytes, data: bytes, found: Reading) -> Payload:
        """The framed value with its key and event time, where `found` saw them in `data`."""
        return Payload(
            value,
            self._key_of(data, found.key) if self._key_of is not None and found.key is not None else None,
            self._time_of(data, found.time) if self._time_of is not None and found.time is not None else None,
        )

    def _wrong_frame(self, body: bytes) -> Rejected:
        own = int.from_bytes(self._frame[1:], "big")
        given = framed_id(body)
        return Rejected(
            violations=(
                Violation(
                    pointer="#",
                    rule="encoding",
                    detail=f"is framed with the schema id {given}, not {own}"
                    if given is not None
                    else "does not begin with a frame",
                    expected=f"a 0 byte and the schema id {own}, four bytes with the most significant first",
                    hint="send the version that the frame names, or leave frame and framing=confluent out",
                    byte_offset=0,
                ),
            ),
            malformed=True,
        )

    def _check_tagged(self, body: bytes) -> Payload | Rejected:
        """The specification's JSON. What it encodes to is read again, which tells key and event time."""
        if too_deep(body):
            return self._broken((depth_broken(),))
        try:
            value = decode_floats(body)
        except DECODE_ERRORS as error:
            return self._broken((describe(body, error),))
        out = [self._frame]
        answer = self._tagged(value, out)
        if isinstance(answer, (Fault, Faults)):
            return self._rejected(body, value, answer)
        twice = duplicates(body, value)
        if twice:
            return self._broken(twice)
        verdict = self._check_binary(b"".join(out), FRAME_BYTES)
        if isinstance(verdict, Payload):
            return msgspec.structs.replace(verdict, dropped=(answer or 0) >> 64)
        return verdict

    def _check_json(self, body: bytes) -> Payload | Rejected:
        size = len(body)
        if size >= SAFE_BYTES and too_deep(body):
            return self._broken((depth_broken(),))
        try:
            value = self._decode(body)
        except DECODE_ERRORS as error:
            return self._broken((depth_broken() if too_deep(body) else describe(body, error),))
        out = [self._frame]
        answer = self._write(value, out)
        if type(answer) is int:
            if (answer >= DROPPED or not self._shallow) and _SHALLOWEST_BYTES <= size < SAFE_BYTES and too_deep(body):
                return self._broken((depth_broken(),))
            if not is_surely_unique(body, answer & _KEYS, answer >> 32 & _KEYS):
                twice = duplicates(body, value)
                if twice:
                    return self._broken(twice)
            document = cast("dict[str, object]", value)
            return Payload(
                b"".join(out),
                self._key(document) if self._key is not None else None,
                self._time(document) if self._time is not None else None,
                answer >> 64,
            )
        return self._rejected(body, value, cast("Fault | Faults", answer))

    def _rejected(self, body: bytes, value: object, answer: Fault | Faults) -> Rejected:
        if len(body) < SAFE_BYTES and too_deep(body):
            return self._broken((depth_broken(),))
        if isinstance(answer, Fault):
            faults = Faults()
            add(faults, answer, None)
        else:
            faults = answer
        if not is_surely_unique(body, faults.keys & _KEYS, faults.keys >> 32):
            twice = duplicates(body, value)
            if twice:
                return self._broken(twice)
        return Rejected(violations=faults.violations(), omitted=faults.omitted)

    def _broken(self, broken: tuple[Broken, ...]) -> Rejected:
        return Rejected(
            violations=tuple(
                Violation(
                    pointer=pointer(self._shown(one.path)),
                    rule=one.rule,
                    detail=one.detail,
                    expected="strict JSON (RFC 8259)",
                    byte_offset=one.byte_offset,
                )
                for one in broken[:MAX_VIOLATIONS]
            ),
            malformed=True,
        )

    def _shown(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """A path without the names that a sender chose inside sensitive fields."""
        shown: list[str | int] = []
        at, hidden = "", all(row.sensitive for row in self._fields)
        known = {row.path for row in self._fields}
        for step in path:
            if isinstance(step, str):
                inner = f"{at}.{step}" if at else step
                if inner in known:
                    at = inner
                    hidden = hidden or inner in self._hidden
                elif hidden:
                    step = "*"
            shown.append(step)
        return tuple(shown)

    def key_bytes(self, key: str | bytes) -> bytes:
        """An explicit key as the record key that the contract's key field would give (a uuid lower-cased, for one).

        Raises ValueError for what that field could never give.
        """
        return explicit_key(self._schema, self._path, key)

    def fields(self) -> tuple[FieldDoc, ...]:
        """Every field in document order, nested ones after their parent; a recursive type is listed once."""
        return self._fields

    def example(self) -> bytes:
        """A valid event as plain JSON, the same each time.

        A field's `example` or `examples` come first, then its default, then a value made for its rules. Raises
        `ContractError` where a required field has rules for which no value was found: give it an `example`.
        """
        example = self._make_example()
        if isinstance(example, NoExample):
            raise ContractError('no example is valid: give the fields with a pattern an "example"')
        return msgspec.json.encode(example)


def _unreadable(stopped: BrokenBytes, value: bytes, unsent: int) -> Rejected:
    violation = stopped.violation(unsent)
    if len(value) == unsent:
        violation = msgspec.structs.replace(
            violation, hint="a tombstone has no binary form: send null as application/json, with a key beside it"
        )
    return Rejected(violations=(violation,), malformed=True)


def _rules(source: VersionSource) -> dict[str, tuple[Rule, ...]]:
    rules: dict[str, tuple[Rule, ...]] = {}
    for given in source.rules:
        for keyword in given.keywords:
            if keyword not in KEYWORDS:
                hint = did_you_mean(keyword, KEYWORDS)
                raise ContractError(f'unknown rule "{keyword}" for {given.path}{"; " + hint if hint else ""}')
        made = tuple(Rule(keyword, value, "") for keyword, value in given.keywords.items())
        rules[given.path] = rules.get(given.path, ()) + made
    return rules


def compile_avro(source: VersionSource, sensitive: frozenset[str] = frozenset()) -> AvroCodec:
    """The codec of one version. `sensitive` are dotted paths. Raises `ContractError` for what cannot be served."""
    schema = parse_schema(source.schema)
    if not isinstance(schema, Record):
        raise ContractError("the top level of a contract must be a record")
    check_references(parse(source.schema.encode("utf-8", "surrogatepass"), 256))
    try:
        return AvroCodec(source, schema, sensitive)
    except RecursionError:
        raise ContractError("the types of the schema stand too deeply inside each other") from None
