"""Plain questions to a gateway for the commands `topics`, `doctor` and `validate`: one request each, no retry. Publishing is the client's."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx2
import msgspec

from tidegate.shell.endpoint import endpoint_of

__all__ = ["Asker", "CannotAsk", "Reply", "TopicRow"]

_TIMEOUT_S = 10.0


class CannotAsk(Exception):
    """The gateway was not reached; the message is for people."""


class TopicRow(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as `GET /v1/topics` lists it."""

    topic: str
    status: str = ""
    version: int = 0
    purpose: str = ""
    owner: dict[str, str] | None = None

    @property
    def team(self) -> str:
        """Who owns it."""
        return (self.owner or {}).get("team", "")


class _Topics(msgspec.Struct, frozen=True):
    topics: list[TopicRow]


class _Said(msgspec.Struct, frozen=True):
    detail: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `took_s`: from asking to all of it. `clock_skew_s`: how far our clock is ahead of the gateway's, to a second; None where it did not tell."""

    status: int
    body: bytes
    took_s: float
    clock_skew_s: float | None

    @property
    def reason(self) -> str:
        """What the gateway said of a refusal."""
        try:
            said = msgspec.json.decode(self.body, type=_Said)
        except msgspec.MsgspecError:
            return f"HTTP status {self.status}"
        return f"{said.detail or said.code or 'no reason given'} (HTTP status {self.status})"


class Asker:
    """One gateway. A context manager."""

    def __init__(self, url: str, token: str | None) -> None:
        """Raises `ValueError` for what is no URL of a gateway, or is its gRPC port's."""
        endpoint = endpoint_of(url)
        if endpoint.grpc:
            raise ValueError("this command asks over HTTP: give the gateway's https:// URL")
        self._url = endpoint.url
        headers = {"user-agent": "tidegate-cli"} | ({"authorization": f"Bearer {token}"} if token else {})
        self._client = httpx2.Client(headers=headers, timeout=_TIMEOUT_S, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> Reply:
        """`GET`. Raises `CannotAsk`."""
        return self._ask("GET", path, None)

    def topics(self) -> list[TopicRow]:
        """What the gateway lists. Raises `CannotAsk`, also where it refuses."""
        reply = self.get("/v1/topics")
        if reply.status != 200:
            raise CannotAsk(f"the gateway lists no topics: {reply.reason}")
        try:
            return msgspec.json.decode(reply.body, type=_Topics).topics
        except msgspec.MsgspecError as error:
            raise CannotAsk(f"what answers at {self._url} is no Tidegate gateway") from error

    def may_publish(self, topic: str) -> Reply:
        """Has an empty object judged, which publishes nothing: 401 or 403 say that the token does not do. Raises `CannotAsk`."""
        return self._ask("POST", f"/v1/topics/{topic}/events:validate", b"{}")

    def _ask(self, method: str, path: str, body: bytes | None) -> Reply:
        began = time.monotonic()
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            response = self._client.request(method, f"{self._url}{path}", content=body, headers=headers)
        except (httpx2.HTTPError, OSError) as error:
            raise CannotAsk(f"{self._url} was not reached: {str(error) or type(error).__name__}") from error
        skew_s: float | None = None
        try:
            skew_s = time.time() - parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        except ValueError:
            skew_s = None
        return Reply(
            status=response.status_code, body=response.content, took_s=time.monotonic() - began, clock_skew_s=skew_s
        )
