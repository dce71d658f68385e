"""Why events are not stored now, in words and with the time after which to ask again. Pure; called by `publisher`.

Retry-After is spread, so that producers who were refused together do not come back together. `random` is of [0, 1).
"""

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Lane
from tidegate_gateway.intake.ports import NotStored

__all__ = ["CLOSED", "LATE", "away", "late", "no_room", "partition_refused", "retry_after_s", "topic_absent"]

_OUTAGE_S = 5.0
_CROWD_S = 2.0

LATE = NotStored(Code.BROKER_UNAVAILABLE, "Kafka took no events before the deadline; this one was not sent")
CLOSED = NotStored(Code.OVERLOADED, "the gateway is shutting down")


def retry_after_s(longest_s: float, random: float) -> float:
    """At least 1 s, at most `longest_s`, anything between equally likely."""
    return 1.0 + (longest_s - 1.0) * random


def away(random: float) -> NotStored:
    """No broker answers. Where and why is for the log and readyz."""
    return NotStored(Code.BROKER_UNAVAILABLE, "Kafka is away", retry_after_s(_OUTAGE_S, random))


def topic_absent(topic: str, why: str, random: float) -> NotStored:
    """Kafka does not have the topic, or nobody has looked yet."""
    return NotStored(Code.BROKER_UNAVAILABLE, f"topic {topic} {why}", retry_after_s(2 * _OUTAGE_S, random))


def partition_refused(lane: Lane, random: float) -> NotStored:
    """The partition failed twice in a row, or holds its share of the memory already and nothing of it moves."""
    why = f": {lane.standing.why}" if lane.standing.why else ""
    detail = f"partition {lane.topic}-{lane.partition} takes no events now{why}"
    return NotStored(Code.BROKER_UNAVAILABLE, detail, retry_after_s(_OUTAGE_S, random))


def late(lane: Lane) -> NotStored:
    """It waited for its partition until its deadline, and was never sent, or surely refused."""
    if not lane.standing.why:
        return LATE
    return NotStored(
        Code.BROKER_UNAVAILABLE,
        f"partition {lane.topic}-{lane.partition} took no events before the deadline: {lane.standing.why}",
    )


def no_room(held_bytes: int, random: float) -> NotStored:
    """The memory for events is used up."""
    detail = f"{held_bytes} bytes of events wait for Kafka already, at most so many may"
    return NotStored(Code.OVERLOADED, detail, retry_after_s(_CROWD_S, random))
