"""The thundering herd, in virtual time: many producers, an outage, a recovery; and the figures that say whether it was one.

Called by `tidegate simulate herd` and by tests. Every run is a function of its `Herd`: same seed, same figures.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from tidegate.contracts.media import JSON
from tidegate.outgoing import Outcome, Outgoing
from tidegate.simulate.gateway import GatewayModel, work_of
from tidegate.simulate.producers import Producer, Sending, make_producer
from tidegate.transport.port import Answer, Receipted
from tidegate.wire.results import ResultLine

__all__ = ["BOUNDS", "Bound", "Figures", "Herd", "Run", "run_herd"]

BINS_A_SECOND: Final = 10
_STEP_S: Final = 0.001
_KEYS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """What is simulated. `events_per_s` of each producer, at random times. Times in seconds. `capacity`: of the gateway, in requests of one event a second (a further event in
    a request costs a tenth); None: twice what the producers send.
    """

    producers: int = 2000
    events_per_s: float = 1.0
    outage_s: float = 30.0
    before_s: float = 5.0
    after_s: float = 60.0
    seed: int = 15
    capacity: float | None = None

    @property
    def work_per_s(self) -> float:
        """The gateway's capacity."""
        return self.capacity if self.capacity is not None else 2.0 * self.producers * self.events_per_s

    @property
    def recovery_at(self) -> float:
        """When the gateway is back."""
        return self.before_s + self.outage_s

    @property
    def end_at(self) -> float:
        """When the producers stop submitting."""
        return self.recovery_at + self.after_s

    def validate(self) -> list[str]:
        """What is wrong with the values, each as a sentence."""
        return [
            f"{name} is {value:g}, from {low:g} to {high:g} is allowed"
            for name, value, low, high in (
                ("producers", self.producers, 1, 100_000),
                ("events_per_s", self.events_per_s, 0.001, 1000),
                ("outage_s", self.outage_s, 1, 110),  # an event lives 120 s: beyond, the deadline is what is measured
                ("before_s", self.before_s, 0, 3600),
                ("after_s", self.after_s, 1, 3600),
                ("capacity", self.work_per_s, 1e-3, 1e9),
            )
            if not low <= value <= high
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of a run.

    `attempts_per_event`: of the events submitted during the outage. `peak`: the work that arrived in the busiest second after recovery, as
    a multiple of the capacity. `fano`: variance by mean of the requests in 100 ms, taken within each second after recovery (a rate that changes slowly is no
    burst); 1 is what independent senders give. `goodput`: of the work that arrived after recovery, the share that stored events. `lost`: events without a receipt.
    `last_s`: how long after recovery the last event of the outage was stored.
    """

    attempts_per_event: float
    peak: float
    fano: float
    goodput: float
    lost: int
    last_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A figure's bound. `most`: it is an upper one."""

    name: str
    title: str
    value: float
    most: bool

    def met(self, figures: Figures) -> bool:
        """Whether the figure keeps it."""
        found = self.of(figures)
        return found <= self.value if self.most else found >= self.value

    def of(self, figures: Figures) -> float:
        """The figure."""
        return float(getattr(figures, self.name))


BOUNDS: Final = (
    Bound(name="attempts_per_event", title="attempts/event", value=1.5, most=True),
    Bound(name="peak", title="peak second", value=1.5, most=True),
    Bound(name="fano", title="Fano 100 ms", value=3.0, most=True),
    Bound(name="goodput", title="goodput", value=0.95, most=False),
    Bound(name="lost", title="lost", value=0, most=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One policy's run: its figures, and the work that arrived in each second as a multiple of the capacity."""

    policy: str
    figures: Figures
    load: tuple[float, ...]


@dataclass(slots=True, kw_only=True)
class _Ledger:
    """What is counted along the way."""

    submitted: int = 0
    stored: int = 0
    outage_events: int = 0
    outage_attempts: int = 0
    last_at: float = 0.0
    now: float = 0.0
    requests: dict[int, int] = field(default_factory=dict)
    work: dict[int, float] = field(default_factory=dict)
    offered: float = 0.0
    useful: float = 0.0


Step = Callable[[float], None]


class _Simulation:
    def __init__(self, herd: Herd, policy: str) -> None:
        self._herd = herd
        self._random = Random(herd.seed)
        self._gateway = GatewayModel(capacity=herd.work_per_s, away_from=herd.before_s, away_until=herd.recovery_at)
        self._queue: list[tuple[float, int, Step]] = []
        self._order = count()
        self._wakes: dict[int, float] = {}
        self.ledger = _Ledger()
        self._producers = [make_producer(policy, self._random.random) for _ in range(herd.producers)]
        for producer in self._producers:
            self._later(self._random.expovariate(herd.events_per_s), self._submitting(producer))

    def _later(self, at: float, step: Step) -> None:
        heapq.heappush(self._queue, (at, next(self._order), step))

    def run(self, progress: Callable[[float, float], None] | None) -> None:
        """Until nothing is left to do, or long after the end: who does not come to rest has lost what is left."""
        stop_at = self._herd.end_at + 300.0
        told = 0
        while self._queue and self._queue[0][0] <= stop_at:
            at, _, step = heapq.heappop(self._queue)
            self.ledger.now = at
            step(at)
            if progress is not None and int(at) > told:
                told = int(at)
                progress(min(at, self._herd.end_at), self._herd.end_at)

    def _submitting(self, producer: Producer) -> Step:
        def submit(now: float) -> None:
            if now >= self._herd.end_at:
                return
            self._submit(producer, now)
            self._later(now + self._random.expovariate(self._herd.events_per_s), submit)

        return submit

    def _submit(self, producer: Producer, now: float) -> None:
        ledger = self.ledger
        ledger.submitted += 1
        event = Outgoing(
            id=str(ledger.submitted),
            topic="simulated",
            body=b"{}",
            media_type=JSON,
            size_bytes=500,
            at=now,
            deadline=now + 120.0,
            on_settled=self._settled,
            judged=True,
            lane_key=b"%d" % self._random.randrange(_KEYS),
        )
        producer.submit(event)
        self._look(producer, now)

    def _settled(self, event: Outgoing, outcome: Outcome) -> None:
        ledger, herd = self.ledger, self._herd
        ledger.stored += isinstance(outcome, ResultLine)
        if herd.before_s <= event.at < herd.recovery_at:
            ledger.outage_events += 1
            ledger.outage_attempts += event.attempts
            ledger.last_at = max(ledger.last_at, ledger.now)

    def _look(self, producer: Producer, now: float) -> None:
        """Sends what is due and comes back when the next is."""
        for sending in producer.due(now):
            self._send(producer, sending, now)
        due = producer.next_due(now)
        if due is None:
            return
        at = max(due, now + _STEP_S)
        known = self._wakes.get(id(producer))
        if known is None or at < known or known <= now:
            self._wakes[id(producer)] = at
            self._later(at, lambda then: self._wake(producer, then))

    def _wake(self, producer: Producer, now: float) -> None:
        if self._wakes.get(id(producer)) == now:
            del self._wakes[id(producer)]
            self._look(producer, now)

    def _send(self, producer: Producer, sending: Sending, now: float) -> None:
        reply = self._gateway.arrive(list(sending.events), now)
        self._count(sending, reply.answer, now)

        def answered(then: float) -> None:
            producer.answered(sending, reply.answer, then)
            self._look(producer, then)

        self._later(reply.at, answered)

    def _count(self, sending: Sending, answer: Answer, now: float) -> None:
        ledger, work = self.ledger, work_of(len(sending.events))
        tick = int(now * BINS_A_SECOND)
        ledger.requests[tick] = ledger.requests.get(tick, 0) + 1
        second = int(now)
        ledger.work[second] = ledger.work.get(second, 0.0) + work
        if now >= self._herd.recovery_at:
            ledger.offered += work
            ledger.useful += work if isinstance(answer, Receipted) else 0.0


def run_herd(herd: Herd, policy: str, progress: Callable[[float, float], None] | None = None) -> Run:
    """Simulates one policy. `progress` is told (virtual seconds done, of all). Raises `ValueError` for a herd that cannot be, `KeyError` for no policy."""
    wrong = herd.validate()
    if wrong:
        raise ValueError("; ".join(wrong))
    simulation = _Simulation(herd, policy)
    simulation.run(progress)
    ledger = simulation.ledger
    first, last = int(herd.recovery_at), int(herd.end_at)
    load = tuple(ledger.work.get(second, 0.0) / herd.work_per_s for second in range(last))
    figures = Figures(
        attempts_per_event=ledger.outage_attempts / max(ledger.outage_events, 1),
        peak=max(load[first:]),
        fano=_fano(ledger.requests, first, last),
        goodput=ledger.useful / ledger.offered if ledger.offered else 0.0,
        lost=ledger.submitted - ledger.stored,
        last_s=max(0.0, ledger.last_at - herd.recovery_at),
    )
    return Run(policy=policy, figures=figures, load=load)


def _fano(requests: dict[int, int], first: int, last: int) -> float:
    """Variance by mean of the counts in 100 ms, each second by itself, pooled by its traffic."""
    variances = means = 0.0
    for second in range(first, last):
        counts = [requests.get(second * BINS_A_SECOND + tick, 0) for tick in range(BINS_A_SECOND)]
        mean = sum(counts) / BINS_A_SECOND
        means += mean
        variances += sum((number - mean) ** 2 for number in counts) / (BINS_A_SECOND - 1)
    return variances / means if means else 0.0
