"""How long events wait for company before they are sent: Nagle's idea, with a bound. Pure; called by `publisher`.

A batch costs Kafka's client ten times what an event costs, so those that come together should go together. Who comes alone
does not wait: the wait is spent only where the batches before had several submissions in them. Only those count that could go
now: what waits for a broker or a leader is nobody's company.
"""

__all__ = ["Linger"]


class Linger:
    """Expects as many submissions as came together lately. One for a publisher."""

    __slots__ = ("_expected", "_linger_s")

    def __init__(self, linger_ms: float) -> None:
        self._linger_s = linger_ms / 1000
        self._expected = 1

    def wait_s(self, ready: int, waited_s: float) -> float:
        """How much longer `ready` submissions, the oldest of which waited `waited_s`, should wait for others; 0: go."""
        if ready >= self._expected:
            return 0.0
        return max(0.0, self._linger_s - waited_s)

    def flushed(self, submissions: int) -> None:
        """So many went together: expect as many at once; fewer are believed step by step."""
        self._expected = max(1, submissions, (self._expected + submissions) // 2)
