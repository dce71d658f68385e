"""What is queued goes out, what comes back is told, and nothing waits longer than it may. Called by `publisher`.

The shell around the decisions: `accumulator` (what goes together), `linger` and `roundtrip` (when, and what no longer),
`standing` (may this partition be tried), `flight` (what is known of a batch), `watchdog` (does the producer move), `generations`
(which producer). What may come in is `publisher`'s.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from tidegate_gateway.adapters.kafka.accumulator import Accumulator, Lane, Place
from tidegate_gateway.adapters.kafka.cluster import Cluster
from tidegate_gateway.adapters.kafka.flight import Flight, give_up, resolve_stored
from tidegate_gateway.adapters.kafka.generation import NO_LEADER, Generation
from tidegate_gateway.adapters.kafka.generations import Generations
from tidegate_gateway.adapters.kafka.limits import BATCH_HEADER_BYTES
from tidegate_gateway.adapters.kafka.linger import Linger
from tidegate_gateway.adapters.kafka.refusals import CLOSED, LATE, late, partition_refused
from tidegate_gateway.adapters.kafka.roundtrip import RoundTrip
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.adapters.kafka.topics import Topic
from tidegate_gateway.adapters.kafka.watchdog import Watchdog

__all__ = ["Delivery"]

_SWEEP_S = 0.1
_REFRESH_S = 1.0
_STOP_S = 0.5
_HELD = "waits a moment after a refusal"

_log = logging.getLogger(__name__)


class Delivery:
    """`refused`: the partitions that take nothing now. `sent`: how many batches of each topic went out."""

    def __init__(
        self, settings: KafkaSettings, cluster: Cluster, *, random: Callable[[], float], sequence_bound: int
    ) -> None:
        self.accumulator = Accumulator(settings.buffer_bytes)
        self.watchdog = Watchdog()
        self.refused: dict[Place, Lane] = {}
        self.sent: dict[str, int] = {}
        self.generations = Generations(
            settings,
            self._generation,
            changed=self._on_generation,
            topics=lambda: sorted(cluster.topics),
            up=lambda: cluster.up,
        )
        self._settings = settings
        self._cluster = cluster
        self._random = random
        self._sequence_bound = sequence_bound
        self._linger = Linger(settings.linger_ms)
        self._round_trip = RoundTrip()
        self._was_up = False
        self._refreshed_s = 0.0
        self._flush_handle: asyncio.Handle | None = None
        self._flushing = False
        self._sweeper: asyncio.Task[None] | None = None
        self._ended = False
        self._progress = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Begin to make a producer and to keep the deadlines; never waits."""
        self.generations.start()
        self._sweeper = asyncio.create_task(self.sweep(), name="kafka-sweep")

    async def close(self, drain_s: float) -> None:
        """Send what waits, at most `drain_s` seconds, tell everybody who waits still, and close the producers."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(drain_s):
                    while self.owed():
                        self._progress.clear()
                        await self._progress.wait()
        finally:
            self._end()
            await self.generations.close(_STOP_S)

    def _end(self) -> None:
        """Tell everybody who waits; nothing is sent from now on."""
        self._ended = True
        for handle in (self._sweeper, self._flush_handle):
            if handle is not None:
                handle.cancel()
        self.accumulator.expire(float("inf"), lambda _: CLOSED)
        for generation in self.generations.flying():
            generation.seal()
            for flight in generation.flights.values():
                give_up(flight, float("inf"))

    def owed(self) -> bool:
        """Whether anybody still waits for an answer: what is past its deadline and told keeps nobody from going."""
        flights = (flight for generation in self.generations.flying() for flight in generation.flights.values())
        return self.accumulator.waiting > 0 or any(
            not piece.future.done() for flight in flights for piece in flight.pieces
        )

    def batch_bytes(self, known: Topic) -> int:
        """How large a batch of the topic may be, its header not counted."""
        return min(self._settings.batch_bytes, known.limits.max_message_bytes) - BATCH_HEADER_BYTES

    def has_leader(self, lane: Lane) -> bool:
        """Whether the producer knows who leads the partition."""
        current = self.generations.current
        return current is not None and current.obstacle(lane.place) != NO_LEADER

    def _generation(self) -> Generation:
        return Generation(
            self._settings,
            landed=self._on_landed,
            freed=self._on_freed,
            answered=lambda took_s: self._round_trip.answered(self._loop.time(), took_s),
            sequence_bound=self._sequence_bound,
        )

    def schedule(self) -> None:
        """Flush now, or see that it is done once the linger is over. Only what could go now counts."""
        accumulator = self.accumulator
        if self._flushing or self._ended or not accumulator.ready_pieces or self.generations.current is None:
            return
        wait_s = self._linger.wait_s(accumulator.ready_pieces, self._loop.time() - accumulator.oldest_s)
        if wait_s <= 0:
            self._flush()
        elif self._flush_handle is None:
            self._flush_handle = self._loop.call_later(wait_s, self._flush)

    def _flush(self) -> None:
        """Send what could go now, once: what lands meanwhile (it could not be handed over) and makes more ready is for the next turn."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        generation = self.generations.current
        if generation is None:
            return
        self._flushing = True
        try:
            self._send_ready(generation)
        finally:
            self._flushing = False
        if self.accumulator.ready_pieces:
            self._flush_handle = self._loop.call_soon(self._flush)

    def _send_ready(self, generation: Generation) -> None:
        """A batch of every partition that has something and could send it; the others are parked behind what stops them."""
        now_s = self._loop.time()
        late_s = now_s + self._round_trip.expected_s(now_s)
        together = 0
        for lane in self.accumulator.ready():
            known = self._cluster.topics.get(lane.topic)
            obstacle = generation.obstacle(lane.place)
            if known is None or obstacle is not None or lane.standing.held(now_s):
                self.accumulator.park(lane, _HELD if obstacle is None else obstacle)
                continue
            pieces = self.accumulator.take(lane, self.batch_bytes(known), late_s=late_s, why=LATE)
            if not pieces:
                continue
            together += len(pieces)
            generation.send(lane, pieces)
            self.sent[lane.topic] = self.sent.get(lane.topic, 0) + 1
        if together:
            self._linger.flushed(together)
            if generation.worn:
                self.generations.replace(generation, "sequence numbers come to their end")

    def _on_landed(self, generation: Generation, flight: Flight, base: int | None) -> None:
        """A batch came to its end."""
        self._progress.set()
        lane = flight.lane
        if base is not None:
            resolve_stored(flight, base)
            self.accumulator.done(lane, flight.pieces)
            if lane.standing.failures or lane.standing.why:
                self._works(lane)
        elif flight.unsent and not self._ended and not (lane.standing.refused and flight.answer):
            if flight.answer:
                lane.standing.hold(self._loop.time(), flight.answer, self._random())
                generation.refresh()
            else:  # it was taken back too late for its sequence numbers: this producer sends nothing of the partition any more
                why = f"a batch for {lane.topic}-{lane.partition} was late before it was sent"
                self.generations.replace(generation, why)
            self.accumulator.put_back(lane, flight.pieces)
        else:
            give_up(flight, float("inf"))
            self.accumulator.done(lane, flight.pieces)
            if not self._ended:
                self._on_failed(generation, flight)
        self.schedule()

    def _on_failed(self, generation: Generation, flight: Flight) -> None:
        """A batch was not stored, or nobody knows."""
        lane = flight.lane
        if not flight.overdue:  # else it is counted already
            self._fails(lane, flight.answer)
        if not flight.unsent:
            why = f"a batch for {lane.topic}-{lane.partition} failed ({flight.answer or 'no answer'})"
            self.generations.spoil(generation, lane.place, why)
        self._cluster.stale()

    def _fails(self, lane: Lane, why: str) -> None:
        """Something for the partition failed, or nothing became of it in time. Of an outage no partition is guilty."""
        if not self._cluster.up:
            return
        was_refused = lane.standing.refused
        lane.standing.failed(self._loop.time(), why, self._random())
        if lane.standing.refused:
            self.refused[lane.place] = lane
            if not was_refused:
                _log.warning("kafka: partition %s-%s is refused: %s", lane.topic, lane.partition, lane.standing.why)
            self.accumulator.clear(lane, partition_refused(lane, self._random()))

    def _works(self, lane: Lane) -> None:
        lane.standing.stored()
        if self.refused.pop(lane.place, None) is not None:
            _log.info("kafka: partition %s-%s takes events again", lane.topic, lane.partition)

    def _on_freed(self, node_id: int) -> None:
        """A broker can take another request."""
        self.accumulator.unpark(node_id)
        self.schedule()

    def _on_generation(self) -> None:
        """There is another producer, or one ended."""
        self.accumulator.unpark_all()
        self.schedule()

    def on_cluster(self) -> None:
        """The view of the brokers changed."""
        if self._cluster.up and not self._was_up:
            for lane in self.refused.values():
                lane.standing.forgive()
            self.refused.clear()
            self.generations.renew("the brokers are back")
        self._was_up = self._cluster.up
        for place in [place for place in self.refused if place[0] not in self._cluster.topics]:
            self.refused.pop(place).standing.forgive()  # its topic is gone, and readyz should name it no more
        self.generations.follow(sorted(self._cluster.topics))
        self.accumulator.unpark_held()
        self.schedule()

    async def sweep(self) -> None:
        """Keep the deadlines: nothing here waits longer than it was told, whatever Kafka's client does."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                self._sweep_once(self._loop.time())
            except Exception:  # without it every later wait would be for ever
                _log.exception("kafka: a sweep failed")

    def _sweep_once(self, now_s: float) -> None:
        for lane in self.accumulator.expire(now_s, late):
            self._fails(lane, NO_LEADER if not self.has_leader(lane) else "")
        self._progress.set()
        for generation in self.generations.flying():
            for flight in tuple(generation.flights.values()):
                if give_up(flight, now_s):
                    self._on_overdue(generation, flight)
        self._watch(now_s)
        if self.refused or self.accumulator.parked_behind(NO_LEADER):
            self._refresh(now_s)
        self.accumulator.unpark_all()
        self.schedule()

    def _on_overdue(self, generation: Generation, flight: Flight) -> None:
        """Nobody may send any more what was told not to be stored; the rest of its batch goes with another."""
        lane = flight.lane
        if not flight.overdue:
            flight.overdue = True
            self._fails(lane, flight.answer)
        self.generations.spoil(
            generation, lane.place, f"a batch for {lane.topic}-{lane.partition} was not answered in time"
        )
        generation.withdraw(flight)

    def _watch(self, now_s: float) -> None:
        """A producer that does nothing, or never will, is replaced."""
        generation = self.generations.current
        if generation is None:
            return
        self.watchdog.look(now_s, generation.departed_s(), generation.moved_s)
        if generation.dead:
            self.generations.drop(generation, "its sender ended")
        elif self.watchdog.stuck:
            self.generations.drop(generation, f"it has not moved for {self.watchdog.silent_s:.0f} s")
            self.watchdog = Watchdog()

    def _refresh(self, now_s: float) -> None:
        """Ask who leads, where somebody waits for a leader."""
        current = self.generations.current
        if now_s - self._refreshed_s >= _REFRESH_S and current is not None:
            self._refreshed_s = now_s
            current.refresh()
