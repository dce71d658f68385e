"""The retry budget: how much of its traffic a client may spend on retries. Pure. Called by `engine`.

gRPC's retry throttling (gRFC A6): a bucket of 10 tokens, a failure takes one, a success gives 0.1 back, and retries flow
while more than half is left. Exhausted, nothing is dropped: retries slow to one probe at a time.
"""

from typing import Final

__all__ = ["RATIO", "TOKENS", "RetryBudget"]

TOKENS: Final = 10.0
"""The bucket's size."""
RATIO: Final = 0.1
"""What one success gives back."""


class RetryBudget:
    """One client's bucket. Not shared between threads: its engine owns it."""

    __slots__ = ("_most", "_ratio", "_tokens")

    def __init__(self, tokens: float = TOKENS, ratio: float = RATIO) -> None:
        self._most = tokens
        self._tokens = tokens
        self._ratio = ratio

    @property
    def tokens(self) -> float:
        """What is left, 0 to the bucket's size."""
        return self._tokens

    @property
    def exhausted(self) -> bool:
        """Whether retries must slow to probes: half of the bucket or less is left."""
        return self._tokens <= self._most / 2

    def failed(self) -> None:
        """A request failed retryably."""
        self._tokens = max(0.0, self._tokens - 1)

    def succeeded(self) -> None:
        """A request was answered with anything that is final."""
        self._tokens = min(self._most, self._tokens + self._ratio)
