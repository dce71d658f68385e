"""`ClientCredentials`: tokens from an OAuth 2.0 issuer (RFC 6749, section 4.4). Given to a client as its `token`; asked by `driver`.

Refreshed before it expires, in the background; one request at a time however many ask; again after a 401. The secret goes to the issuer
and nowhere else, and stands in no error.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol
from urllib.parse import quote_plus, urlsplit

import msgspec

from tidegate.shell.tokens import NoToken

__all__ = ["ClientCredentials", "IssuerAnswer", "PostForm"]

_EARLY: Final = 0.2
"""The last part of a token's life in which it is refreshed."""
_LIFETIME_S: Final = 300.0
"""A token's life where its issuer does not say."""
_NOT_AGAIN_S: Final = 2.0
"""So long after a failed or refused token nobody asks again: an issuer that is down is not hammered."""
_TIMEOUT_S: Final = 10.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerAnswer:
    """What an issuer answered."""

    status: int
    body: bytes


class PostForm(Protocol):
    """Posts a form and gives the answer. Raises whatever a network can do."""

    async def __call__(
        self, url: str, form: dict[str, str], basic: tuple[str, str] | None, timeout_s: float
    ) -> IssuerAnswer: ...


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float | None = None


_decode = msgspec.json.Decoder(_Granted, strict=False).decode


class ClientCredentials:
    """One client at one issuer. May be shared by clients of one event loop."""

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        audience: str | None = None,
        client_auth: Literal["basic", "post"] = "basic",
        post: PostForm | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`scope` is a list with spaces between. `client_auth`: the secret in HTTP Basic authentication, or in the form. `post` and `now` are for tests.

        Raises `ValueError` for a URL that is not https (or on loopback).
        """
        parts = urlsplit(token_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("token_url begins with https://: the client's secret goes there")
        self._url = token_url
        self._form = {"grant_type": "client_credentials"}
        if scope is not None:
            self._form["scope"] = scope
        if audience is not None:
            self._form["audience"] = audience
        self._basic: tuple[str, str] | None = None
        if client_auth == "basic":
            self._basic = (quote_plus(client_id), quote_plus(client_secret))  # RFC 6749, section 2.3.1
        else:
            self._form |= {"client_id": client_id, "client_secret": client_secret}
        self._post = post or _post_with_httpx2
        self._now = now
        self._token: str | None = None
        self._refresh_at = self._expires_at = self._ask_at = self._refused_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def get(self) -> str | None:
        """The token; waits for the issuer where there is none that is still good. Raises `NoToken`."""
        now = self._now()
        if self._token is not None and now < self._expires_at:
            if now >= self._refresh_at and now >= self._ask_at:
                self._ask()
            return self._token
        if now < self._ask_at and not self._is_asking():
            raise NoToken("no good token came of the issuer a moment ago")
        await asyncio.shield(self._ask())
        if self._token is None:
            raise NoToken("the issuer gave no token")
        return self._token

    def refused(self, token: str | None) -> None:
        """The gateway refused that token: the next one comes from the issuer, unless it came meanwhile."""
        if token == self._token:
            # one refusal is answered at once; where every new token is refused too, the issuer is not asked for each request
            self._ask_at = max(self._ask_at, self._refused_at + _NOT_AGAIN_S)
            self._refused_at = self._now()
            self._expires_at = float("-inf")
            self._token = None

    def _is_asking(self) -> bool:
        task = self._asking
        return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()

    def _ask(self) -> "asyncio.Task[None]":
        """The one request that is under way, begun where there is none."""
        if self._asking is None or not self._is_asking():
            self._asking = asyncio.get_running_loop().create_task(self._fetch())
            self._asking.add_done_callback(_retrieved)
        return self._asking

    async def _fetch(self) -> None:
        self._ask_at = self._now() + _NOT_AGAIN_S
        try:
            answer = await self._post(self._url, self._form, self._basic, _TIMEOUT_S)
        except Exception as error:
            raise NoToken(f"the issuer was not reached: {type(error).__name__}") from error
        if answer.status != 200:
            raise NoToken(f"the issuer refused with HTTP status {answer.status}")
        try:
            granted = _decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NoToken("the issuer's answer holds no access_token") from error
        life_s = granted.expires_in if granted.expires_in is not None and granted.expires_in > 0 else _LIFETIME_S
        now = self._now()
        self._token = granted.access_token
        self._expires_at = now + life_s
        self._refresh_at = now + life_s * (1 - _EARLY)
        self._ask_at = float("-inf")


def _retrieved(task: "asyncio.Task[None]") -> None:
    """A refresh in the background that failed is tried again; nobody waits for it."""
    if not task.cancelled():
        task.exception()


async def _post_with_httpx2(
    url: str, form: dict[str, str], basic: tuple[str, str] | None, timeout_s: float
) -> IssuerAnswer:
    import httpx2  # 130 ms, and only for who asks an issuer

    async with httpx2.AsyncClient(follow_redirects=False, timeout=timeout_s) as client:
        auth = httpx2.BasicAuth(*basic) if basic is not None else httpx2.USE_CLIENT_DEFAULT
        response = await client.post(url, data=form, auth=auth, headers={"accept": "application/json"})
        return IssuerAnswer(status=response.status_code, body=response.content)
