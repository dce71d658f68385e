"""Where an issuer's key set comes from: a small port, and its adapters for files, memory and URLs.

Read by the key cache, which owns every wait and retry; a source reads once and says clearly why it could not.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import httpx2

__all__ = ["MAX_KEY_SET_BYTES", "FileSource", "KeySource", "KeysUnread", "MemorySource", "UrlSource"]

MAX_KEY_SET_BYTES: Final = 256_000
"""No issuer's key set comes near; what is larger is refused before it is read whole."""


class KeysUnread(Exception):
    """The set could not be read; the text says why, in one line of our own words."""


class KeySource(Protocol):
    """One issuer's key set, as bytes."""

    async def read(self) -> bytes:
        """The set's JSON text, at most MAX_KEY_SET_BYTES. Raises KeysUnread. Bounded in time by its caller."""
        ...

    async def aclose(self) -> None:
        """Give back what is held."""
        ...


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A set that is already here: the dev key's."""

    body: bytes

    async def read(self) -> bytes:
        """The set."""
        return self.body

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A set in a file, read anew each time: replace the file to rotate keys."""

    path: Path

    async def read(self) -> bytes:
        """The file's bytes. Raises KeysUnread."""
        return await asyncio.to_thread(self._read)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                body = file.read(MAX_KEY_SET_BYTES + 1)
        except OSError as error:
            raise KeysUnread(f"jwks_file cannot be read: {error.strerror or type(error).__name__}") from error
        if len(body) > MAX_KEY_SET_BYTES:
            raise KeysUnread(f"jwks_file is larger than {MAX_KEY_SET_BYTES} bytes")
        return body


class UrlSource:
    """A set behind a URL: GET, no redirects, no compression, never more than MAX_KEY_SET_BYTES read.

    Proxies and CA bundles of the environment are honoured (HTTPS_PROXY, SSL_CERT_FILE), but for loopback.
    """

    def __init__(self, url: str) -> None:
        import httpx2  # 130 ms, paid only by a gateway whose issuer has a URL

        self._url = url
        self._client = httpx2.AsyncClient(
            follow_redirects=False,
            timeout=None,  # the cache bounds the whole read; a limit for each step would bound nothing
            headers={"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"},
            mounts={"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None},
        )
        self._http_error = httpx2.HTTPError

    async def read(self) -> bytes:
        """The answer's body. Raises KeysUnread."""
        try:
            async with self._client.stream("GET", self._url) as response:
                return await _body(response)
        except self._http_error as error:
            raise KeysUnread(f"jwks_url cannot be read: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _body(response: "httpx2.Response") -> bytes:
    if response.status_code != 200:
        raise KeysUnread(f"jwks_url answered {response.status_code}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise KeysUnread("jwks_url answered in a content encoding that was not asked for")
    declared = response.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_KEY_SET_BYTES:
        raise KeysUnread(f"jwks_url declared more than {MAX_KEY_SET_BYTES} bytes")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_KEY_SET_BYTES:
            raise KeysUnread(f"jwks_url answered with more than {MAX_KEY_SET_BYTES} bytes")
    return bytes(body)
