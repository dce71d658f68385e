"""What a client counts: plain integers. The engine and the shells count, users read a snapshot. No lock: each number has one writer."""

from dataclasses import dataclass

__all__ = ["Counters"]


@dataclass(slots=True, kw_only=True)
class Counters:
    """Numbers since the client was made (in a forked child: since the fork).

    `delivered` have a receipt, `undelivered` have none (all reasons); of those `expired` at their deadline,
    `dropped` for room, `abandoned` at close. `rejected`: refused by the local verdict, never queued.
    `requests` sent, `failures` of them without a useful answer; `attempts` counts events in requests, `retries` those that were not the first.
    `spooled`: written to the spool; `drained` out of it with a receipt, `spool_lost` without one (an earlier process's included).
    """

    delivered: int = 0
    undelivered: int = 0
    expired: int = 0
    dropped: int = 0
    abandoned: int = 0
    rejected: int = 0
    requests: int = 0
    failures: int = 0
    attempts: int = 0
    retries: int = 0
    spooled: int = 0
    drained: int = 0
    spool_lost: int = 0
