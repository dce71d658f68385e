"""The Protobuf half of the verdict: ProtoJSON or binary in, framed Protobuf binary out, or every violation.

`compiled.compile_version` calls `compile_protobuf`; nobody else does. The steps of a check: strict JSON (`jsontext`) and
the structure (`structure`), or the walk over the bytes (`binary`); the message (protobuf-py), the rules (protovalidate).
Nothing here reads a file or a clock; a protovalidate rule that names `now` does.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from protobuf import DescMessage, Message, message_from_json_value
from protovalidate import CompilationError, EvaluationError, Validator
from protovalidate import Violation as RuleViolation

from tidegate.contracts.codec import ContractError, FieldDoc, Payload
from tidegate.contracts.framing import FRAME_BYTES, protobuf_frame
from tidegate.contracts.jsontext import (
    DECODE_ERRORS,
    Broken,
    count_keys,
    decode_floats,
    depth_broken,
    describe,
    duplicates,
    is_surely_unique,
    too_deep,
)
from tidegate.contracts.media import JSON, PROTOBUF, PROTOBUF_FRAMED
from tidegate.contracts.protobuf.answers import (
    NULL,
    REFUSED,
    TOO_DEEP,
    malformed,
    rejected,
    unjudged,
    unreadable,
    wrong_frame,
)
from tidegate.contracts.protobuf.binary import TOO_DEEP_RULE, BinaryMessage, compile_binary
from tidegate.contracts.protobuf.example import examples
from tidegate.contracts.protobuf.faults import Fault, Report
from tidegate.contracts.protobuf.fields import field_docs
from tidegate.contracts.protobuf.judgement import Judge, Judged
from tidegate.contracts.protobuf.linking import Pool
from tidegate.contracts.protobuf.nesting import CONTAINERS_PER_LIMIT, MAX_MESSAGES, messages_below
from tidegate.contracts.protobuf.partial import Path, Spoiled, spoiled_members, without
from tidegate.contracts.protobuf.parts import KeyPart, TimePart, compile_key, compile_time
from tidegate.contracts.protobuf.places import Positions
from tidegate.contracts.protobuf.rule_fields import check_rule_fields
from tidegate.contracts.protobuf.schema import is_redacted, json_paths, load_message, reachable
from tidegate.contracts.protobuf.secrets import Secrets
from tidegate.contracts.protobuf.structure import MessageCheck, compile_structure
from tidegate.contracts.protobuf.wire import Unreadable
from tidegate.contracts.protobuf.wire_tree import tree_of
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import MAX_VIOLATIONS, Rejected, Violation
from tidegate.contracts.wording import pointer

if TYPE_CHECKING:
    from protobuf._typing import JsonValue

__all__ = ["ProtobufCodec", "compile_protobuf"]

_MEDIA_TYPES = frozenset({JSON, PROTOBUF, PROTOBUF_FRAMED})
_MOST_VALUES = 2000  # in an event whose broken rules are all listed: each costs tens of microseconds
_FIRST_ONLY = (
    f"the first broken rule of an event with more than {_MOST_VALUES} values: others may follow once it is mended"
)
_OF_THE_DATA = (  # what a sound expression may say of one event, and so of the empty message at load
    "Key not found", "Index error", "cannot convert", "divide by zero", "modulus", "overflow", "out of range",
)  # fmt: skip


class _Event:
    """One event that is refused, as JSON. `offsets` are the bytes of a binary event's members."""

    __slots__ = ("is_huge", "offsets", "positions", "tree")

    def __init__(self, tree: object, offsets: Mapping[Path, int], *, is_huge: bool) -> None:
        self.tree = tree
        self.positions = Positions(tree)
        self.offsets = offsets
        self.is_huge = is_huge

    @property
    def hint(self) -> str:
        """What is said beside each broken rule."""
        return _FIRST_ONLY if self.is_huge else ""


