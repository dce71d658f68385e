"""What a client is made of, without the thread or loop that drives it. Made by both shells; after a fork the child makes a new one.

Holds no reference to its shell, so that a client nobody holds any more can be collected.
"""

import logging
import random
from pathlib import Path
from re import compile as regex
from typing import Final

from tidegate.counters import Counters
from tidegate.engine import Engine
from tidegate.settings import ClientSettings, DropReport, WhenFull
from tidegate.shell.admission import Admission
from tidegate.shell.bundle_files import BundleFiles
from tidegate.shell.clock import Clock
from tidegate.shell.driver import Driver
from tidegate.shell.endpoint import Endpoint
from tidegate.shell.inbox import Inbox
from tidegate.shell.shelf import Shelf, Shelved
from tidegate.shell.tokens import Tokens
from tidegate.shell.tracing import NoTracing, Tracing, tracing
from tidegate.shell.transport_choice import load_transport, transport_for
from tidegate.transport.port import MakeTransport

__all__ = ["Core", "check_topic"]

_TOPIC: Final = regex(r"(?!__)[A-Za-z0-9._-]{1,249}").fullmatch
_log = logging.getLogger("tidegate")


def check_topic(topic: str) -> None:
    """Raises `ValueError` for what cannot be a topic's name."""
    if _TOPIC(topic) is None or topic in (".", ".."):
        raise ValueError(
            "a topic's name is 1 to 249 letters, digits, dots, underscores and hyphens, not beginning with __"
        )


class Core:
    """Queue, engine, contracts and counters of one client in one process."""

    __slots__ = (
        "_endpoint",
        "_make_transport",
        "_tokens",
        "_tracing",
        "admission",
        "clock",
        "counters",
        "engine",
        "inbox",
        "settings",
        "shelf",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        settings: ClientSettings,
        make_transport: MakeTransport | None,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        """`make_transport`: None for what the URL asks for."""
        self.settings = settings
        self.clock = clock
        self.counters = Counters()
        spool = settings.spool() if settings.spool is not None else None
        self.engine = Engine(settings.engine(), random.random, self.counters, spool)
        self.inbox = Inbox(
            max_events=settings.queue_events,
            max_bytes=settings.queue_bytes,
            linger_s=settings.linger_s,
            batch_events=settings.batch_events,
            batch_bytes=settings.batch_bytes,
            drops=settings.when_full == WhenFull.DROP_OLDEST,
        )
        files = BundleFiles(Path(settings.cache_dir), endpoint.url) if settings.cache_dir is not None else None
        self.shelf = Shelf(files, random.random)
        self.admission = Admission(endpoint.docs_url, settings.deadline_s)
        self._endpoint = endpoint if make_transport is None else None
        self._make_transport = make_transport or transport_for(endpoint, settings)
        self._tracing: Tracing | None = None
        self._tokens = tokens

    def load(self) -> None:
        """Imports what delivery needs, before a thread or task of ours would. Raises `ImportError` that says what to install."""
        if self._tracing is None:
            if self._endpoint is not None:
                load_transport(self._endpoint)
            self._tracing = tracing()

    def driver(self) -> Driver:
        """A driver for the running loop; `load` comes first."""
        return Driver(
            self.engine,
            self.inbox,
            self._make_transport(),
            self._tokens,
            self.clock,
            self._tracing or NoTracing(),
            self._lost,
        )

    def place(self, topic: str) -> Shelved:
        """The topic's contract as far as it is at hand. Raises `ValueError` for no topic's name."""
        known = self.shelf.known(topic)
        if known is not None:
            return known
        check_topic(topic)
        return self.shelf.at(topic)

    def wants_contract(self, place: Shelved, now: float) -> bool:
        """Whether the gateway should be asked for the topic's contract."""
        return now >= place.freshness.ask_at and self.settings.judge

    def doubtful(self, place: Shelved, now: float) -> bool:
        """Whether a rejection by the contract at hand needs a look at the gateway's first."""
        return place.contract is not None and self.settings.judge and place.freshness.stale(now)

    async def fetch(self, driver: Driver, place: Shelved, timeout_s: float) -> bool:
        """Asks the gateway for the contract and puts it in its place. Answers whether it changed. On the driver's loop."""
        answer = await driver.bundle(place.topic, place.etag, timeout_s)
        return self.shelf.answered(place, answer, self.clock.now())

    def give_up(self, reason: str) -> int:
        """Everything that waits is let go, and reported. Answers how many events that were. On the driver's thread, or when there is none."""
        left = self.inbox.drain()
        if left:
            self.engine.accept(left)
        count = self.engine.abandon(reason)
        self.engine.close()
        if count:
            _log.warning("tidegate: %d events were not delivered: %s", count, reason)
            self._report(DropReport(count=count, reason=reason))
        return count

    def _lost(self, reason: str, count: int) -> None:
        """Events were let go while the client runs."""
        _log.warning("tidegate: %d events were lost: %s", count, reason)
        self._report(DropReport(count=count, reason=reason))

    def _report(self, report: DropReport) -> None:
        """Tells the application's callback; what it raises is logged."""
        if self.settings.on_drop is None:
            return
        try:
            self.settings.on_drop(report)
        except Exception:
            _log.exception("tidegate: on_drop raised")
