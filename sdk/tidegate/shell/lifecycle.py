"""A process's forks and its end, for all clients in it. Registered when the first client is made, not at import.

Fork: the child's clients start empty; what the parent had in its queue is the parent's, and sent once. Exit: one bounded flush for
all workers, also under multiprocessing and celery, whose children run no `atexit`.
"""

import atexit
import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol
from weakref import WeakSet

__all__ = ["Forkable", "Stoppable", "at_exit", "remember", "started", "stopped"]


class Forkable(Protocol):
    """What starts anew in a forked child."""

    def forked(self) -> None:
        """Runs in the child, alone, before anything else: drops what belongs to the parent."""
        ...


class Stoppable(Protocol):
    """A worker that may have events left when the process ends."""

    def finish(self, timeout_s: float | None = None) -> None:
        """Asks for a flush and the end, without waiting; after `timeout_s` (None: its own bound) what is left is given up."""
        ...

    def join(self, timeout_s: float) -> None:
        """Waits for the end."""
        ...

    @property
    def exit_flush_s(self) -> float:
        """How long the process may wait for it."""
        ...


_clients: "Final[WeakSet[Forkable]]" = WeakSet()
_workers: "Final[set[Stoppable]]" = set()
_inherited: Final[list[object]] = []
"""The parent's workers, in a child: kept, since closing their loop would take its sockets out of the epoll set that both share."""
_registered: Final[list[str]] = []


def remember(client: Forkable) -> None:
    """A client was made."""
    if not _registered:
        _registered.append("atexit")
        atexit.register(at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)
    _clients.add(client)


def started(worker: Stoppable) -> None:
    """A worker runs: the process's end waits for it. Held until it stopped, though its client may be collected before."""
    for name in ("multiprocessing.util", "billiard.util"):
        module = sys.modules.get(name)
        finalize: Callable[..., object] | None = getattr(module, "Finalize", None)
        if finalize is not None and name not in _registered:
            _registered.append(name)
            finalize(None, at_exit, exitpriority=100)
    _workers.add(worker)


def stopped(worker: Stoppable) -> None:
    """A worker ended."""
    _workers.discard(worker)


def at_exit() -> None:
    """Flushes all workers at once; waits for each as long as it may, not one after the other."""
    workers = list(_workers)
    for worker in workers:
        worker.finish()
    begun = monotonic()
    for worker in workers:
        worker.join(max(0.0, worker.exit_flush_s + 1.0 - (monotonic() - begun)))


def _in_child() -> None:
    _inherited.extend(_workers)
    _workers.clear()
    # multiprocessing's finalisers of the parent do not run in its children: they are registered anew with the first worker.
    _registered[:] = _registered[:1]
    for client in list(_clients):
        client.forked()
