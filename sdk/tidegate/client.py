"""`Client`: publishing from threads. A thin shell: the caller's thread encodes and judges, a worker thread delivers.

What is the same for `AsyncClient` stands in `shell`; what is decided, in `engine` and the modules that it joins.
"""

from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Event, RLock
from types import TracebackType
from typing import Self, TypeVar

from tidegate.exceptions import Closed, OutcomeUnknown, QueueFull, error_of
from tidegate.outgoing import OnSettled, Outcome, Outgoing, Undelivered
from tidegate.publishers import TopicPublisher
from tidegate.settings import ClientSettings, WhenFull
from tidegate.shell.admission import EventFacts, facts_of
from tidegate.shell.clock import Clock, SystemClock
from tidegate.shell.core import Core
from tidegate.shell.endpoint import endpoint_of
from tidegate.shell.lifecycle import remember
from tidegate.shell.shelf import Shelved
from tidegate.shell.tokens import TokenSource, tokens_of
from tidegate.shell.worker import Worker
from tidegate.stats import Stats, stats_of
from tidegate.tally import Progress, Summary, Tally
from tidegate.transport.port import MakeTransport
from tidegate.wire.results import ResultLine

__all__ = ["Client"]

T = TypeVar("T")

_PROGRESS_EVERY = 256
_PROGRESS_S = 0.1


