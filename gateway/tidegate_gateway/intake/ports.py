"""What the intake needs from outside, and nothing of how it is done. Adapters implement these; `app` chooses them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tidegate.contracts.source import Limits
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.intake.limits import Allowance
from tidegate_gateway.intake.principal import Principal
from tidegate_gateway.intake.submission import Admission, Line

__all__ = [
    "Authenticator", "Limiter", "NotStored", "Observer", "Outcome", "Publisher", "Record", "RecordRefused", "RecordStored", "Unknown",
]  # fmt: skip


class Record(msgspec.Struct, frozen=True, gc=False):
    """One Kafka record, ready to be stored. `value` None is a tombstone. `timestamp_ms` counts from 1970 UTC. `partition`: the one that
    the producer asks for, from 0; None: by its key."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int
    partition: int | None = None


class RecordStored(msgspec.Struct, frozen=True, gc=False):
    """Acknowledged by all in-sync replicas.

    `offset` -1: stored by an earlier attempt of the same batch, and Kafka no longer knows where (DuplicateSequenceNumber).
    """

    partition: int
    offset: int


class RecordRefused(msgspec.Struct, frozen=True):
    """The topic would never take this record: too large, a time outside its bounds, no key where it is compacted, a partition that it
    does not have.

    `code` is `too_large` or `contract_violation`; of the latter, `violation` says what is wrong.
    """

    code: Code
    detail: str
    violation: Violation | None = None


class NotStored(msgspec.Struct, frozen=True):
    """Surely not stored; the same record may be sent again. `code`: `broker_unavailable`, `overloaded`, `after_failure`."""

    code: Code
    detail: str
    retry_after_s: float = 1.0


class Unknown(msgspec.Struct, frozen=True):
    """Sent, and no acknowledgement before the deadline: stored or not, nobody knows."""

    detail: str


Outcome = RecordStored | RecordRefused | NotStored | Unknown


class Publisher(Protocol):
    """Where accepted events go. An acknowledgement means stored: acks=all, idempotent."""

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float) -> Sequence[Outcome]:
        """Store the records of one submission: an outcome for each, in their order, within `timeout_s` seconds.

        Records of one key keep their order; after one of them is `NotStored`, later ones of its key (or partition) in
        this call are not attempted (`after_failure`). Raises nothing for a fault of the broker. Only topics of the
        catalogue may be given. Cancelling the call does not take back what was sent.
        """
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether events could be stored now, and a phrase that says why (not). Never waits."""
        ...


class Authenticator(Protocol):
    """Who sends a token."""

    async def authenticate(self, token: str | None) -> Principal:
        """The verified principal. Raises `unauthenticated`, one text whatever was wrong; `overloaded` where keys are away."""
        ...


class Limiter(Protocol):
    """The rate of principals and topics."""

    async def take(
        self,
        principal: Principal,
        topic: str,
        events: int,
        size_bytes: int,
        limits: Limits | None,
        topic_limits: Limits | None,
    ) -> Allowance:
        """Spend what a submission costs, all of it or nothing. Never waits longer than its adapter's own short bound."""
        ...


class Observer(Protocol):
    """Metrics and logs: told of every submission that was judged. Must not raise, wait or keep what it is given."""

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        """`stored_times_ms` are the event times of the stored ones; `publish_s` how long the publisher took, if asked."""
        ...
