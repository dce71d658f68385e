"""The gateway's URL, checked once, and what it says of the transport. Called by both shells."""

from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Endpoint", "endpoint_of"]

_SCHEMES = ("https", "http", "grpcs", "grpc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A gateway. `url` is as requests begin with it, without a slash at its end; `target` is host and port, for gRPC."""

    url: str
    target: str
    grpc: bool
    secure: bool

    @property
    def docs_url(self) -> str:
        """What links to docs pages begin with; empty where the URL is no web page's."""
        return "" if self.grpc else self.url


def endpoint_of(url: str) -> Endpoint:
    """The URL read. Raises `ValueError` for what names no gateway."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("the gateway's URL begins with https:// (http://, grpcs://, grpc://) and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong into the gateway's URL; give a token")
    if parts.query or parts.fragment:
        raise ValueError("the gateway's URL ends with its host or path: no query, no fragment")
    over_grpc = parts.scheme.startswith("grpc")
    if over_grpc and parts.path.rstrip("/"):
        raise ValueError("a gRPC URL has a host and a port and no path")
    secure = parts.scheme.endswith("s")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = f"{host}:{parts.port or (443 if secure else 80)}"
    return Endpoint(url=url.rstrip("/"), target=target, grpc=over_grpc, secure=secure)
