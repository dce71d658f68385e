"""How much of what a peer does may come to nothing before it has to wait: calls reset at once, frames that carry nothing. Pure.

Spent by `connection`, which stops reading where nothing is left, and looked at by `transport`, which goes on when there is some
again. Nobody is thrown out: who waits costs less than who comes again (CVE-2023-44487 and its kin, CVE-2025-8671).
"""

__all__ = [
    "A_CALL",
    "A_CONNECTION",
    "A_FRAME",
    "A_PIECE",
    "Allowance",
    "Patience",
    "strangers_together",
    "worth_of_head",
]

A_CALL = 1.0
"""What a call costs that is reset, refused, or brings no token that holds."""
A_FRAME = 1 / 16
"""What a frame costs that moves no event: a ping, settings, a window, an empty piece."""
A_CONNECTION = 10.0
"""What it costs to have a connection ended for its frames."""
A_PIECE = 4 * A_FRAME
"""What a piece of an answer earns: clients meet each with windows, and some with a ping."""

_FREE_HEAD_BYTES = 4_096
_HEAD_BYTES_A_FRAME = 256
_STRANGER = (100.0, 20.0)
_KNOWN = (1_000.0, 200.0)
_STRANGERS_TOGETHER = (500.0, 250.0)
_FREE = 10.0
"""So much a connection may spend whatever other strangers do: a producer that has just come needs one call to be known."""
_A_TURN = 16.0
_FRAME_OF_A_TURN = _A_TURN / 128
"""What a connection may spend, and how many frames it may bring, in one turn of the loop: what is left comes after everybody else."""
_SHORTEST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 1.0


class Allowance:
    """So many calls at once, and so many more each second. `left` may fall below zero by what one frame costs."""

    __slots__ = ("_at_s", "_most", "_per_s", "left")

    def __init__(self, most: float, per_s: float, now_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._at_s = now_s
        self.left = most

    def refresh(self, now_s: float) -> None:
        """Add what the time since the last call is worth."""
        self.left = min(self._most, self.left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s

    def owe(self, calls: float) -> None:
        """Spend, whatever is left; nobody owes more than could be there, so that a flood is over when it is over."""
        self.left = max(-self._most, self.left - calls)

    def earn(self, calls: float) -> None:
        """Give back, never past the most."""
        self.left = min(self._most, self.left + calls)

    def lacking_s(self) -> float:
        """Seconds until a call's worth is there."""
        return max(0.0, A_CALL - self.left) / self._per_s


def worth_of_head(size_bytes: int) -> float:
    """What the fields of a head cost, as HTTP/2 counts their bytes: to decode 32 KiB takes 3 ms, and 900 bytes may say so much."""
    return A_FRAME * max(0, (size_bytes - _FREE_HEAD_BYTES) // _HEAD_BYTES_A_FRAME)


def strangers_together(now_s: float) -> Allowance:
    """What all connections of a port that have not shown a token may spend together."""
    return Allowance(*_STRANGERS_TOGETHER, now_s)


class Patience:
    """With one connection. Until a call of it has shown a token that holds (`know`), it also spends what all strangers have together."""

    __slots__ = ("_own", "_strangers", "_turn_left")

    def __init__(self, strangers: Allowance, now_s: float) -> None:
        self._own = Allowance(*_STRANGER, now_s)
        self._strangers: Allowance | None = strangers
        self._turn_left = _A_TURN

    @property
    def known(self) -> bool:
        """Whether a call has shown who it is."""
        return self._strangers is None

    def know(self, now_s: float) -> None:
        """The peer is a producer: from now on it has an allowance that honest clients do not come to the end of."""
        if self._strangers is not None:
            self._strangers = None
            self._own = Allowance(*_KNOWN, now_s)

    def refresh(self, now_s: float) -> None:
        """Add what the time is worth. It is the connection's turn."""
        self._turn_left = _A_TURN
        self._own.refresh(now_s)
        if self._strangers is not None:
            self._strangers.refresh(now_s)

    def begin_frame(self) -> bool:
        """Whether one more frame is looked at: there is patience left, and of this turn, too."""
        if self._turn_left <= 0 or self.ended:
            return False
        self._turn_left -= _FRAME_OF_A_TURN
        return True

    def spend(self, calls: float) -> None:
        """Something came to nothing."""
        self._turn_left -= calls
        self._own.left -= calls
        if self._strangers is not None:
            self._strangers.owe(calls)

    def earn(self, calls: float) -> None:
        """A producer was answered: so much that comes to nothing is forgiven."""
        if self._strangers is None:
            self._own.earn(calls)

    @property
    def over(self) -> bool:
        """Whether nothing more of the peer is read for now: its turn is over, or patience at its end."""
        return self._turn_left <= 0 or self.ended

    @property
    def ended(self) -> bool:
        """Whether it has to wait."""
        own_left = self._own.left
        return own_left < 0 or (
            self._strangers is not None and self._strangers.left < 0 and own_left < _STRANGER[0] - _FREE
        )

    def pause_s(self) -> float:
        """How long nothing is read: until a call's worth is there, a second at most; 0 where it may go on when others had their turn."""
        if not self.ended:
            return 0.0
        lacking_s = self._own.lacking_s()
        if self._strangers is not None:
            lacking_s = max(lacking_s, self._strangers.lacking_s())
        return min(_LONGEST_PAUSE_S, max(_SHORTEST_PAUSE_S, lacking_s))
