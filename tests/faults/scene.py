"""One fault on a gateway under load, from calm to calm: when it began and healed, what was seen, and the verdict. Called by the tests."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from tests.faults.checker import Verdict
from tests.faults.faults import Fault
from tests.faults.form import FORM
from tests.faults.load import Attempt, Load, Stream
from tests.faults.report import Row, row_of
from tests.faults.rig import Gate, Rig
from tests.faults.watch import Watch

__all__ = ["ROWS", "Scene"]

ROWS: list[Row] = []
"""Every scene's row, in the order in which they ended; shown at the end of the run."""

_CALM_EVENTS = 100
_CALM_S = 60.0
_SOON_S = 5.0
_SEEN_S = _SOON_S + 5.0
"""How long a fault waits for readyz to tell of it; what is too late fails afterwards, with its figure."""


class Scene:
    """`with Scene(...) as scene:` starts load and watch; leaving it ends them and reads everything back."""

    def __init__(self, name: str, rig: Rig, gate: Gate, streams: Sequence[Stream], *, seed: int) -> None:
        self.name = name
        self.rig, self.gate = rig, gate
        self.load = Load(
            gate.process.http,
            gate.token,
            streams,
            seed=seed,
            deadline_s=gate.deadline_s,
            name=name.replace(" ", "-"),
            rpc_address=gate.process.facts["grpc"],
        )
        self.watch = Watch(gate.process.admin, gate.process.pid)
        self.began_s = self.healed_s = time.monotonic()
        self.verdict: Verdict | None = None

    def __enter__(self) -> Self:
        self.watch.__enter__()
        self.load.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            self.load.stop()
        finally:
            self.watch.__exit__()
            self.rig.sent.extend(self.load.ledger)
        if kind is None:
            self.verdict = self._own(self.rig.check())
            ROWS.append(self._row())

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Begin once all is calm, heal at the block's end."""
        self.calm()
        self.began_s = time.monotonic()
        with fault:
            yield
        self.healed_s = time.monotonic()

    def calm(self, events: int = _CALM_EVENTS) -> None:
        """Ready, and so many more events stored."""
        self.watch.wait_ready(True, _CALM_S)
        self.load.wait_stored(events, _CALM_S)

    def last(self, seconds: float) -> None:
        """Let the fault last until so long after it began."""
        time.sleep(max(0.0, self.began_s + seconds - time.monotonic()))

    def last_unready(self, seconds: float) -> None:
        """Let the fault last until readyz told of it, and so long after that."""
        self.watch.wait_ready(False, _SEEN_S)
        time.sleep(seconds)

    def during(self, topic: str | None = None, after_s: float = 0.0) -> list[Attempt]:
        """Attempts that were sent while the fault lasted, from `after_s` on."""
        return self.load.since(self.began_s + after_s, self.healed_s, topic)

    def unready_s(self) -> float | None:
        """From the fault's begin to not ready; None where it stayed ready."""
        return self.watch.delay_s(False, self.began_s, self.healed_s)

    def ready_s(self) -> float | None:
        """From its healing to ready."""
        return self.watch.delay_s(True, self.healed_s)

    def check_promises(self, *, allowed: frozenset[int] = frozenset({503, 504})) -> None:
        """What holds under every fault: faults.md's head and Broker 1. Call when the scene is over."""
        assert self.verdict is not None
        assert self.verdict.clean, self.verdict.wrong()
        assert self.load.out_of_turn == [], "stored after a failure of their key in the same request"
        others = {a.status: a.code for a in self.load.attempts if not a.ok and a.status not in allowed}
        assert others == {}, "statuses beside 2xx, 503 and 504"
        longest_s = self.gate.deadline_s + 1 + FORM.slack_s
        late = [a for a in self.load.attempts if a.wait_s - a.own_lag_s > longest_s]
        assert late == [], (
            f"answers after {longest_s:g} s: past the deadline + 1 s, and {FORM.slack_s:g} s of this machine's"
        )
        unsaid = [a for a in self.load.attempts if a.status == 503 and a.retry_after_s < 1]
        assert unsaid == [], "503 without Retry-After"

    def check_readiness(self) -> None:
        """Unready within 5 s of the fault, ready within 5 s of its healing (Broker 3), and the form's slack."""
        unready, ready = self.unready_s(), self.ready_s()
        assert unready is not None, "the gateway stayed ready"
        assert unready <= _SOON_S + FORM.slack_s
        assert ready is not None, "the gateway did not become ready again"
        assert ready <= _SOON_S + FORM.slack_s

    def _own(self, verdict: Verdict) -> Verdict:
        """The verdict on everything, but the allowed duplicates only of this scene's events."""
        own = {event.id for event in self.load.ledger}
        return replace(
            verdict,
            sent=len(own),
            acknowledged=sum(bool(event.stored) for event in self.load.ledger),
            duplicates_unknown=tuple(i for i in verdict.duplicates_unknown if i in own),
            late=tuple(i for i in verdict.late if i in own),
        )

    def _row(self) -> Row:
        samples = self.watch.samples
        return row_of(
            self.name, self.load.attempts, self.began_s, self.healed_s, self.verdict,
            unready_s=self.unready_s(), ready_s=self.ready_s(),
            rss_bytes=max((s.rss_bytes for s in samples), default=None),
            descriptors=max((s.descriptors for s in samples), default=None),
        )  # fmt: skip


def streams(topic: str, producers: int = 50, pause_s: float = 0.1) -> list[Stream]:
    """One stream of the usual load."""
    return [Stream(topic=topic, producers=producers, pause_s=pause_s)]


def mixed(topic: str, small: str) -> list[Stream]:
    """The usual load; the same by gRPC; and keys with several events on their way; and batches of several partitions, and of several pieces for one
    (`small` has one partition and takes no large batches)."""
    return [
        Stream(topic=topic, producers=50),
        Stream(topic=topic, producers=4, outstanding=6, pause_s=0.2),
        Stream(topic=topic, producers=4, batch=12, pause_s=0.3),
        Stream(topic=topic, producers=4, rpc=True, pause_s=0.2),
        Stream(topic=small, producers=3, batch=24, pause_s=0.3, pad_bytes=10_000),
    ]


def describe() -> str:
    """The line above the table."""
    return f"faults: {'long' if FORM.long else 'short'} form, seed {FORM.seed}, deadline {FORM.delivery_timeout_s:g} s"