class ProtobufCodec:
    """One version of a Protobuf contract, compiled (`codec.Codec`).

    Structural violations and those of rules are listed together, in the order of the document. Where the structure is
    broken, the faulty members are left out and the rest is judged; of that judgement only what no fault could have
    changed is listed: violations at places with no fault at, above or below them. An event with more than 2,000 values
    gets only the first broken rule, and is told so.
    """

    __slots__ = (
        "_binary",
        "_docs",
        "_drops",
        "_dynamic",
        "_example",
        "_frame",
        "_frames",
        "_judge",
        "_key",
        "_pool",
        "_root",
        "_rules",
        "_secrets",
        "_time",
        "_type",
    )

    def __init__(self, source: VersionSource, message: DescMessage, pool: Pool, sensitive: frozenset[str]) -> None:
        self._drops = source.unknown_fields == "drop"
        self._root: MessageCheck = compile_structure(message, drops=self._drops)
        self._binary: BinaryMessage = compile_binary(message, source.unknown_fields)
        self._type: type[Message] = message.type
        self._frame = protobuf_frame(source.schema_id, source.message_index)
        long_form = self._frame[:FRAME_BYTES] + b"\2\0"  # of the index [0], which some serialisers write
        self._frames = (self._frame, long_form) if tuple(source.message_index) == (0,) else (self._frame,)
        self._key: KeyPart | None = compile_key(message, source.key) if source.key else None
        self._time: TimePart | None = compile_time(message, source.event_time) if source.event_time else None
        hidden = json_paths(message, sensitive)
        used = tuple(reachable(message))
        redacted = any(is_redacted(field) for one in used for field in one.fields)
        self._secrets = Secrets(self._root, hidden, some=bool(sensitive) or redacted)
        self._judge = Judge(self._root, self._secrets)
        self._dynamic = any(one.type_name == "google.protobuf.Value" for one in used)
        self._pool = pool  # lives as long as one of its codecs
        self._rules: Validator = pool.validator
        needed = _compile_rules(self._rules, used)
        self._docs = field_docs(message, hidden, needed)
        candidates = tuple(examples(message))
        fitting = (one for one in candidates if isinstance(self.check(one, JSON), Payload))
        self._example = next(fitting, candidates[0])
        self._warm_up()

    def _warm_up(self) -> None:
        """A type's first use takes tens of milliseconds, a rule's first violation too: no event pays for them."""
        for body in (self._example, b"{}"):
            verdict = self.check(body, JSON)
            if isinstance(verdict, Payload):
                self.check(verdict.value, PROTOBUF_FRAMED)

    @property
    def media_types(self) -> frozenset[str]:
        """The media types (without parameters) that `check` takes."""
        return _MEDIA_TYPES

    @property
    def key_path(self) -> str:
        """The dotted path of the key's field in JSON's names; empty where the contract names none."""
        return ".".join(self._key.path) if self._key is not None else ""

    @property
    def has_key(self) -> bool:
        """Whether the contract takes the record's key from a field."""
        return self._key is not None

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        """The whole verdict on `body`: the framed encoding, or every violation. Raises nothing for any `body`."""
        if media_type == JSON:
            return self._check_json(body)
        if media_type == PROTOBUF:
            return self._check_binary(body, 0)
        frame = next((frame for frame in self._frames if body.startswith(frame)), None)
        if frame is None:
            return wrong_frame(self._frame)
        return self._check_binary(body, len(frame))

    def _check_json(self, body: bytes) -> Payload | Rejected:
        if too_deep(body):
            return malformed(self._secrets, depth_broken())
        try:
            tree = decode_floats(body)
        except DECODE_ERRORS as error:
            return malformed(self._secrets, describe(body, error))
        report = Report()
        is_huge = body.count(b",") > _MOST_VALUES
        if self._root.check(tree, report):
            if twice := _duplicates(body):
                return malformed(self._secrets, *twice)
            return NULL if tree is None else self._misshapen(_Event(tree, {}, is_huge=is_huge), report)
        if not is_surely_unique(body, report.keys, 0) and (twice := _duplicates(body)):
            return malformed(self._secrets, *twice)
        if self._dynamic and self._is_too_deep(body, tree):
            return TOO_DEEP
        try:
            message = message_from_json_value(self._type, cast("JsonValue", tree))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return REFUSED
        broken = self._broken_rules(message, first_only=is_huge)
        if isinstance(broken, Rejected):
            return broken
        key = self._key.of(message) if self._key is not None else None
        if broken or (key is None and self._key is not None):
            return self._refused(_Event(tree, {}, is_huge=is_huge), broken, has_key=key is not None)
        return self._stored(message, message.to_binary(), key, report)

    def _check_binary(self, body: bytes, begin: int) -> Payload | Rejected:
        """The verdict on a message that begins at `begin`. Stored are its very bytes, unless something is dropped."""
        report = Report()
        try:
            self._binary.walk(body, begin, len(body), report, 1, 0)
        except Unreadable as broken:
            return TOO_DEEP if broken.rule == TOO_DEEP_RULE else unreadable(self._secrets, broken)
        is_huge = report.values > _MOST_VALUES
        if report.count:
            return self._misshapen(_Event(*tree_of(self._binary, body, begin), is_huge=is_huge), report)
        data = body[begin:] if begin else body
        try:
            message = self._type.from_binary(data, ignore_unknown_fields=self._drops)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return REFUSED
        broken_rules = self._broken_rules(message, first_only=is_huge)
        if isinstance(broken_rules, Rejected):
            return broken_rules
        key = self._key.of(message) if self._key is not None else None
        if broken_rules or (key is None and self._key is not None):
            event = _Event(*tree_of(self._binary, body, begin), is_huge=is_huge)
            return self._refused(event, broken_rules, has_key=key is not None)
        return self._stored(message, message.to_binary() if report.dropped else data, key, report)

    def key_bytes(self, key: str | bytes) -> bytes:
        """An explicit key as the record key that the contract's key field would give. Raises ValueError where it never could."""
        data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
        if self._key is not None:
            self._key.check(data)
        return data

    def fields(self) -> tuple[FieldDoc, ...]:
        """Every field in document order, nested ones after their parent; a recursive type is listed once."""
        return self._docs

    def example(self) -> bytes:
        """A valid event as plain JSON, the same each time; valid but for what CEL rules and patterns may ask."""
        return self._example

    def _stored(self, message: Message, value: bytes, key: bytes | None, report: Report) -> Payload:
        return Payload(
            value=self._frame + value,
            key=key,
            time_ms=self._time.of(message) if self._time is not None else None,
            dropped=report.dropped,
        )

    def _is_too_deep(self, body: bytes, tree: object) -> bool:
        """Whether free-form JSON nests deeper in binary than readers go."""
        containers = body.count(b"{") + body.count(b"[")
        return containers > CONTAINERS_PER_LIMIT and messages_below(self._root, tree) > MAX_MESSAGES

    def _misshapen(self, event: _Event, report: Report) -> Rejected:
        """The refusal of an event whose structure is broken, with what its rules say of the rest."""
        faults = report.faults
        judged = self._beside(event, faults) if report.count < MAX_VIOLATIONS else []  # else the list is full
        return rejected(event.positions, faults, judged, self._secrets, report.count - len(faults))

    def _beside(self, event: _Event, faults: list[Fault]) -> list[Judged]:
        """What the rules say, beside the faults, where the faults cannot have changed it."""
        members, changing = spoiled_members(faults, event.tree)
        rest = without(event.tree, members)
        if rest is None:
            return []
        try:
            message = message_from_json_value(self._type, cast("JsonValue", rest))
            broken = self._rules.collect_violations(message, fail_fast=event.is_huge)
        except (ValueError, TypeError, OverflowError, RecursionError, EvaluationError):
            return []
        judged = self._judge.places(broken, event.positions, event.offsets, event.hint)
        if self._key is not None and self._key.of(message) is None:
            judged.append(_no_key(self._key, event.positions))
        spoiled = Spoiled(changing)
        return [one for one in judged if spoiled.is_apart(one.path)]

    def _broken_rules(self, message: Message, *, first_only: bool) -> list[RuleViolation] | Rejected:
        """Every broken rule; of an event with very many values only the first."""
        try:
            return self._rules.collect_violations(message, fail_fast=first_only)
        except EvaluationError as error:
            return unjudged(error)

    def _refused(self, event: _Event, broken: list[RuleViolation], *, has_key: bool) -> Rejected:
        """The refusal of an event whose structure is sound."""
        judged = self._judge.places(broken, event.positions, event.offsets, event.hint)
        omitted = len(broken) - len(judged)
        if not has_key and self._key is not None and all(one.path != self._key.path for one in judged):
            judged.append(_no_key(self._key, event.positions))
        return rejected(event.positions, [], judged, self._secrets, omitted)


