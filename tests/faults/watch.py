"""What an operator sees of a gateway while faults come and go: readiness and its flips, memory, descriptors, open sockets.

A thread that polls; called by the tests and the soak.
"""

import http.client
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Flip", "Sample", "Watch", "descriptors", "rss_bytes"]

_POLL_S = 0.05
_SAMPLE_S = 0.5
_ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class Flip:
    """Readiness changed: when (`time.monotonic`), to what; None: the admin port gave no answer."""

    at_s: float
    ready: bool | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The gateway's size at a moment."""

    at_s: float
    rss_bytes: int
    descriptors: int


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def descriptors(pid: int) -> int:
    """Open descriptors of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


class Watch:
    """`with Watch(admin, pid) as watch:` polls readyz every 50 ms."""

    def __init__(self, admin: str, pid: int) -> None:
        self.flips: list[Flip] = []
        self.samples: list[Sample] = []
        self._admin, self._pid = admin, pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(_ASK_S + 2)

    def follow(self, pid: int) -> None:
        """Another process serves at the same address from now on."""
        self._pid = pid

    def delay_s(self, ready: bool, from_s: float, to_s: float = float("inf")) -> float | None:
        """How long after `from_s` readiness was first seen to be so; 0 where it was already; None where it never was."""
        state: bool | None = None
        for flip in list(self.flips):
            if flip.at_s > to_s:
                break
            if flip.at_s <= from_s:
                state = flip.ready
            elif flip.ready is ready:
                return 0.0 if state is ready else flip.at_s - from_s
        return 0.0 if state is ready else None

    def wait_ready(self, ready: bool, within_s: float) -> float:
        """Wait for it; how long it took. Raises AssertionError."""
        began = time.monotonic()
        while not self.flips or self.flips[-1].ready is not ready:
            took = time.monotonic() - began
            assert took < within_s, f"readyz did not become {'ready' if ready else 'unready'} within {within_s} s"
            time.sleep(_POLL_S / 2)
        return time.monotonic() - began

    def flips_between(self, from_s: float, to_s: float) -> int:
        """How often readiness changed."""
        return sum(from_s < flip.at_s <= to_s for flip in list(self.flips))

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._admin, timeout=_ASK_S)
        sampled_s = 0.0
        while not self._stop.is_set():
            ready = _ask(connection)
            now_s = time.monotonic()
            if not self.flips or self.flips[-1].ready is not ready:
                self.flips.append(Flip(now_s, ready))
            if now_s - sampled_s >= _SAMPLE_S:
                sampled_s = now_s
                with suppress(OSError, ValueError):
                    self.samples.append(Sample(now_s, rss_bytes(self._pid), descriptors(self._pid)))
            self._stop.wait(_POLL_S)
        connection.close()


def _ask(connection: http.client.HTTPConnection) -> bool | None:
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return None
    return response.status == 200
