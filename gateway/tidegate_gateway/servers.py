"""uvicorn as a part of our process: sockets bound by us, signals left to us, one loop for all ports.

Called by `app`. No routes and no decisions here.
"""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tidegate_gateway.http_protocol import CorkedProtocol

__all__ = ["HttpServer", "PortTakenError", "bind"]

_BACKLOG = 2048
_KEEP_ALIVE_S = 75


class PortTakenError(OSError):
    """An address that the gateway cannot listen on; the message names it and says why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 is any free one. Raises PortTakenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


class HttpServer(uvicorn.Server):
    """One port. `serve_on` returns when `should_exit` was set and what was in flight has its answer."""

    def __init__(self, app: ASGIApp, listener: socket.socket, *, drain_s: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=CorkedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=max(1, round(drain_s)),
                h11_max_incomplete_event_size=None,
            )
        )
        self._listener = listener

    @property
    def address(self) -> str:
        """`host:port` as bound."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def serve_on(self) -> None:
        """Serve until told to exit."""
        await self.serve(sockets=[self._listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business, not this port's."""
        yield
