"""How one partition does, and what follows: held back for a moment, or refused and tried now and then. Pure; called by `publisher`.

A partition that failed twice in a row is refused: whoever asks is told at once, its queue is empty, and the others have all
of the producer to themselves. It is tried with real events, one submission in a while: no other question to a broker proves that
a write would be taken (a leader may be known and its replicas missing).
"""

__all__ = ["Standing"]

_ENOUGH = 2
"""So many failures in a row, and a partition is refused."""

_FIRST_S = 0.1
_TRIAL_S = 0.4
_LONGEST_S = 2.0
"""At most so long between two trials: a partition that healed works again within five seconds."""


class Standing:
    """Of one partition. `why`: what Kafka said last, or nothing. All times are of one monotonic clock, in seconds."""

    __slots__ = ("_again_s", "_held", "failures", "why")

    def __init__(self) -> None:
        self.failures = 0
        self.why = ""
        self._again_s = float("-inf")
        self._held = 0

    @property
    def refused(self) -> bool:
        """Whether it failed so often that nobody should wait for it."""
        return self.failures >= _ENOUGH

    def stored(self) -> None:
        """A batch of it is stored: all is well."""
        self.forgive()
        self.why = ""

    def forgive(self) -> None:
        """What happened says nothing about now: all brokers were away."""
        self.failures = self._held = 0
        self._again_s = float("-inf")

    def hold(self, now_s: float, why: str, random: float) -> None:
        """A batch was refused in passing (no replicas, a leader that moves): wait a little longer each time. `random`: [0, 1)."""
        self.why = why
        self._held += 1
        self._again_s = now_s + _spread(min(_FIRST_S * 2 ** min(self._held - 1, 10), _LONGEST_S), random)

    def failed(self, now_s: float, why: str, random: float) -> None:
        """A batch of it failed for good, or nothing came of it in time. `random`: [0, 1)."""
        self.failures += 1
        if why:
            self.why = why
        if self.refused:
            pause_s = min(_TRIAL_S * 2 ** min(self.failures - _ENOUGH, 10), _LONGEST_S)
            self._again_s = now_s + _spread(pause_s, random)

    def held(self, now_s: float) -> bool:
        """Whether what is queued should wait before it is sent again. What was let in as a trial does not."""
        return not self.refused and now_s < self._again_s

    def admits(self, now_s: float) -> bool:
        """Whether a submission may be queued. Where the partition is refused, it would be the trial: say so, once it is (`tried`)."""
        return not self.refused or now_s >= self._again_s

    def tried(self, now_s: float, random: float) -> None:
        """The trial of a refused partition is under way: no other, for a while. `random`: [0, 1)."""
        self._again_s = now_s + _spread(_LONGEST_S, random)


def _spread(pause_s: float, random: float) -> float:
    """Between a half and the whole of a pause: many partitions and gateways should not come together."""
    return pause_s * (0.5 + random / 2)
