"""The clients of a herd: this SDK's own engine, and the retry loops that others are made of. Sans I/O; driven by `herd`."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from tidegate.backoff import CAP_S, Random, ceiling_s, full_jitter_s
from tidegate.batching import BatchLimits
from tidegate.engine import Engine
from tidegate.engine_settings import EngineSettings
from tidegate.outgoing import Outgoing
from tidegate.transport.port import Answer, Receipted

__all__ = ["OURS", "POLICIES", "EnginePolicy", "LoopProducer", "Producer", "Sending", "make_producer"]


class Sending(Protocol):
    """A request under way."""

    @property
    def events(self) -> Sequence[Outgoing]:
        """What it carries."""
        ...


class Producer(Protocol):
    """One client."""

    def submit(self, event: Outgoing) -> None:
        """The application has an event."""
        ...

    def due(self, now: float) -> Sequence[Sending]:
        """What goes out now."""
        ...

    def next_due(self, now: float) -> float | None:
        """When to look again."""
        ...

    def answered(self, sending: Sending, answer: Answer, now: float) -> None:
        """A request's answer came."""
        ...


Wait = Callable[[int, Random], float]
"""Seconds to wait after so many failures in a row before this one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    events: Sequence[Outgoing]


class LoopProducer:
    """The usual retry loop: what waits goes in one request of at most a batch; if that fails, the same again after `wait`."""

    def __init__(self, wait: Wait, random: Random, limits: BatchLimits) -> None:
        self._wait = wait
        self._random = random
        self._limits = limits
        self._waiting: deque[Outgoing] = deque()
        self._failures = 0
        self._not_before = 0.0
        self._out = False

    def submit(self, event: Outgoing) -> None:
        """Queues it."""
        self._waiting.append(event)

    def next_due(self, now: float) -> float | None:  # noqa: ARG002 -- the port's
        """The end of its wait, or of the first event's linger."""
        if self._out or not self._waiting:
            return None
        if self._failures:
            return self._not_before
        return self._limits.due_at(self._waiting[0].at)

    def due(self, now: float) -> Sequence[Sending]:
        """One request, or none."""
        at = self.next_due(now)
        if at is None or at > now:
            return ()
        events = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._limits.max_events))]
        for event in events:
            event.attempts += 1
        self._out = True
        return (_Batch(events=events),)

    def answered(self, sending: Sending, answer: Answer, now: float) -> None:
        """Stored, or waits."""
        self._out = False
        if isinstance(answer, Receipted):
            self._failures = 0
            for event, line in zip(sending.events, answer.lines, strict=True):
                event.on_settled(event, line)
            return
        self._waiting.extendleft(reversed(sending.events))
        self._not_before = now + self._wait(self._failures, self._random)
        self._failures += 1


class EnginePolicy:
    """This SDK: the engine that delivers in production."""

    def __init__(self, random: Random) -> None:
        self._engine = Engine(EngineSettings(), random)

    def submit(self, event: Outgoing) -> None:
        """Accepts it."""
        self._engine.accept((event,))

    def due(self, now: float) -> Sequence[Sending]:
        """The engine's shipments."""
        return self._engine.due(now)

    def next_due(self, now: float) -> float | None:
        """The engine's own."""
        return self._engine.next_due(now)

    def answered(self, sending: Sending, answer: Answer, now: float) -> None:
        """The engine judges it."""
        self._engine.answered(sending, answer, now)  # type: ignore[arg-type]  # a shipment, as `due` gave it


FIXED_S: Final = 1.0
OURS: Final = "tidegate"


def _fixed(failures: int, random: Random) -> float:  # noqa: ARG001 -- a Wait
    return FIXED_S


def _exponential(failures: int, random: Random) -> float:  # noqa: ARG001 -- a Wait
    return ceiling_s(failures)


POLICIES: Final[Mapping[str, tuple[str, Wait | None]]] = MappingProxyType(
    {
        "fixed": (f"retries every {FIXED_S:g} s", _fixed),
        "exponential": (f"doubles from 0.1 s to {CAP_S:g} s, no jitter", _exponential),
        "full-jitter": ("uniform(0, doubling), and nothing else", full_jitter_s),
        OURS: ("this SDK: full jitter, breaker, budget, Retry-After, spread return", None),
    }
)
"""What is compared: a name, what it does, and its wait (None: the engine)."""


def make_producer(policy: str, random: Random) -> Producer:
    """A client of that policy. Raises `KeyError` for an unknown one."""
    wait = POLICIES[policy][1]
    return EnginePolicy(random) if wait is None else LoopProducer(wait, random, BatchLimits())
