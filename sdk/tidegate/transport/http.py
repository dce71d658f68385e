"""The HTTP transport, on httpx2. Imports httpx2, so nobody imports this module before a client sends."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import httpx2

from tidegate.transport.ndjson import batch_body, read_answer
from tidegate.transport.port import Answer, Bundle, BundleAnswer, NoBundle, NotModified, Request, Unreached
from tidegate.transport.retry_after import retry_after_s

__all__ = ["HttpTransport"]

_NDJSON: Final = "application/x-ndjson"
_MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_NOT_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
"""Failures before a byte of the request left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    status: int
    headers: httpx2.Headers
    body: bytes


class HttpTransport:
    """Requests to one gateway over kept connections. Follows no redirect: a token goes to the gateway that was named and nowhere else."""

    def __init__(
        self, base_url: str, *, user_agent: str, connect_timeout_s: float = 5.0, verify: bool | str = True
    ) -> None:
        """`verify`: false for none, or a file of CA certificates, in place of the system's."""
        self._base_url = base_url
        self._connect_timeout_s = connect_timeout_s
        self._client = httpx2.AsyncClient(
            verify=verify,
            follow_redirects=False,
            headers={"user-agent": user_agent, "accept-encoding": "identity"},
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0),
        )

    async def send(self, request: Request, timeout_s: float) -> Answer:
        """`POST /v1/topics/{topic}/events:batch`."""
        headers = {"content-type": _NDJSON}
        if request.token is not None:
            headers["authorization"] = f"Bearer {request.token}"
        if request.traceparent is not None:
            headers["traceparent"] = request.traceparent
        url = f"{self._base_url}/v1/topics/{request.topic}/events:batch"
        try:
            async with asyncio.timeout(timeout_s):
                body = batch_body(request.events)
                response = await self._ask("POST", url, headers, timeout_s, body)
        except TimeoutError:
            return Unreached(reason=f"no answer within {timeout_s:.0f} s", maybe_stored=True)
        except httpx2.HTTPError as error:
            return _unreached(error)
        except (OSError, RuntimeError) as error:  # anyio's own, and a loop that is being closed
            return Unreached(reason=f"no connection: {type(error).__name__}", maybe_stored=True)
        wait_s = retry_after_s(response.headers.get("retry-after"), time.time())
        return read_answer(response.status, response.body, wait_s)

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:
        """`GET /v1/topics/{topic}/bundle`, with If-None-Match."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        if etag is not None:
            headers["if-none-match"] = etag
        try:
            async with asyncio.timeout(timeout_s):
                url = f"{self._base_url}/v1/topics/{topic}/bundle"
                response = await self._ask("GET", url, headers, timeout_s)
        except (TimeoutError, httpx2.HTTPError, OSError, RuntimeError) as error:
            return NoBundle(reason=f"the gateway was not reached: {type(error).__name__}")
        if response.status == 304:
            return NotModified()
        if response.status == 200:
            return Bundle(body=response.body, etag=response.headers.get("etag", ""))
        return NoBundle(
            reason=f"the gateway gave no contract (HTTP status {response.status})",
            final=response.status in (403, 404),
        )

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], timeout_s: float, body: bytes | None = None
    ) -> _Response:
        """One request and its answer, read no further than any gateway's could be long. Raises httpx2's errors."""
        timeout = httpx2.Timeout(timeout_s, connect=min(self._connect_timeout_s, timeout_s))
        async with self._client.stream(method, url, content=body, headers=headers, timeout=timeout) as response:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > _MAX_ANSWER_BYTES:
                    raise httpx2.RemoteProtocolError("the answer is longer than a gateway's")
            return _Response(status=response.status_code, headers=response.headers, body=b"".join(parts))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def _unreached(error: httpx2.HTTPError) -> Unreached:
    if isinstance(error, _NOT_SENT):
        return Unreached(reason=f"no connection to the gateway: {type(error).__name__}", maybe_stored=False)
    return Unreached(reason=f"the connection ended without an answer: {type(error).__name__}", maybe_stored=True)
