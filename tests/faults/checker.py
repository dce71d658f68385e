"""The set checker: what producers were told against what stands in the log. Pure; called by every fault test and the soak.

lost and unexpected as faults.md says; the other counts find an untrue "not stored", a receipt that points elsewhere, and
a key's events out of their order.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["NO_ORDER", "Found", "Sent", "Verdict", "check"]

NO_ORDER = -1
"""The `number` of events that were sent beside others of their key."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """One event and what its attempts were told. `number`: its place in the order of sending of its key, in its topic.

    `stored`: answers that said so, each with partition and offset (-1: Kafka no longer knew). `unknown`: attempts that may
    be stored: 504, an answer that was cut off or never came; `cut`: those of them whose connection ended without one.
    `refused`: answers that said "not stored".
    """

    id: str
    topic: str
    key: str
    number: int
    stored: list[tuple[int, int]] = field(default_factory=list)
    unknown: int = 0
    cut: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record of the log."""

    id: str
    topic: str
    key: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Ids that are wrong, by what is wrong with them; an id of two copies too many is there twice.

    `lost`: acknowledged and not in the log. `unexpected`: in the log and never sent, or in another topic or with another
    key. `misplaced`: a receipt's partition and offset hold something else. `untrue`: more copies than the answers allow:
    "not stored" was said of an attempt that is in the log. `duplicates_acknowledged`: copies beyond the first of ids whose
    every attempt was acknowledged or refused; `duplicates_unknown`: of ids with an attempt whose outcome was unknown.
    `disorder`: a key's first copies that stand behind a later event of it. `late`: further copies that stand behind a
    later event of their key (a consumer that keeps the first of each id sees none of it).
    """

    sent: int
    acknowledged: int
    found: int
    lost: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()
    untrue: tuple[str, ...] = ()
    duplicates_acknowledged: tuple[str, ...] = ()
    duplicates_unknown: tuple[str, ...] = ()
    disorder: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Nothing wrong: duplicates of unknown outcomes are allowed, and where they land too."""
        return not self.wrong()

    def wrong(self) -> dict[str, tuple[str, ...]]:
        """What must be empty and is not, at most five ids each."""
        must = ("lost", "unexpected", "misplaced", "untrue", "duplicates_acknowledged", "disorder")
        return {name: getattr(self, name)[:5] for name in must if getattr(self, name)}


def check(sent: Iterable[Sent], found: Iterable[Found]) -> Verdict:
    """Compare all that was sent to some topics with all that stands in them."""
    by_id = {event.id: event for event in sent}
    records = sorted(found, key=lambda record: (record.topic, record.partition, record.offset))
    copies: dict[str, list[Found]] = defaultdict(list)
    unexpected: list[str] = []
    for record in records:
        event = by_id.get(record.id)
        if event is None or event.topic != record.topic or event.key != record.key:
            unexpected.append(record.id)
        else:
            copies[record.id].append(record)
    acknowledged = [event for event in by_id.values() if event.stored]
    disorder, late = _order(by_id, [record for record in records if record.id in copies])
    return Verdict(
        sent=len(by_id),
        acknowledged=len(acknowledged),
        found=len(records),
        lost=tuple(event.id for event in acknowledged if event.id not in copies),
        unexpected=tuple(unexpected),
        misplaced=tuple(event.id for event in acknowledged if _misplaced(event, copies.get(event.id, []))),
        untrue=tuple(_repeated(by_id, copies, lambda event: len(event.stored) + event.unknown)),
        duplicates_acknowledged=tuple(_repeated(by_id, copies, lambda event: 2**31 if event.unknown else 1)),
        duplicates_unknown=tuple(_repeated(by_id, copies, lambda event: 1 if event.unknown else 2**31)),
        disorder=tuple(disorder),
        late=tuple(late),
    )


def _repeated(by_id: dict[str, Sent], copies: dict[str, list[Found]], most) -> Iterable[str]:  # type: ignore[no-untyped-def]  # a lambda of Sent to int
    """The id of every copy beyond the most that may be."""
    for event_id, records in copies.items():
        for _ in range(len(records) - most(by_id[event_id])):
            yield event_id


def _misplaced(event: Sent, records: list[Found]) -> bool:
    places = {(record.partition, record.offset) for record in records}
    return bool(records) and any(
        offset >= 0 and (partition, offset) not in places for partition, offset in event.stored
    )


def _order(by_id: dict[str, Sent], records: list[Found]) -> tuple[list[str], list[str]]:
    """Ids that stand behind a later event of their key: of first copies, and of further ones. `records` in the log's order."""
    disorder: list[str] = []
    late: list[str] = []
    newest: dict[tuple[str, str], int] = {}
    partition_of: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for record in records:
        number = by_id[record.id].number
        line = (record.topic, record.key)
        behind = number < newest.get(line, -1) or partition_of.setdefault(line, record.partition) != record.partition
        if behind:
            (late if record.id in seen else disorder).append(record.id)
        seen.add(record.id)
        newest[line] = max(number, newest.get(line, -1))
    return disorder, late
