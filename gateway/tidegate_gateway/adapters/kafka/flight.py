"""One batch on its way, and what the brokers' answers prove about it. Pure; called by `generation` and `publisher`.

aiokafka says of a batch only that it failed, or nothing for ever. So its attempts are watched: a batch is in doubt once an
attempt of it was written and not answered, and it is surely not stored while every attempt was refused.
"""

from collections.abc import Iterable, Mapping, Sequence

from tidegate.errors import Code
from tidegate_gateway.adapters.kafka.accumulator import Lane, Piece, Place
from tidegate_gateway.adapters.kafka.answers import DUPLICATE, NOT_APPENDED, PASSING, STORED
from tidegate_gateway.intake.ports import NotStored, Unknown

__all__ = ["Answers", "Flight", "give_up", "note_answers", "resolve_stored"]

Answers = Iterable[tuple[str, Sequence[tuple[int, ...]]]]
"""`topics` of a ProduceResponse: a topic, and of each partition its number, error code, offset and more."""


class Flight:
    """A batch that a producer was given at `departed_s`; `deadline_s` is the earliest of its pieces.

    `leader`: the broker that it was meant for. `doubt`: an attempt was written and its fate is not known. `answer`: the last refusal's name. `unsent`: it came to its end and was surely not stored,
    and may be sent again. `overdue`: a piece of it was given up. `duplicate`: stored by an earlier attempt, where is not known.
    """

    __slots__ = (
        "answer", "deadline_s", "departed_s", "doubt", "duplicate", "lane", "leader", "overdue", "pieces", "records", "size_bytes",
        "unsent",
    )  # fmt: skip

    def __init__(self, lane: Lane, pieces: Sequence[Piece], departed_s: float) -> None:
        self.lane = lane
        self.pieces = pieces
        self.departed_s = departed_s
        self.deadline_s = min(piece.deadline_s for piece in pieces)
        self.records = sum(len(piece.records) for piece in pieces)
        self.size_bytes = sum(piece.size_bytes for piece in pieces)
        self.leader = -1
        self.doubt = False
        self.answer = ""
        self.unsent = False
        self.overdue = False
        self.duplicate = False


def note_answers(
    answers: Answers, flights: Mapping[Place, Flight], doubts: Mapping[Place, bool]
) -> tuple[set[Place], set[Place]]:
    """Write down what each answer proves; the places whose batch is stored, and those to send again.

    `doubts`: which batches were in doubt before this attempt. To send again are those that were refused in passing and were
    never in doubt: nothing of them can be stored, so they need no retry with the same sequence number.
    """
    stored: set[Place] = set()
    again: set[Place] = set()
    for topic, partitions in answers:
        for partition, code, *_ in partitions:
            place = (topic, partition)
            flight = flights.get(place)
            if flight is None:
                continue
            if code in NOT_APPENDED:
                flight.doubt = doubts[place]
                flight.answer = NOT_APPENDED[code]
                if code in PASSING and not flight.doubt:
                    again.add(place)
            elif code in STORED:
                flight.duplicate = code == DUPLICATE
                stored.add(place)
    return stored, again


def give_up(flight: Flight, now_s: float) -> bool:
    """Resolve what is past its deadline in a batch that has not landed; whether there was any, of those who went away too."""
    if flight.deadline_s > now_s:
        return False
    overdue = [piece for piece in flight.pieces if piece.deadline_s <= now_s and not piece.failed]
    for piece in overdue:
        if flight.doubt:
            piece.resolve(Unknown("Kafka got the event and did not say before the deadline whether it is stored"))
        else:
            answer = f": {flight.answer}" if flight.answer else ""
            piece.resolve(NotStored(Code.BROKER_UNAVAILABLE, f"Kafka did not take the event{answer}"))
    return bool(overdue)


def resolve_stored(flight: Flight, base: int) -> None:
    """Tell every piece its offset; `base` is the first record's. -1 for all where Kafka does not know: nothing is computed from that."""
    for piece in flight.pieces:
        piece.resolve(base)
        base = base + len(piece.records) if base >= 0 else -1
