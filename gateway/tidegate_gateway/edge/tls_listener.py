"""Accepts connections of a TLS port: handshakes have a deadline and a bound, and each takes the context of its moment.

Used by `servers` in place of the loop's own server, which counts no handshake and keeps one context for ever.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

__all__ = ["TlsListener"]

_ACCEPTED_A_TURN = 64
_BREATH_S = 0.2
"""How long nothing is accepted where the process has no file descriptor left."""
_GOODBYE_S = 2.0


class TlsListener:
    """One listening socket. `close` and `wait_closed` are those of asyncio's servers, so that uvicorn can end it."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext],
        *,
        handshake_s: float,
        most_handshakes: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._context = context
        self._handshake_s = handshake_s
        self._most = most_handshakes
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._pause: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Accept no more; handshakes under way end."""
        if self._pause is not None:
            self._pause.cancel()
        else:
            self._loop.remove_reader(self._listener)
        for task in self._handshakes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until every handshake has ended."""
        if self._handshakes:
            await asyncio.wait(set(self._handshakes))

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_A_TURN):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is left
                self._loop.remove_reader(self._listener)
                self._pause = self._loop.call_later(_BREATH_S, self._listen)
                return
            if len(self._handshakes) >= self._most:
                next(iter(self._handshakes)).cancel()  # the oldest: an honest one takes milliseconds
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._shake_hands(connection))
            self._handshakes[task] = None
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)

    async def _shake_hands(self, connection: socket.socket) -> None:
        """To its end, good or bad; who fails is told by TLS alone."""
        try:
            await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._context(),
                ssl_handshake_timeout=self._handshake_s,
                ssl_shutdown_timeout=_GOODBYE_S,
            )
        except OSError:  # TLS's own faults are OSErrors too
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
