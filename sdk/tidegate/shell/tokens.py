"""Bearer tokens for requests: fixed, from a callable, from a file, or from an issuer (`oauth`). Called by `driver` before each request.

A token is asked for again after a 401, once for each event, and never after a 403: a good token that lacks a right stays one.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from re import compile as regex
from typing import Final, Protocol

__all__ = ["CallableToken", "FileToken", "NoToken", "StaticToken", "TokenSource", "Tokens", "tokens_of", "unsendable"]


_SENDABLE: Final = regex(r"[!-~]+").fullmatch


def unsendable(token: object) -> str | None:
    """Why that can be no bearer token: no request could carry it, however often it went. The words hold nothing of it."""
    if not token:
        return "the token is empty"
    if not isinstance(token, str) or _SENDABLE(token) is None:
        return "the token holds white space (a line break at its end?) or other characters that no bearer token has"
    return None


class NoToken(Exception):
    """No token is to be had now; the message says why, without any of it. The request counts as not sent."""


class Tokens(Protocol):
    """Where tokens come from."""

    async def get(self) -> str | None:
        """The token for the next request, None for none. Raises `NoToken`."""
        ...

    def refused(self, token: str | None) -> None:
        """The gateway refused that token (401): the next `get` must bring another, where there can be one."""
        ...


class StaticToken:
    """Always the same token, or none."""

    __slots__ = ("_token",)

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def get(self) -> str | None:
        """The token."""
        return self._token

    def refused(self, token: str | None) -> None:
        """There is no other."""


class CallableToken:
    """Whatever the application's callable gives; it may be a coroutine function, and should keep what it fetched.

    A plain callable that takes long belongs into a coroutine: it is called on the event loop that delivers.
    """

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], str | Awaitable[str]]) -> None:
        self._ask = ask

    async def get(self) -> str | None:
        """Asks it."""
        try:
            given = self._ask()
            return await given if inspect.isawaitable(given) else given
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise NoToken(f"the token callable raised {type(error).__name__}") from error

    def refused(self, token: str | None) -> None:
        """It is asked for every request anyway."""


class FileToken:
    """A token in a file (a mounted Kubernetes token, for one), read again when the file changed or its token was refused."""

    __slots__ = ("_path", "_seen", "_token")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._token = ""

    async def get(self) -> str | None:
        """The file's text without white space around it."""
        try:
            stat = self._path.stat()
            now = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if now != self._seen:
                self._token = self._path.read_text("ascii").strip()
                self._seen = now
        except (OSError, UnicodeDecodeError) as error:
            raise NoToken(f"the token file cannot be read: {type(error).__name__}") from error
        if not self._token:
            raise NoToken("the token file is empty")
        return self._token

    def refused(self, token: str | None) -> None:
        """Read it again."""
        if token == self._token:
            self._seen = None


TokenSource = str | Path | Callable[[], str | Awaitable[str]] | Tokens | None
"""What a client takes as `token`: the token, a file that holds it, a callable that gives it, or an object like `oauth.ClientCredentials`."""


def tokens_of(source: TokenSource) -> Tokens:
    """The source made one thing. Raises `TypeError`, and `ValueError` for a text that can be no token."""
    if source is None or isinstance(source, str):
        wrong = unsendable(source) if source is not None else None
        if wrong is not None:
            raise ValueError(wrong)
        return StaticToken(source)
    if isinstance(source, Path):
        return FileToken(source)
    if hasattr(source, "get") and hasattr(source, "refused"):
        return source
    if callable(source):
        return CallableToken(source)
    raise TypeError("token is a str, a Path to a file that holds it, a callable that gives it, or ClientCredentials")
