"""A stream of requests answered in their order: read ahead as far as there is room, judged one after the other, stored together.

Used by `ingest` and `typed` for methods whose requests stream. What one request means is the method's.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

__all__ = ["Closing", "Conversation", "Take", "answer_in_order"]

_WINDOW = 16
"""So many requests of one stream may be under way; then nothing more is read, and HTTP/2 tells the client to wait."""
_WINDOW_BYTES = 4_194_304
"""Nor is anything read while those, and the responses that their client has not taken, hold so many bytes."""

Take = Callable[[bytes, Callable[[], None]], Awaitable[bytes]]
"""Answers one request. It calls what it is given once the next may be judged without overtaking it; what it raises ends the stream."""


class Conversation(Protocol):
    """What is read from and written to: a call, or what a method makes of one."""

    async def read(self) -> bytes | None:
        """The next request; None where the client has sent its last."""
        ...

    async def write(self, response: bytes) -> None:
        """Send a response; waits while the client does not read."""
        ...


class Closing:
    """The moment when streams stop reading: the port drains. Set once; each stream is told."""

    __slots__ = ("_listeners", "begun")

    def __init__(self) -> None:
        self.begun = False
        self._listeners: set[Callable[[], None]] = set()

    def begin(self) -> None:
        """Tell every stream; those to come are told at once."""
        self.begun = True
        for listener in tuple(self._listeners):
            listener()

    def tell(self, listener: Callable[[], None]) -> None:
        """Call the listener when it begins; now, if it has."""
        self._listeners.add(listener)
        if self.begun:
            listener()

    def forget(self, listener: Callable[[], None]) -> None:
        """The stream is over."""
        self._listeners.discard(listener)


async def answer_in_order(call: Conversation, take: Take, closing: Closing, lifetime_s: float) -> None:
    """Answer until the client has closed its side, the port drains, or the stream is `lifetime_s` old; then what is owed.

    A request that was not read then gets no response: its sender opens a new stream. Raises what `take` or a read raises, once
    everything before it was answered.
    """
    stream = _Stream(call, take)
    timer = asyncio.get_running_loop().call_later(lifetime_s, stream.stop)
    closing.tell(stream.stop)
    reader = asyncio.create_task(stream.read_on())
    try:
        await stream.write_on()
        if reader.done():  # what it ended with may be the end of the call: a message that is too long, or none
            await reader
    finally:
        closing.forget(stream.stop)
        timer.cancel()
        stream.abandon(reader)


class _Stream:
    """One stream: its requests under way, oldest first."""

    def __init__(self, call: Conversation, take: Take) -> None:
        self._call = call
        self._take = take
        self._under_way: asyncio.Queue[tuple[asyncio.Task[bytes], int] | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._stopped = False
        self._count = self._bytes = 0

    def stop(self) -> None:
        """Read no more; what was read is answered, then the stream ends."""
        if not self._stopped:
            self._stopped = True
            self._under_way.put_nowait(None)

    async def read_on(self) -> None:
        """Read, and begin each request once the one before it may not be overtaken any more."""
        try:
            while not self._stopped:
                await self._room.wait()
                message = await self._call.read()
                if message is None or self._stopped:
                    return
                judged = asyncio.Event()
                task = asyncio.create_task(self._one(message, judged))
                self._begun(task, len(message))
                await judged.wait()
        finally:
            self.stop()

    async def write_on(self) -> None:
        """Write each response when it is its turn."""
        while (next_one := await self._under_way.get()) is not None:
            task, size_bytes = next_one
            response = await task
            await self._call.write(response)
            self._ended(size_bytes + len(response))

    def abandon(self, reader: asyncio.Task[None]) -> None:
        """The stream is over, one way or another: nothing of it may go on."""
        reader.add_done_callback(_heard)
        reader.cancel()
        self._stopped = True
        while not self._under_way.empty():
            if (left := self._under_way.get_nowait()) is not None:
                left[0].add_done_callback(_heard)
                left[0].cancel()

    async def _one(self, message: bytes, judged: asyncio.Event) -> bytes:
        try:
            response = await self._take(message, judged.set)
            self._hold(len(response))
            return response
        finally:
            judged.set()

    def _begun(self, task: asyncio.Task[bytes], size_bytes: int) -> None:
        self._count += 1
        self._hold(size_bytes)
        self._under_way.put_nowait((task, size_bytes))

    def _hold(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if self._count >= _WINDOW or self._bytes >= _WINDOW_BYTES:
            self._room.clear()

    def _ended(self, size_bytes: int) -> None:
        self._count -= 1
        self._bytes -= size_bytes
        if self._count < _WINDOW and self._bytes < _WINDOW_BYTES:
            self._room.set()


def _heard(task: asyncio.Task[None] | asyncio.Task[bytes]) -> None:
    """Whatever a task that nobody waits for ended with is no news."""
    with suppress(asyncio.CancelledError):
        task.exception()