def _duplicates(body: bytes) -> tuple[Broken, ...]:
    value = decode_floats(body)  # again: the walk may have dropped members of the first
    if is_surely_unique(body, count_keys(value), 0):
        return ()
    return duplicates(body, value)


def _no_key(key: KeyPart, positions: Positions) -> Judged:
    violation = Violation(
        pointer=pointer(key.path),
        rule="key",
        detail="is missing, and the contract takes the record's key from it",
        expected=key.expected,
        docs=".".join(key.path),
    )
    return Judged(key.path, positions.of(key.path), lambda: violation)


def _compile_rules(validator: Validator, used: tuple[DescMessage, ...]) -> frozenset[str]:
    """Compiles the rules of every message. Raises `ContractError` for one that cannot be.

    Answers the full names of the fields that may not be left out: those that a rule refuses in the empty message.
    """
    needed: set[str] = set()
    for message in used:
        check_rule_fields(message)
        try:
            broken = validator.collect_violations(message.type())
        except (CompilationError, EvaluationError) as error:
            if isinstance(error, EvaluationError) and any(words in str(error) for words in _OF_THE_DATA):
                continue
            raise ContractError(
                f"a rule of {message.type_name} cannot be compiled: {error}", pointer=message.type_name
            ) from error
        for one in broken:
            path = one.proto.field
            if path is not None and len(path.elements) == 1:
                needed.add(f"{message.type_name}.{path.elements[0].field_name}")
    return frozenset(needed)


def compile_protobuf(source: VersionSource, sensitive: frozenset[str]) -> ProtobufCodec:
    """One version's codec. `sensitive` holds dotted paths, in JSON's or the .proto file's names.

    Raises `ContractError` for descriptors, fields, paths and rules that this build cannot serve.
    """
    return ProtobufCodec(source, *load_message(source), sensitive)
