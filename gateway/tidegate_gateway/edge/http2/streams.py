"""One stream of a connection: what has arrived of it, what waits to leave, and how much of either side's windows is left.

Made and changed by `connection`; read by who answers the stream (`edge.grpc.exchange`). No I/O, no decision.
"""

from collections.abc import Callable

from tidegate_gateway.edge.deadlines import Leaving
from tidegate_gateway.edge.http2.fields import Block
from tidegate_gateway.edge.http2.frames import ErrorCode

__all__ = ["FIRST_WINDOW", "Stream", "unheard"]

FIRST_WINDOW = 65_535
"""What each side may send of a stream, and of a connection, as long as nobody says otherwise (RFC 9113, section 6.9.2)."""


def unheard() -> None:
    """Nobody waits for the stream."""


class Stream:
    """`inbox` holds the body as far as it has arrived and was not taken; `ended`: nothing follows it.

    `gone`: why the stream is over for both sides, before its answer was; None as long as it is not. `answered`: our side has said
    all, though `outbox` may still wait for the peer's window. `wake` is called after each change of these, once for what was read
    together; it must not raise. `receiving`: somebody waits for more, so what arrives is credited to the peer at once.
    """

    __slots__ = (
        "answered",
        "credit_bytes",
        "ended",
        "expected_bytes",
        "gone",
        "head",
        "id",
        "inbox",
        "leaving",
        "outbox",
        "receive_window",
        "receiving",
        "send_window",
        "taken_bytes",
        "trailers",
        "unread_bytes",
        "wake",
        "window",
    )

    def __init__(self, number: int, head: Block, send_window: int, window: int = FIRST_WINDOW) -> None:
        self.id = number
        self.head = head
        self.inbox = bytearray()
        self.ended = False
        self.gone: ErrorCode | int | None = None
        self.answered = False
        self.receiving = False
        self.wake: Callable[[], None] = unheard
        self.outbox: bytearray | None = None
        self.leaving: Leaving | None = None
        """What was noted of the outbox when it was last looked at; `taken_bytes` is all that the peer's windows ever took."""
        self.taken_bytes = 0
        self.trailers: bytes | None = None
        self.send_window = send_window
        self.window = self.receive_window = window
        self.unread_bytes = 0
        """Of the flow-controlled bytes received, those that the peer has no credit for since nobody has read them."""
        self.credit_bytes = 0
        """And those that were read, whose WINDOW_UPDATE is not worth a frame yet."""
        self.expected_bytes = head.content_length
