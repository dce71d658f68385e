"""A client's counters as its users see them: one frozen value. Made by both shells."""

from dataclasses import dataclass

from tidegate.shell.core import Core

__all__ = ["Stats", "stats_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Numbers since the client was made (in a forked child: since the fork), and how much is queued now.

    `accepted` into the queue, of those `unjudged` without a local verdict; `rejected` by the local verdict, never queued. `delivered` have a
    receipt; `undelivered` ended without one, of those `expired` at their deadline, `dropped` for room, `abandoned` at close. `requests`
    sent, `failures` of them without a useful answer; `attempts` counts events in requests, `retries` those that were not an event's first.
    `spooled`: acknowledged by the spool; `drained` out of it with a receipt, `spool_lost` without one, an earlier process's included.
    `queued`: without an outcome now.
    """

    accepted: int
    unjudged: int
    rejected: int
    delivered: int
    undelivered: int
    expired: int
    dropped: int
    abandoned: int
    requests: int
    failures: int
    attempts: int
    retries: int
    spooled: int
    drained: int
    spool_lost: int
    queued: int


def stats_of(core: Core) -> Stats:
    """The snapshot."""
    counters, inbox = core.counters, core.inbox
    return Stats(
        accepted=inbox.accepted,
        unjudged=inbox.unjudged,
        rejected=counters.rejected,
        delivered=counters.delivered,
        undelivered=counters.undelivered,
        expired=counters.expired,
        dropped=counters.dropped,
        abandoned=counters.abandoned,
        requests=counters.requests,
        failures=counters.failures,
        attempts=counters.attempts,
        retries=counters.retries,
        spooled=counters.spooled,
        drained=counters.drained,
        spool_lost=counters.spool_lost,
        queued=inbox.accepted - counters.delivered - counters.undelivered - counters.spooled,
    )
