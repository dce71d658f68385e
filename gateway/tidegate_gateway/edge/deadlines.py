"""How long a connection may keep us waiting, by what it is in. Pure: `now_s` is any monotonic clock's seconds.

Asked by `protocol` at every sweep of a port.
"""

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Deadlines", "Leaving", "Phase", "still_leaving"]

_LINGER_S = 2.0
_PROGRESS_BYTES = 65_536


class Phase(Enum):
    """What a connection waits for: NEW, its first byte; HEAD, the rest of a head; ANSWERING, us; UNREAD_BODY, the rest of a
    body whose answer is out; IDLE, the next request; HUNG_UP, its other end, after a refusal.
    """

    NEW = auto()
    HEAD = auto()
    ANSWERING = auto()
    UNREAD_BODY = auto()
    IDLE = auto()
    HUNG_UP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """In seconds. `head_s`, absolute: for a head from its first byte (of a new connection: from its start), and for the
    rest of a body that was answered early. `idle_s`: between an answer and the next request's first byte.
    """

    head_s: float = 10.0
    idle_s: float = 75.0

    def passed(self, phase: Phase, since_s: float, now_s: float) -> bool:
        """Whether a connection that is in `phase` since `since_s` has had its time."""
        match phase:
            case Phase.ANSWERING:
                return False  # the application's own deadlines hold: for the body, for Kafka
            case Phase.IDLE:
                return now_s - since_s > self.idle_s
            case Phase.HUNG_UP:
                return now_s - since_s > _LINGER_S
            case _:
                return now_s - since_s > self.head_s


@dataclass(frozen=True, slots=True)
class Leaving:
    """Answers wait for a peer: `taken_bytes` is all that it ever took, as it was at `since_s`."""

    taken_bytes: int
    since_s: float


def still_leaving(before: Leaving | None, left_bytes: int, taken_bytes: int, now_s: float) -> Leaving | None:
    """What is to be noted of `left_bytes` that wait for a peer now: its clock starts anew for every 64 KiB that it takes.

    So a slow reader has `head_s` for each 64 KiB (6.5 kB/s by default), and one that stands still is seen.
    """
    if not left_bytes:
        return None
    if before is None or taken_bytes - before.taken_bytes >= _PROGRESS_BYTES:
        return Leaving(taken_bytes, now_s)
    return before
