"""A request's body: bounded in bytes, time and memory, decompressed while it streams. Called by `hot` after `admit`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from functools import partial
from types import coroutine
from typing import Any

from tidegate.errors import Code
from tidegate_gateway.doors.rest.decompress import inflater, surely_holds_more
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import Reservation

__all__ = ["Body", "Disconnected", "Receive", "declared_too_large"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_TURN_BYTES = 262_144
"""The loop is yielded to after so many decompressed bytes (under a millisecond)."""
_PIECE_OVERHEAD_BYTES = 1024
"""What a piece counts for beside its bytes: ever so many tiny ones take their time too."""
_LINGER_BYTES = 16_777_216
"""So much of a body that nobody wants is still read, so that its sender hears the answer before the connection ends."""
_SLACK_BYTES = 1024


class Disconnected(Exception):
    """The client went away: there is nobody to answer."""


def declared_too_large(length: int | None, limit_bytes: int, *, encoding: str) -> bool:
    """Whether the declared length alone says that the body is over its limit. compression may add a little to what it holds."""
    if length is None:
        return False
    return length > (limit_bytes + limit_bytes // 1024 + _SLACK_BYTES if encoding else limit_bytes)


class Body:
    """One request's body; nothing of it is kept here.

    `begun`: some of it was asked for. `complete`: it arrived to its end. `late`: it did not before the deadline.
    """

    __slots__ = ("_deadline_s", "_receive", "begun", "complete", "late")

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._deadline_s = asyncio.get_running_loop().time() + timeout_s
        self.begun = False
        self.complete = False
        self.late = False

    async def read(self, *, encoding: str, limit_bytes: int, reservation: Reservation) -> bytes:
        """The whole body, decompressed from `encoding` (none: as it is); the reservation grows with it.

        Raises `too_large`, `timeout`, `overloaded`, `malformed` (no such encoding), `Disconnected`.
        """
        try:
            chunk = await self._first_chunk()
            if self.complete and not encoding:
                _check(len(chunk), limit_bytes)
                reservation.grow_to(len(chunk))
                return chunk
            async with asyncio.timeout_at(self._deadline_s):
                if encoding:
                    return await self._inflated(chunk, encoding, limit_bytes, reservation)
                return await self._plain(chunk, limit_bytes, reservation)
        except TimeoutError:
            self.late = True
            raise Fault(Code.TIMEOUT, "the body did not arrive before the deadline") from None

    async def linger(self) -> None:
        """Read on and forget: to the body's end, a bound of bytes, or the deadline."""
        left = _LINGER_BYTES
        try:
            async with asyncio.timeout_at(self._deadline_s):
                while not self.complete and left > 0:
                    left -= len(await self._chunk())
        except (TimeoutError, Disconnected):
            return

    async def _first_chunk(self) -> bytes:
        """Most bodies have come with their head: then no timer is set, which costs more than all the rest here."""
        self.begun = True
        waiting = self._receive()
        if isinstance(waiting, Coroutine):
            try:
                step = waiting.send(None)
            except StopIteration as done:
                return self._taken(done.value)
            waiting = _resumed(waiting, step)
        async with asyncio.timeout_at(self._deadline_s):
            return self._taken(await waiting)

    async def _chunk(self) -> bytes:
        self.begun = True
        return self._taken(await self._receive())

    def _taken(self, message: MutableMapping[str, Any]) -> bytes:
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk

    async def _plain(self, chunk: bytes, limit_bytes: int, reservation: Reservation) -> bytes:
        whole = bytearray()
        while True:
            _check(len(whole) + len(chunk), limit_bytes)
            reservation.grow_to(len(whole) + len(chunk))
            whole += chunk
            if self.complete:
                return bytes(whole)
            chunk = await self._chunk()

    async def _inflated(self, chunk: bytes, encoding: str, limit_bytes: int, reservation: Reservation) -> bytes:
        pieces: list[bytes] = []  # a buffer that grows is moved, and then takes its size twice and more
        size_bytes = 0
        if self.complete and surely_holds_more(chunk, encoding, limit_bytes):
            raise _too_large(limit_bytes)
        reader = inflater(encoding)
        turn_bytes = 0
        while True:
            for piece in reader.feed(chunk):
                size_bytes += len(piece)
                _check(size_bytes, limit_bytes)
                # Twice: what was decompressed stays in the decoder's window too.
                reservation.grow_to(2 * size_bytes)
                pieces.append(piece)
                turn_bytes += len(piece) + _PIECE_OVERHEAD_BYTES
                if turn_bytes >= _TURN_BYTES:
                    turn_bytes = 0
                    await asyncio.sleep(0)
            if self.complete:
                reader.finish()
                return b"".join(pieces)
            chunk = await self._chunk()


@coroutine
def _resumed(
    waiting: Coroutine[Any, Any, MutableMapping[str, Any]], step: object
) -> Generator[object, object, MutableMapping[str, Any]]:
    """Await a coroutine that was begun by hand and stopped at `step` (what `yield from` does, PEP 380, from there on)."""
    while True:
        try:
            sent = yield step
        except BaseException as error:
            resume = partial(waiting.throw, error)
        else:
            resume = partial(waiting.send, sent)
        try:
            step = resume()
        except StopIteration as done:
            message: MutableMapping[str, Any] = done.value
            return message


def _check(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> Fault:
    return Fault(Code.TOO_LARGE, f"the body takes more than {limit_bytes} bytes (decompressed)")
