"""The base of the clients that `tidegate codegen` writes: one class a domain, one method a topic, on a `Client`.

Generated subclasses call `_track`; nothing here knows a contract.
"""

import os
from types import TracebackType
from typing import Self

from tidegate.client import Client
from tidegate.settings import ClientSettings
from tidegate.shell.tokens import TokenSource
from tidegate.wire.results import ResultLine

__all__ = ["URL_VARIABLE", "DomainClient"]

URL_VARIABLE = "TIDEGATE_URL"
"""The environment variable that names the gateway where the caller does not."""


class DomainClient:
    """Publishes the events of one domain. Safe to share between threads; made once and kept. Close it, or use it in a `with` statement."""

    def __init__(self, client: Client) -> None:
        """On a client of the caller's, which `close` closes too."""
        self.client = client

    @classmethod
    def from_token(cls, token: TokenSource, url: str | None = None, *, settings: ClientSettings | None = None) -> Self:
        """A client of its own for the gateway at `url` (None: the environment's TIDEGATE_URL).

        `token`: a bearer token, a `Path` to a file that holds it, a callable that gives it, or `ClientCredentials`. Raises `ValueError` without
        a URL, or for one that cannot be.
        """
        where = url or os.environ.get(URL_VARIABLE, "")
        if not where:
            raise ValueError(f"no gateway is named: give url, or set {URL_VARIABLE}")
        return cls(Client(where, token, settings=settings))

    def _track(
        self,
        topic: str,
        version: int,
        event: object,
        kind: type,
        key: str | bytes | None,
        event_id: str | None,
        timeout_s: float | None,
    ) -> ResultLine:
        """One event of a generated model, in the version that the model was made from."""
        if not isinstance(event, kind):
            raise TypeError(f"{topic} takes {kind.__name__}, not {type(event).__name__}")
        return self.client.publish(topic, event, key=key, id=event_id, version=version, timeout_s=timeout_s)

    def close(self, timeout_s: float = 5.0) -> int:
        """As `Client.close`: answers how many events were given up."""
        return self.client.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
