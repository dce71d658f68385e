"""A contract compiled: the schema's verdict joined with what the event itself brings (version, key, time, tombstone).

The one way in for the SDK and the gateway alike. Pure: no file, clock, socket or log.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tidegate.contracts.codec import Codec, ContractError, Payload
from tidegate.contracts.framing import framed_id
from tidegate.contracts.media import AVRO_JSON, JSON
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.contracts.times import event_time_ms
from tidegate.contracts.verdict import MAX_VIOLATIONS, Encoded, Rejected, Verdict, Violation
from tidegate.contracts.wording import found

__all__ = ["CompiledContract", "CompiledVersion", "compile_contract", "compile_version", "verdict_of"]

_NULL = b"null"
_TEXTS = (JSON, AVRO_JSON)
_JSON_SPACE = b" \t\r\n"


class CompiledVersion:
    """One version of a contract, ready to judge. Immutable; shared by every request."""

    __slots__ = ("_codec", "_key_anchor", "_key_pointer", "_tombstones", "source", "topic")

    def __init__(self, topic: str, source: VersionSource, codec: Codec, key_path: str = "") -> None:
        """`key_path` is the key's field as the docs name it, where that is not `source.key`."""
        self.topic = topic
        self.source = source
        self._codec = codec
        self._tombstones = source.tombstones == "allow"
        self._key_anchor = key_path or source.key or ""
        self._key_pointer = "#/" + self._key_anchor.replace(".", "/") if self._key_anchor else "#"

    @property
    def number(self) -> int:
        """The version's number, from 1; 0 for a working copy."""
        return self.source.number

    @property
    def schema_id(self) -> int:
        """The id that the Confluent frame carries."""
        return self.source.schema_id

    @property
    def codec(self) -> Codec:
        """The schema's part, for docs and examples."""
        return self._codec

    @property
    def media_types(self) -> frozenset[str]:
        """The media types (without parameters) that `check` takes."""
        return self._codec.media_types

    def check(
        self, body: bytes, media_type: str = JSON, *, key: str | bytes | None = None, time: str | None = None
    ) -> Verdict:
        """The verdict on one event.

        `body` is the value as sent, in `media_type` (one of `media_types`). `key` and `time` (RFC 3339) are what the
        event itself says. Answers the record to store, or all violations. Raises nothing for any body, key or time.
        """
        if media_type in _TEXTS and body.strip(_JSON_SPACE) == _NULL:
            return self._tombstone(key, time)
        payload = self._codec.check(body, media_type)
        if key is None and time is None:
            return verdict_of(payload)

        wrong: list[Violation] = []
        time_ms = self._time_ms(time, wrong)
        given = self._given_key(key)
        if isinstance(payload, Rejected):
            if key is not None and given is None and not payload.malformed:
                wrong.append(self._key_mismatch())
            return _with(payload, wrong)
        record_key = payload.key
        if key is not None:
            if not self._codec.has_key:
                record_key = given
            elif given is None or given != record_key:
                wrong.append(self._key_mismatch())
        if wrong:
            return Rejected(violations=tuple(wrong))
        return Encoded(
            value=payload.value,
            key=record_key,
            time_ms=payload.time_ms if payload.time_ms is not None else time_ms,
            dropped=payload.dropped,
        )

    def _given_key(self, key: str | bytes | None) -> bytes | None:
        """An explicit key's bytes; None where there is none, or where the key field could never give it."""
        try:
            return None if key is None else self._codec.key_bytes(key)
        except ValueError:
            return None

    def _key_mismatch(self) -> Violation:
        return Violation(
            pointer=self._key_pointer,
            rule="key_mismatch",
            detail="is not the key that the event brings",
            expected=f"the key to be the value of {self._key_anchor}, or no key",
            hint="leave the key out: the contract takes it from the field",
            docs=self._key_anchor,
        )

    def _time_ms(self, time: str | None, wrong: list[Violation]) -> int | None:
        if time is None:
            return None
        try:
            return event_time_ms(time)
        except ValueError as error:
            wrong.append(
                Violation(
                    pointer="#",
                    rule="event_time",
                    detail=f"has a time of its own that {error}",
                    expected="RFC 3339 date-time with offset, like 2026-01-31T12:00:00Z",
                    found=found(time),
                )
            )
            return None

    def _tombstone(self, key: str | bytes | None, time: str | None) -> Verdict:
        wrong: list[Violation] = []
        time_ms = self._time_ms(time, wrong)
        if not self._tombstones:
            wrong.insert(
                0,
                Violation(
                    pointer="#",
                    rule="tombstone",
                    detail="is null, and the contract allows no tombstones",
                    expected="an object",
                    found="null",
                ),
            )
        elif key is None:
            wrong.insert(
                0,
                Violation(
                    pointer="#",
                    rule="tombstone",
                    detail="is null: a tombstone needs an explicit key, since no field can give it",
                    expected="a key beside the null value",
                    found="null",
                    hint="send the key in Event-Key, or as `key` in a batch",
                    docs=self._key_anchor,
                ),
            )
        record_key = b""
        if key is not None:
            try:
                record_key = self._codec.key_bytes(key)
            except ValueError as error:
                wrong.append(self._impossible_key(str(error)))
        if wrong:
            return Rejected(violations=tuple(wrong))
        return Encoded(value=None, key=record_key, time_ms=time_ms)

    def _impossible_key(self, reason: str) -> Violation:
        return Violation(
            pointer="#",
            rule="key",
            detail=f"has a key that {reason}",
            expected=f"a key that {self._key_anchor} can give",
            docs=self._key_anchor,
        )