class Client:
    """Publishes to one gateway. Safe to share between threads; made once and kept, as its connections and contracts are worth it.

    Starts nothing before its first event. After a fork the child's copy starts empty and sends nothing of the parent's.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource = None,
        *,
        settings: ClientSettings | None = None,
        transport: MakeTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`url` is the gateway's: https://, or grpcs:// for its gRPC port. `token`: a bearer token, a `Path` to a file that holds it, a callable that gives it, or `ClientCredentials`.

        `transport` and `clock` are for tests and simulations. Raises `ValueError` for a URL or settings that cannot be.
        """
        self._endpoint = endpoint_of(url)
        self._settings = settings or ClientSettings()
        wrong = self._settings.validate()
        if wrong:
            raise ValueError("; ".join(wrong))
        self._tokens = tokens_of(token)
        self._transport = transport
        self._clock = clock or SystemClock()
        self._worker: Worker | None = None
        self._closed = False
        self._start()
        remember(self)
        if self._core.engine.next_due(self._clock.now()) is not None:  # an earlier process left events in the spool
            self._running()

    def _start(self) -> None:
        self._lock = RLock()
        self._looking = RLock()
        self._starting = False
        self._worker = None
        self._core = Core(self._endpoint, self._settings, self._transport, self._tokens, self._clock)

    def forked(self) -> None:
        """For `lifecycle`: this process is a forked child; the queue and the connections are the parent's."""
        self._start()

    # publishing

    def publish(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        id: str | None = None,  # noqa: A002 -- the event's id, as everywhere
        headers: dict[str, str] | None = None,
        time: str | None = None,
        version: int | None = None,
        media_type: str | None = None,
        timeout_s: float | None = None,
    ) -> ResultLine:
        """Judges one event, sends it without lingering and waits for its receipt.

        `key`, `id`, `headers`, `time` (RFC 3339) and `version` are an Event's members; `media_type` goes with encoded bytes. Raises a
        `TidegateError`: `ContractViolation` where the contract refuses it, and then nothing was sent. With `timeout_s` it raises
        `OutcomeUnknown` when there is no receipt by then; delivery goes on.
        """
        self._may_wait("publish")
        facts = facts_of(key, id, headers, time, version, media_type)
        future = self._submit(topic, value, facts, urgent=True)
        try:
            return future.result(timeout_s)
        except TimeoutError as error:
            if future.done():
                raise
            raise OutcomeUnknown(f"{topic}: no receipt within {timeout_s} s; delivery goes on", topic=topic) from error

    def submit(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        id: str | None = None,  # noqa: A002 -- the event's id, as everywhere
        headers: dict[str, str] | None = None,
        time: str | None = None,
        version: int | None = None,
        media_type: str | None = None,
    ) -> "Future[ResultLine]":
        """Judges one event and queues it; the future gives its receipt, or raises a `TidegateError`.

        Its callbacks run on the delivering thread and must not block. Raises at once `ContractViolation` where the contract refuses it,
        `QueueFull` by the policy, `Closed`.
        """
        return self._submit(topic, value, facts_of(key, id, headers, time, version, media_type), urgent=False)

    def publish_many(
        self, topic: str, values: Iterable[object], *, progress: Progress | None = None, version: int | None = None
    ) -> Summary:
        """Publishes an iterable of any length and waits for all its outcomes, in memory bounded by the queue.

        `progress` is told (with an outcome, taken) at most ten times a second. An event that cannot be published raises nothing: the summary
        lists it. Waits for room whatever the policy, so that nothing is dropped.
        """
        self._may_wait("publish_many")
        tally = Tally()
        facts = facts_of(None, None, None, None, version, None)
        told_at = self._clock.now()
        for index, value in enumerate(values):
            made = self._admit(topic, value, facts, tally.settled, index, urgent=False)
            if isinstance(made, Undelivered):
                tally.refused(index, topic, made)
            else:
                tally.taken += 1
                self._enqueue(made, patient=True)
            if progress is not None and not index % _PROGRESS_EVERY and self._clock.now() - told_at >= _PROGRESS_S:
                told_at = self._clock.now()
                progress(tally.seen, index + 1)
        self._wait_for(tally, progress)
        return tally.summary()

    def _may_wait(self, what: str) -> None:
        """Raises where the caller would wait for itself."""
        worker = self._worker
        if worker is not None and worker.is_here:
            raise RuntimeError(
                f"{what} waits for the thread that it was called on (a future's callback, on_drop): use submit"
            )

    def _wait_for(self, tally: Tally, progress: Progress | None) -> None:
        finished = Event()
        tally.when_all = finished.set
        worker = self._worker
        if worker is not None and tally.done < tally.taken:
            worker.urge()
            while not finished.wait(None if progress is None else _PROGRESS_S) and tally.done < tally.taken:
                if progress is not None:
                    progress(tally.seen, tally.seen + tally.taken - tally.done)
        if progress is not None:
            progress(tally.seen, tally.seen)

    def validate(
        self,
        topic: str,
        value: object,
        *,
        key: str | bytes | None = None,
        version: int | None = None,
        media_type: str | None = None,
    ) -> None:
        """The verdict and nothing sent. Raises `ContractViolation` or `Malformed`; `LookupError` where no contract is at hand to judge by."""
        facts = facts_of(key, None, None, None, version, media_type)
        made = self._admit(topic, value, facts, _forget, None, urgent=False)
        if isinstance(made, Undelivered):
            raise error_of(made, topic, "")
        if not made.judged:
            why = self._core.place(topic).why or "no version of its contract takes this"
            raise LookupError(f"{topic} cannot be judged here: {why}")

    def topic(self, name: str, kind: type[T]) -> "TopicPublisher[T]":
        """A publisher of one topic that takes values of one type."""
        return TopicPublisher(self, name, kind)

    # the way of an event

    def _submit(self, topic: str, value: object, facts: EventFacts | None, *, urgent: bool) -> "Future[ResultLine]":
        future: Future[ResultLine] = Future()
        made = self._admit(topic, value, facts, _resolve, future, urgent=urgent)
        if isinstance(made, Undelivered):
            self._core.counters.rejected += 1
            raise error_of(made, topic, facts.id or "" if facts is not None else "")
        self._enqueue(made, patient=False)
        return future

    def _admit(
        self,
        topic: str,
        value: object,
        facts: EventFacts | None,
        on_settled: OnSettled,
        target: object,
        *,
        urgent: bool,
    ) -> Outgoing | Undelivered:
        """The event, judged; before a rejection a contract that may be old is looked at again."""
        core = self._core
        now = self._clock.now()
        place = core.place(topic)
        if core.wants_contract(place, now):
            self._look(place, now)
            now = self._clock.now()
        made = core.admission.admit(place, value, facts, now, on_settled, target, urgent=urgent)
        if type(made) is Undelivered and core.doubtful(place, now) and self._ask(place):
            made = core.admission.admit(place, value, facts, now, on_settled, target, urgent=urgent)
        return made

    def _look(self, place: Shelved, now: float) -> None:
        """Gets the contract: waits for the first look, has later ones made while events go on with what is there."""
        if place.contract is None and not place.freshness.failures:
            with self._looking:
                if self._core.wants_contract(place, now):
                    self._ask(place)
            return
        place.freshness.asked(now)
        worker = self._running()
        if worker is not None:
            worker.look(place)

    def _ask(self, place: Shelved) -> bool:
        """Asks the gateway and waits. Answers whether the contract changed."""
        worker = self._running()
        if worker is None or worker.is_here:
            return False
        return worker.ask(place, self._settings.contract_timeout_s)

    def _enqueue(self, event: Outgoing, *, patient: bool) -> None:
        if self._worker is None:
            self._running()
        inbox = self._core.inbox
        if not inbox.put(event, patient=patient):
            if inbox.closed:
                raise Closed("the client is closed", topic=event.topic, event_id=event.id)
            self._wait_for_room(event, patient=patient)

    def _wait_for_room(self, event: Outgoing, *, patient: bool) -> None:
        inbox, worker = self._core.inbox, self._worker
        deadline = self._clock.now() + self._settings.block_timeout_s
        may_wait = (patient or self._settings.when_full == WhenFull.BLOCK) and not (
            worker is not None and worker.is_here
        )
        while may_wait:
            left_s = None if patient else deadline - self._clock.now()
            room = Event()
            inbox.when_room(room.set, event.size_bytes)
            if (left_s is not None and left_s <= 0) or not room.wait(left_s):
                break
            if inbox.closed:
                raise Closed("the client was closed", topic=event.topic, event_id=event.id)
            if inbox.put(event, patient=patient):
                return
        raise QueueFull(
            f"{event.topic}: the queue is full ({self._settings.queue_events} events, {self._settings.queue_bytes} bytes)",
            topic=event.topic,
            event_id=event.id,
        )

    def _running(self) -> Worker | None:
        """The worker, started at first use; None once the client is closed."""
        worker = self._worker
        if worker is not None or self._closed:
            return worker
        with self._lock:
            return self._begun()

    def _begun(self) -> Worker | None:
        """With the lock held. None while the worker is just being started on this very thread: a signal handler submits in the middle of it."""
        if self._worker is None and not self._closed and not self._starting:
            self._starting = True
            try:
                self._core.load()
                self._worker = Worker(self._core)
            finally:
                self._starting = False
        return self._worker

    # ending

    def stats(self) -> Stats:
        """What was counted since the client was made."""
        return stats_of(self._core)

    def flush(self, timeout_s: float = 30.0) -> int:
        """Sends what was submitted before, without lingering, and waits for its outcomes. Answers how many have none after `timeout_s`: 0 is all."""
        self._may_wait("flush")
        worker = self._worker
        return 0 if worker is None else worker.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> int:
        """Takes nothing more, flushes up to `timeout_s`, ends the worker. Answers how many events were given up; their futures say so.

        May be called twice. Connections are closed.
        """
        with self._lock:
            worker, self._worker, self._closed = self._worker, None, True
        core = self._core
        core.inbox.close()
        if worker is None:
            return 0
        before = core.counters.abandoned
        if timeout_s > 0 and not worker.is_here:
            worker.flush(timeout_s)
        worker.stop(1.0)
        return core.counters.abandoned - before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        worker: Worker | None = getattr(self, "_worker", None)
        if worker is not None:  # nobody can publish any more: what is queued goes out, then the worker ends
            worker.finish()


def _resolve(event: Outgoing, outcome: Outcome) -> None:
    """Gives a future its outcome. It may have been cancelled: the event went out all the same."""
    future: Future[ResultLine] = event.target
    with suppress(InvalidStateError):
        if isinstance(outcome, Undelivered):
            future.set_exception(error_of(outcome, event.topic, event.id))
        else:
            future.set_result(outcome)


def _forget(event: Outgoing, outcome: Outcome) -> None:
    """The outcome of an event that is never sent."""
