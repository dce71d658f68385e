"""What a producer gets back for each event: stored and where, valid, or why not.

The results are a union told apart by `status`, with room for later outcomes; readers tolerate those they do not know.
"""

from collections.abc import Sequence

import msgspec

from tidegate.wire.problem import Problem

__all__ = ["Failed", "Receipt", "Rejected", "Result", "Stored", "Valid"]


class _Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="status"):
    id: str


class Stored(_Result, tag="stored", frozen=True, kw_only=True):
    """In Kafka, acknowledged by all in-sync replicas. `offset` counts within the partition. `dropped` unknown fields were left out."""

    partition: int
    offset: int
    version: int
    schema_id: int
    dropped: int = 0


class Valid(_Result, tag="valid", frozen=True, kw_only=True):
    """Satisfies its contract; nothing was published (`:validate`)."""

    version: int
    schema_id: int
    dropped: int = 0


class Rejected(_Result, tag="rejected", frozen=True, kw_only=True):
    """Refused for what it is: the same event will be refused again."""

    error: Problem


class Failed(_Result, tag="failed", frozen=True, kw_only=True):
    """Not stored, or not known to be stored, for no fault of the event: `error.retryable` says whether to try again."""

    error: Problem


Result = Stored | Valid | Rejected | Failed


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The results of a batch, one for each event, in the order of the events."""

    topic: str
    results: Sequence[Result]
