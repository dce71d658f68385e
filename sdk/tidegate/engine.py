"""Delivery, sans I/O: events in, shipments out, answers in, outcomes out. Called by `driver`, on one thread; never blocks.

Joins the decisions: which lane, when a batch goes, what an answer means, when to go again, when to stop asking. `now` is an argument
everywhere, `random` and the spool are given once. What is in here has no lock: whoever drives it owns it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from tidegate.backoff import Random
from tidegate.breaker import Breaker, Passage
from tidegate.budget import RetryBudget
from tidegate.counters import Counters
from tidegate.delivery import Again, Judgement, judge
from tidegate.diversion import Diversion
from tidegate.engine_settings import EngineSettings
from tidegate.lanes import NEVER, Lane
from tidegate.outgoing import HELD_EVENT_BYTES, Generation, Outcome, Outgoing, Undelivered
from tidegate.pacing import Pace
from tidegate.placing import Topic
from tidegate.spooling import Spool
from tidegate.transport.port import Answer
from tidegate.wire.results import SPOOLED

__all__ = ["Engine", "Shipment"]


class Shipment(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A batch that goes out now, to be brought back by `answered` or `returned`. `timeout_s`: how long an answer is waited for."""

    lane: Lane
    events: Sequence[Outgoing]
    probe: bool
    retry: bool
    timeout_s: float

    @property
    def topic(self) -> str:
        """The topic of all its events."""
        return self.lane.topic


