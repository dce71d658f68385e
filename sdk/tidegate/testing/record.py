"""What a fake gateway keeps of an event that it stored. A value; made by `gate`."""

from dataclasses import dataclass

import msgspec

from tidegate.contracts.media import JSON

__all__ = ["Received"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One stored event.

    `body` in `media_type` as it was sent, `record` as Kafka would hold it (framed; None: a tombstone, or no contract judged it). `record_key`: the record's
    key. `version`: of the contract that judged, None where none did. `offset` counts the topic's events from 0.
    """

    id: str
    topic: str
    body: bytes
    media_type: str
    record: bytes | None
    record_key: bytes | None
    headers: dict[str, str]
    version: int | None
    offset: int

    @property
    def value(self) -> object:
        """The value as plain data. Raises `ValueError` for an encoded one (Avro, Protobuf): look at `body`."""
        if self.media_type.partition(";")[0].strip() != JSON:
            raise ValueError(f"the event is {self.media_type}: look at its body")
        return msgspec.json.decode(self.body)
