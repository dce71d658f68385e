"""What the spool keeps of an event, and how much of them: the record with its checksum, and the bound. Pure; `shell.spool_file` puts it on disk."""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import msgspec

from tidegate.outgoing import EVENT_OVERHEAD_BYTES, Outcome, Outgoing

__all__ = ["MAX_BYTES", "ROW_BYTES", "SpoolBound", "decode_record", "encode_record"]

MAX_BYTES: Final = 1024 * 1024 * 1024
ROW_BYTES: Final = 100
"""What a row takes on disk beside its record, about."""
_CHECKSUM_BYTES: Final = 4
_NEVER: Final = float("inf")


class _KeyTold(msgspec.Struct, frozen=True, array_like=True):
    """MessagePack tells text and bytes apart, a union of both in msgspec does not: the key's kind is kept beside it."""

    text: str | None
    raw: bytes | None


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """An event as it lies on disk. New members go to the end, with defaults: a newer SDK reads what an older one left."""

    id: str
    body: bytes
    media_type: str
    key: _KeyTold
    lane_key: bytes
    judged: bool
    headers: dict[str, str] | None
    time: str | None
    version: int | None
    maybe_stored: bool


_encoder = msgspec.msgpack.Encoder()
_decode_row = msgspec.msgpack.Decoder(_Row).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolBound:
    """How much a spool may hold: `max_bytes` of records, rows included."""

    max_bytes: int = MAX_BYTES

    def fits(self, held_bytes: int, more_bytes: int) -> bool:
        """Whether so much more may be kept."""
        return held_bytes + more_bytes <= self.max_bytes


def encode_record(event: Outgoing) -> bytes:
    """The event as it is kept, its CRC-32 first."""
    key = _KeyTold(
        event.key if isinstance(event.key, str) else None, event.key if isinstance(event.key, bytes) else None
    )
    row = _Row(
        event.id,
        event.body,
        event.media_type,
        key,
        event.lane_key,
        event.judged,
        event.headers,
        event.time,
        event.version,
        event.maybe_stored,
    )
    text = _encoder.encode(row)
    return crc32(text).to_bytes(_CHECKSUM_BYTES, "big") + text


def decode_record(topic: str, record: bytes) -> Outgoing | None:
    """The event back, to be sent again without a deadline; None where the record is damaged."""
    checksum, text = record[:_CHECKSUM_BYTES], record[_CHECKSUM_BYTES:]
    if crc32(text).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        return None
    try:
        row = _decode_row(text)
    except msgspec.DecodeError:  # written by another release in a way that this one does not know
        return None
    return Outgoing(
        id=row.id,
        topic=topic,
        body=row.body,
        media_type=row.media_type,
        size_bytes=len(row.body) + EVENT_OVERHEAD_BYTES,
        at=0.0,
        deadline=_NEVER,
        on_settled=_nobody,
        key=row.key.text if row.key.text is not None else row.key.raw,
        lane_key=row.lane_key,
        judged=row.judged,
        headers=row.headers,
        time=row.time,
        version=row.version,
        maybe_stored=row.maybe_stored,
        spooled=True,
    )


def _nobody(event: Outgoing, outcome: Outcome) -> None:
    """Whoever submitted it was told that it is spooled."""
