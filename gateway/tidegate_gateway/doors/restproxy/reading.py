"""The body of a produce request taken apart: its schema, and its records one by one. Called by `door`; pure.

Source: Confluent REST Proxy API reference v2, "POST /topics/{topic}": embedded formats binary, json, avro, protobuf.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from tidegate.contracts.avro.binary import decode_base64
from tidegate.contracts.media import AVRO_FRAMED, AVRO_JSON, JSON, PROTOBUF_FRAMED
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.doors.rest.events import unreadable_text
from tidegate_gateway.doors.rest.members import duplicate_member, members_at_most
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Incoming, Unreadable

__all__ = ["EMBEDDED", "Embedded", "Produce", "embedded_of", "produce_of", "records_of"]

_WHAT = '{"records": [...]}'
_NULL = b"null"
_FRAMED = {"avro": AVRO_FRAMED, "protobuf": PROTOBUF_FRAMED}
_PREFIX = "application/vnd.kafka."
_MEDIA = re.compile(r"application/vnd\.kafka\.(?P<format>[a-z]+)(?:\.v2)?\+json").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One embedded format: its name, and the schema format that contracts for it have (empty: any)."""

    name: str
    schemas: str = ""

    @property
    def media_type(self) -> str:
        """As it is written in Content-Type."""
        return f"{_PREFIX}{self.name}.v2+json"


EMBEDDED = {
    form.name: form
    for form in (
        Embedded(name="json"),
        Embedded(name="avro", schemas="avro"),
        Embedded(name="protobuf", schemas="protobuf"),
        Embedded(name="binary"),
    )
}


class Produce(msgspec.Struct):
    """The request's own members; others are not looked at, as a REST proxy does. Records are read one by one."""

    records: list[msgspec.Raw]
    key_schema: str | None = None
    key_schema_id: int | None = None
    value_schema: str | None = None
    value_schema_id: int | None = None


_MEMBERS = tuple(b'"%b"' % name.encode() for name in Produce.__struct_fields__)


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    key: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    partition: int | None = None


_decode_produce = msgspec.json.Decoder(Produce).decode
_decode_record = msgspec.json.Decoder(_Record).decode
_decode_key = msgspec.json.Decoder(str | int | dict[str, str | int]).decode
_decode_text = msgspec.json.Decoder(str).decode


def embedded_of(content_type: bytes | None) -> Embedded:
    """The format that a Content-Type names. Raises `unsupported_media`."""
    essence = (content_type or b"").decode("latin-1").partition(";")[0].strip().lower()
    named = _MEDIA(essence)
    found = EMBEDDED.get(named["format"]) if named is not None else None
    if found is None:
        accepted = tuple(form.media_type for form in EMBEDDED.values())
        raise Fault(
            Code.UNSUPPORTED_MEDIA,
            f"the Content-Type is none of Kafka REST v2; taken are {', '.join(accepted)}",
            accepted=accepted,
        )
    return found


def produce_of(body: bytes) -> Produce:
    """The request's body. Raises `malformed`."""
    try:
        produce = _decode_produce(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError) and "missing required" in str(error):
            missing = Violation(pointer="#/records", rule="required", detail="is missing", expected=_WHAT)
            raise _malformed(missing) from None
        raise _malformed(unreadable_text(body, error, _WHAT)) from None
    if any(body.count(name) > 1 for name in _MEMBERS):  # perhaps in a value; what stands twice would be lost in silence
        twice = duplicate_member(body)
        if twice is not None:
            raise _malformed(twice)
    return produce


def records_of(
    raws: Sequence[msgspec.Raw], embedded: Embedded, contract_format: str, version: int | None, partition: int | None
) -> Iterator[Incoming | Unreadable]:
    """Each record as the intake takes it, judged by `version` (None: the newest). `partition` is the path's, for all of them."""
    for raw in raws:
        yield _record(bytes(raw), embedded, contract_format, version, partition)


def _record(
    text: bytes, embedded: Embedded, contract_format: str, version: int | None, partition: int | None
) -> Incoming | Unreadable:
    try:
        record = _decode_record(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(violations=(unreadable_text(text, error, 'a record: {"key", "value", "partition"}'),))
    value, key_text = bytes(record.value) or _NULL, bytes(record.key) or _NULL
    present = bool(record.value) + bool(record.key) + (record.partition is not None)
    twice = None if members_at_most(text, bytes(record.value), present) else duplicate_member(text)
    if twice is not None:
        return Unreadable(violations=(twice,))
    key: str | bytes | None = None
    if key_text != _NULL:
        read = _key(key_text, embedded)
        if isinstance(read, Violation):
            return Unreadable(violations=(read,))
        key = read
    if record.partition is not None and partition is not None and record.partition != partition:
        wrong = Violation(
            pointer="#/partition",
            rule="malformed",
            detail="is another than the path's",
            expected=f"{partition}, or none",
        )
        return Unreadable(violations=(wrong,))
    incoming = Incoming(
        body=value, key=key, version=version, partition=record.partition if partition is None else partition
    )
    if embedded.name == "avro":
        incoming.media_type = AVRO_JSON
    elif embedded.name == "binary" and value != _NULL:
        try:
            incoming.body = decode_base64(_decode_text(value))
        except (msgspec.DecodeError, ValueError):
            return Unreadable(violations=(_no_base64("value"),))
        incoming.media_type = _FRAMED[contract_format]
    else:
        incoming.media_type = JSON
    return incoming


def _key(text: bytes, embedded: Embedded) -> str | bytes | Violation:
    """A key is text (an integer: its decimals; an Avro union's branch: its value), or base64 in the binary format."""
    if embedded.name == "binary":
        try:
            return b64decode(_decode_text(text), validate=True)
        except (msgspec.DecodeError, binascii.Error, ValueError):
            return _no_base64("key")
    try:
        key = _decode_key(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        key = {}
    if isinstance(key, dict):
        if embedded.name == "avro" and len(key) == 1:
            ((branch, tagged),) = key.items()
            if branch in {"string", "int", "long"}:
                return str(tagged)
        return Violation(
            pointer="#/key", rule="type", detail="is no key", expected="string or integer: keys here are text"
        )
    return str(key)


def _no_base64(name: str) -> Violation:
    return Violation(pointer=f"#/{name}", rule="encoding", detail="is not base64", expected="base64 (RFC 4648)")


def _malformed(violation: Violation) -> Fault:
    where = "" if violation.pointer == "#" else f"{violation.pointer.removeprefix('#/')} "
    return Fault(Code.MALFORMED, f"{where}{violation.detail}", violations=(violation,))