def verdict_of(payload: Payload | Rejected) -> Verdict:
    """A codec's answer as the verdict on an event that brings neither key nor time of its own."""
    if isinstance(payload, Rejected):
        return payload
    return Encoded(value=payload.value, key=payload.key, time_ms=payload.time_ms, dropped=payload.dropped)


def _with(rejected: Rejected, more: list[Violation]) -> Rejected:
    if not more:
        return rejected
    room = MAX_VIOLATIONS - len(rejected.violations)
    return Rejected(
        violations=rejected.violations + tuple(more[: max(room, 0)]),
        omitted=rejected.omitted + len(more) - max(min(room, len(more)), 0),
        malformed=rejected.malformed,
    )


class CompiledContract:
    """All versions of one contract and its live part. Immutable; one value for each snapshot of the catalogue."""

    __slots__ = ("_by_id", "newest", "source", "topic", "versions")

    def __init__(self, source: ContractSource, versions: Mapping[int, CompiledVersion]) -> None:
        self.source = source
        self.topic = source.topic
        self.versions: Mapping[int, CompiledVersion] = MappingProxyType(dict(sorted(versions.items())))
        self.newest = versions[max(versions)] if 0 not in versions else versions[0]
        self._by_id = {version.schema_id: version for version in self.versions.values()}

    def version(self, number: int | None) -> CompiledVersion | None:
        """The version asked for, or the newest (a working copy where one is served); None where there is none such."""
        return self.newest if number is None else self.versions.get(number)

    def framed_version(self, body: bytes) -> CompiledVersion | None:
        """The version whose schema id stands in a body's Confluent frame; None where there is no frame or no such version.

        Of versions with the same schema text, and so the same id, the newest.
        """
        schema_id = framed_id(body)
        return self._by_id.get(schema_id) if schema_id is not None else None


def compile_version(topic: str, source: VersionSource, sensitive: frozenset[str] = frozenset()) -> CompiledVersion:
    """One version compiled. Raises `ContractError` for what cannot be served, naming the place in the schema."""
    if source.format == "avro":
        from tidegate.contracts.avro.codec import compile_avro

        return CompiledVersion(topic, source, compile_avro(source, sensitive))
    try:  # an extra: `tidegate[protobuf]`
        from tidegate.contracts.protobuf.codec import compile_protobuf
    except ImportError as error:
        raise ContractError(
            f"a Protobuf contract needs the extra tidegate[protobuf] ({error.name} is not installed)"
        ) from error

    codec = compile_protobuf(source, sensitive)
    return CompiledVersion(topic, source, codec, codec.key_path)


def compile_contract(source: ContractSource, known: CompiledContract | None = None) -> CompiledContract:
    """Every version compiled; those unchanged since `known` (equal source and sensitive fields) are taken from it.

    Raises `ContractError` where one version cannot be served: a contract is served whole or not at all.
    """
    sensitive = frozenset(source.sensitive)
    same_rest = known is not None and known.topic == source.topic and known.source.sensitive == source.sensitive
    compiled: dict[int, CompiledVersion] = {}
    for version in source.versions:
        old = known.versions.get(version.number) if known is not None and same_rest else None
        compiled[version.number] = (
            old if old is not None and old.source == version else compile_version(source.topic, version, sensitive)
        )
    if not compiled:
        raise ContractError(
            f"{source.topic} has no released version; `tidegate release {source.topic}` makes the first"
        )
    return CompiledContract(source, compiled)