class Engine:
    """All events of one client between acceptance and outcome."""

    __slots__ = (
        "_breaker",
        "_budget",
        "_diversion",
        "_generation",
        "_older",
        "_out",
        "_pace",
        "_random",
        "_retries_out",
        "_settings",
        "_topics",
        "counters",
        "events",
        "size_bytes",
    )

    def __init__(
        self, settings: EngineSettings, random: Random, counters: Counters | None = None, spool: Spool | None = None
    ) -> None:
        self._settings = settings
        self._random = random
        self._breaker = Breaker(settings.breaker_threshold)
        self._budget = RetryBudget()
        self._pace = Pace()
        self._topics: dict[str, Topic] = {}
        self._generation = Generation()
        self._older: list[Generation] = []
        self._retries_out = 0
        self._out: set[Shipment] = set()
        self.counters = counters if counters is not None else Counters()
        self.events = 0
        """Events without an outcome, in flight included."""
        self.size_bytes = 0
        """The memory that they take, roughly."""
        self._diversion = Diversion(spool, self._settle, self.counters, settings) if spool is not None else None
        if self._diversion is not None:
            for (topic, index), depth in self._diversion.depths().items():
                self._topic(topic).lanes[index].spooled = depth

    # accepting

    def accept(self, events: Sequence[Outgoing]) -> None:
        """Takes over events in the order in which they were submitted. Where there are too many, the oldest that wait are dropped."""
        settings = self._settings
        for event in events:
            event.generation = self._generation
            self._generation.left += 1
            self.events += 1
            self.size_bytes += event.size_bytes + HELD_EVENT_BYTES
            self._topic(event.topic).place(event)
        if self._diversion is not None:
            for lane in self._lanes():
                self._diversion.divert(lane, breaker_open=self._breaker.open, events=self.events)
        while self.events > settings.max_events or self.size_bytes > settings.max_bytes:
            if not self._drop_one():
                break

    def _topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name, self._settings.lanes, self._settings.batch.max_events)
        return topic

    def _drop_one(self) -> bool:
        """Makes room, the oldest first. What is in flight cannot be taken back."""
        lanes = [lane for lane in self._lanes() if lane.oldest() is not None]
        if lanes:
            event = min(lanes, key=lambda lane: lane.next_deadline()).drop_oldest()
        else:
            event = next((late for topic in self._topics.values() if (late := topic.take_later()) is not None), None)
        if event is None:
            return False
        self.counters.dropped += 1
        self._settle(
            event,
            Undelivered(
                reason="the queue was full and the oldest event made room",
                maybe_stored=event.maybe_stored,
                given_up=True,
            ),
        )
        return True

    # sending

    def due(self, now: float) -> list[Shipment]:
        """What goes out at `now`. Every shipment must come back."""
        self._expire(now)
        shipments: list[Shipment] = []
        for lane in self._oldest_first():
            if lane.due_at(self._settings.batch) > now:
                continue
            shipment = self._ship(lane, now)
            if shipment is not None:
                shipments.append(shipment)
        if self._pace.active and not any(lane.backlog or lane.spooled for lane in self._lanes()):
            self._pace.caught_up()
        return shipments

    def _ship(self, lane: Lane, now: float) -> Shipment | None:
        passage = self._breaker.passage(now)
        retry = lane.retrying
        paced = self._pace.allowance(now, self._random)
        if passage is Passage.NONE or (retry and self._budget.exhausted and self._retries_out):
            return None
        probe = passage is Passage.PROBE
        if self._diversion is not None and lane.refillable:
            self._refill(lane, self._diversion)
        most = 1 if probe else lane.max_events if paced is None else min(paced, lane.max_events)
        events = lane.take(now, self._settings.batch, most) if most else []
        if not events:
            return None
        if not probe:
            self._pace.took(len(events))
        lane.in_flight = True
        self._retries_out += retry
        if probe:
            self._breaker.probing()
        for event in events:
            event.attempts += 1
        self.counters.requests += 1
        self.counters.attempts += len(events)
        self.counters.retries += sum(event.attempts > 1 for event in events)
        left_s = max(events[0].deadline - now, self._settings.shortest_attempt_s)
        timeout_s = min(self._settings.attempt_timeout_s, left_s)
        shipment = Shipment(lane=lane, events=events, probe=probe, retry=retry, timeout_s=timeout_s)
        self._out.add(shipment)
        return shipment

    def _refill(self, lane: Lane, diversion: Diversion) -> None:
        events = diversion.refill(lane)
        self.events += len(events)
        self.size_bytes += sum(event.size_bytes + HELD_EVENT_BYTES for event in events)
        self._topics[lane.topic].refill(lane, events)

    @property
    def filling(self) -> int:
        """Events in the batch that is nearest to full and not yet due."""
        return max((len(lane.waiting) for lane in self._lanes() if not lane.in_flight), default=0)

    def next_due(self, now: float) -> float | None:
        """When `due` is worth a call again, `now` at the earliest; None: not before something else happens (an event, an answer)."""
        due = NEVER
        gate = self._breaker.probe_at if self._breaker.open else self._pace.next_at
        for lane in self._lanes():
            due = min(due, lane.next_deadline())
            if gate is None or (lane.retrying and self._budget.exhausted and self._retries_out):
                continue
            at = lane.due_at(self._settings.batch)
            due = min(due, max(at, gate))
        due = min(due, *(topic.next_deadline() for topic in self._topics.values()), NEVER)
        return None if due == NEVER else max(due, now)

    def _expire(self, now: float) -> None:
        for lane in self._lanes():
            if lane.next_deadline() <= now:
                if self._diversion is not None:
                    self._diversion.rescue(lane)
                for event in lane.expire(now):
                    self.counters.expired += 1
                    self._settle(event, _too_late(event))
        for topic in self._topics.values():
            while topic.next_deadline() <= now and (late := topic.take_later()) is not None:
                self.counters.expired += 1
                self._settle(late, _too_late(late))

    # answers

    def answered(self, shipment: Shipment, answer: Answer, now: float) -> bool:
        """An answer came. Settles what it settles and puts back the rest. Answers whether the token must be refreshed first.

        An answer to what was recalled changes nothing: those events go again.
        """
        if shipment not in self._out:
            return False
        judgement = judge(shipment.events, answer)
        self._count(shipment, judgement, now)
        self._back(shipment)
        again: list[tuple[Outgoing, float | None]] = []
        done: list[Outgoing] = []
        for event, fate in zip(shipment.events, judgement.fates, strict=True):
            if isinstance(fate, Again):
                event.why = fate.why
                event.maybe_stored = event.maybe_stored or fate.why.maybe_stored
                again.append((event, fate.hint_s))
            else:
                done.append(event)
                self._settle(event, fate)
        if self._diversion is not None:
            self._diversion.remove(shipment.lane, done)
        if again:
            self._again(shipment, judgement, again, now)
        else:
            shipment.lane.succeeded()
        return judgement.refresh_token

    def _again(
        self, shipment: Shipment, judgement: Judgement, again: Sequence[tuple[Outgoing, float | None]], now: float
    ) -> None:
        lane = shipment.lane
        if judgement.halve_to is not None:
            lane.shrink(judgement.halve_to, lasting=judgement.lasting)
            lane.give_back(shipment.events)
        elif judgement.refresh_token:
            refreshed = [event for event, _ in again]  # those that were refreshed before are settled
            for event in refreshed:
                event.refreshed = True
            lane.give_back(refreshed)
        elif len(again) == len(shipment.events):
            lane.give_back(shipment.events)
            lane.hold(now, self._random, judgement.wait_s)
            if judgement.gateway_failed:
                lane.shrink(1, lasting=False)  # what a gateway that fails refuses again should be little
        else:
            lane.succeeded()
            lane.hold_keys(again, now, self._random)

    def _count(self, shipment: Shipment, judgement: Judgement, now: float) -> None:
        """What the answer says of the gateway: breaker and budget."""
        if judgement.gateway_failed:
            self.counters.failures += 1
            self._budget.failed()
            self._breaker.failed(now, self._random, judgement.wait_s, probe=shipment.probe)
            return
        self._budget.succeeded()
        was_open_s = self._breaker.succeeded(now)
        if was_open_s:
            self._pace.begin(now, self.events - len(shipment.events), was_open_s, self._random)

    def returned(self, shipment: Shipment, reason: str) -> None:
        """The shipment's request was cancelled: its events wait again, and may have been stored."""
        if shipment not in self._out:
            return
        self._back(shipment)
        if shipment.probe:
            self._breaker.abandoned()
        for event in shipment.events:
            event.maybe_stored = True
            event.why = Undelivered(reason=reason, maybe_stored=True)
        shipment.lane.give_back(shipment.events)

    def recall(self, reason: str) -> None:
        """Nobody brings back what is out (its event loop is gone): all of it waits again."""
        for shipment in list(self._out):
            self.returned(shipment, reason)

    def _back(self, shipment: Shipment) -> None:
        self._out.discard(shipment)
        shipment.lane.in_flight = False
        self._retries_out -= shipment.retry

    # ending

    def flush(self) -> tuple[Generation, ...]:
        """Nothing that is here lingers any longer. Each generation's `left` falls to 0 when all of it has its outcome."""
        self._older = [older for older in self._older if older.left]
        if self._generation.left:
            self._older.append(self._generation)
            self._generation = Generation()
        for lane in self._lanes():
            lane.urge()
        return tuple(self._older)

    def abandon(self, reason: str) -> int:
        """Gives up on everything that waits, but for what the spool takes. Answers how many events that were. Nothing may be in flight."""
        count = 0
        for topic in self._topics.values():
            if self._diversion is not None:
                topic.place_all()
                for lane in topic.lanes:
                    self._diversion.rescue(lane)
            for event in topic.clear():
                if event.spooled:  # it is on disk, and there for the next process
                    self._forget(event)
                    continue
                count += 1
                self._settle(event, Undelivered(reason=reason, maybe_stored=event.maybe_stored, given_up=True))
        self.counters.abandoned += count
        return count

    def take_lost(self) -> Sequence[Undelivered]:
        """Why spooled events were lost since the last call: nobody waits for them any more, so they must be told otherwise."""
        return self._diversion.take_lost() if self._diversion is not None else ()

    def close(self) -> None:
        """Closes the spool, if there is one."""
        if self._diversion is not None:
            self._diversion.close()

    def _forget(self, event: Outgoing) -> None:
        self.events -= 1
        self.size_bytes -= event.size_bytes + HELD_EVENT_BYTES
        if event.generation is not None:
            event.generation.left -= 1

    def _settle(self, event: Outgoing, outcome: Outcome) -> None:
        self._forget(event)
        counters = self.counters
        if isinstance(outcome, Undelivered):
            if event.spooled:
                counters.spool_lost += 1
            else:
                counters.undelivered += 1
        elif event.spooled:
            counters.drained += 1
        elif outcome.status != SPOOLED:
            counters.delivered += 1
        event.on_settled(event, outcome)
        self._topics[event.topic].settled()

    def _oldest_first(self) -> Sequence[Lane]:
        """All lanes; while they share an allowance, whose events wait longest come first."""
        lanes = list(self._lanes())
        return sorted(lanes, key=Lane.next_deadline) if self._pace.active else lanes

    def _lanes(self) -> Iterator[Lane]:
        for topic in self._topics.values():
            yield from topic.lanes


def _too_late(event: Outgoing) -> Undelivered:
    """The total deadline has passed; the last failure says why."""
    why = event.why
    if why is None:
        return Undelivered(reason="it could not be sent before its deadline", maybe_stored=event.maybe_stored)
    return Undelivered(
        reason=f"not delivered before its deadline, after {event.attempts} attempts: {why.reason}",
        code=why.code,
        problem=why.problem,
        maybe_stored=event.maybe_stored,
    )
