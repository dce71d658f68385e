"""The Avro codec: a version's schema compiled once, then bytes in and the framed encoding or every violation out.

Called by `compiled`. The order of a check: nothing that could hurt a decoder, one strict decode, one pass that encodes and
judges, proof that the text had no duplicate keys and no hidden depth. Other media types get their own decode in front of
the same writers.
"""

from collections.abc import Callable
from typing import cast

import msgspec

from tidegate.contracts.avro.compiler import Compiler
from tidegate.contracts.avro.examples import NoExample
from tidegate.contracts.avro.faults import COLON, DROPPED, Fault, Faults, add
from tidegate.contracts.avro.keys import explicit_key, key_reader, time_reader
from tidegate.contracts.avro.keywords import Rule
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import Record
from tidegate.contracts.codec import ContractError, FieldDoc, Payload
from tidegate.contracts.framing import avro_frame
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
    too_deep,
)
from tidegate.contracts.rules import KEYWORDS
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import MAX_VIOLATIONS, Rejected, Violation
from tidegate.contracts.wording import did_you_mean, pointer

__all__ = ["AvroCodec", "compile_avro"]

_MEDIA_TYPES = frozenset({"application/json"})
_KEYS = COLON - 1
_SHALLOWEST_BYTES = 130


class AvroCodec:
    """One version's schema, ready to judge. Immutable; shared by every request and thread."""

    __slots__ = (
        "_decode",
        "_fields",
        "_frame",
        "_hidden",
        "_key",
        "_make_example",
        "_path",
        "_schema",
        "_shallow",
        "_time",
        "_write",
    )

    def __init__(self, source: VersionSource, schema: Record, sensitive: frozenset[str]) -> None:
        compiler = Compiler(rules=_rules(source), sensitive=sensitive, drop=source.unknown_fields == "drop")
        node = compiler.record(schema)
        self._schema = schema
        self._write = node.write
        self._make_example = node.example
        self._fields = tuple(compiler.docs)
        self._hidden = frozenset(row.path for row in self._fields if row.sensitive)
        self._shallow = not compiler.recursive
        self._decode: Callable[[bytes], object] = decode_exact if compiler.decimals else decode_floats
        self._frame = avro_frame(source.schema_id)
        self._path = source.key
        self._key = key_reader(schema, source.key) if source.key is not None else None
        self._time = time_reader(schema, source.event_time) if source.event_time is not None else None

    @property
    def media_types(self) -> frozenset[str]:
        """The media types (without parameters) that `check` takes."""
        return _MEDIA_TYPES

    @property
    def has_key(self) -> bool:
        """Whether the contract takes the record's key from a field."""
        return self._key is not None

    def check(self, body: bytes, media_type: str = "application/json") -> Payload | Rejected:
        """The whole verdict on `body`, plain JSON. Raises nothing for any `body`, ValueError for another media type."""
        if media_type not in _MEDIA_TYPES:
            raise ValueError(f"this codec does not take {media_type}")
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
    return AvroCodec(source, schema, sensitive)
