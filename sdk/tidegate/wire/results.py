"""A receipt as its reader sees it: one shape for every status, those of a later gateway included.

`receipt` is the writer's view, a closed union; a reader that closed it too would break on the day a status is added.
"""

from typing import Final

import msgspec

from tidegate.wire.problem import Problem

__all__ = ["SPOOLED", "ReceiptLines", "ResultLine"]

SPOOLED: Final = "spooled"
"""The status of an event that is safe in the producer's own spool, and on its way. Said by the SDK, never by a gateway."""


class ResultLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What became of one event.

    `status`: `stored`, `valid`, `rejected`, `failed`, `spooled` (by the SDK itself), or one that came later (`duplicate`, `quarantined`). `partition`, `offset`:
    where it is stored (offset -1: stored, the broker did not say where). `version`, `schema_id`: what it was judged by. `dropped`: unknown
    fields left out. `error`: for `rejected` and `failed`.
    """

    id: str
    status: str
    partition: int | None = None
    offset: int | None = None
    version: int | None = None
    schema_id: int | None = None
    dropped: int = 0
    error: Problem | None = None


class ReceiptLines(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The lines of a batch, in the order of its events."""

    results: list[ResultLine]
    topic: str = ""
