"""How long to wait before the next attempt. Pure: `random` gives numbers of [0, 1). Called by `lanes`, `breaker` and gateway adapters.

Full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015): the whole interval is random, so that clients who failed
together do not come back together.
"""

from collections.abc import Callable
from typing import Final

__all__ = ["BASE_S", "CAP_S", "HINT_CAP_S", "Random", "ceiling_s", "full_jitter_s", "wait_s"]

Random = Callable[[], float]
"""Gives numbers of [0, 1), like `random.random`."""

BASE_S: Final = 0.1
"""The longest wait after the first failure, in seconds."""
CAP_S: Final = 30.0
"""The longest wait of our own, in seconds."""
HINT_CAP_S: Final = 300.0
"""The longest wait that a server may ask for, in seconds: a wrong header must not stop a producer for a day."""

_DOUBLINGS: Final = 9


def ceiling_s(failures: int) -> float:
    """The upper end of the wait after so many failures before this one: `min(30, 0.1 * 2^failures)` seconds."""
    return CAP_S if failures >= _DOUBLINGS else min(CAP_S, BASE_S * 2 ** max(failures, 0))


def full_jitter_s(failures: int, random: Random) -> float:
    """A wait drawn from `uniform(0, ceiling_s(failures))`, in seconds."""
    return random() * ceiling_s(failures)


def wait_s(failures: int, random: Random, hint_s: float | None = None) -> float:
    """The wait before the next attempt, in seconds.

    `hint_s` is what the server asked for (Retry-After, grpc-retry-pushback-ms). It is never undercut, up to `HINT_CAP_S`;
    the jitter comes on top, or everybody who was told "one second" would be back in the same one.
    """
    return min(max(hint_s or 0.0, 0.0), HINT_CAP_S) + full_jitter_s(failures, random)
