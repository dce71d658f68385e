"""The gRPC port's bounds, as the configuration gives them. Made by `config` and the commands, read by `rpc_server`."""

from dataclasses import dataclass

from tidegate_gateway.edge.tls import TlsSettings

__all__ = ["RpcSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcSettings:
    """The port's bounds. Port 0 is any free one; `tls` None: plain text.

    `max_calls` may be under way, `max_streams` of them on one connection, on `max_connections` in all. A connection that says nothing for `keepalive_s` is
    pinged and closed where nothing comes back in `keepalive_timeout_s`. After `max_connection_age_s` a connection is told to go
    (GOAWAY), and `max_connection_grace_s` later it is closed; so a stream ends by itself within the grace. All in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 8081
    tls: TlsSettings | None = None
    reflection: bool = False
    max_calls: int = 2048
    max_connections: int = 1024
    max_streams: int = 256
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0
    max_connection_age_s: float = 1800.0
    max_connection_grace_s: float = 300.0
