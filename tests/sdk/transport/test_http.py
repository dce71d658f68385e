"""HTTP against a scripted server: the right class, the same id, the deadline kept (faults 13)."""

import asyncio
import time
from email.utils import formatdate

import pytest
from tests.sdk.delivery.conftest import outgoing
from tests.sdk.transport.scripted import Act, answer, problem, raw, serving, stored

from tidegate import exceptions
from tidegate.async_client import AsyncClient
from tidegate.errors import Code
from tidegate.settings import ClientSettings
from tidegate.transport.http import HttpTransport
from tidegate.transport.port import Answer, Bundle, NoBundle, NotModified, Receipted, Refusal, Request, Unreached

DEAD = "http://127.0.0.1:1"


async def sent(url: str, timeout_s: float = 5.0, token: str | None = None) -> Answer:
    transport = HttpTransport(url, user_agent="test")
    try:
        return await transport.send(Request(topic="t", events=[outgoing("e1")], token=token), timeout_s)
    finally:
        await transport.aclose()


async def test_a_batch_is_ndjson_with_token_and_user_agent() -> None:
    async with serving(stored) as script:
        said = await sent(script.url, token="abc")
    assert isinstance(said, Receipted)
    (seen,) = script.seen
    assert seen.path == "/v1/topics/t/events:batch"
    assert seen.headers["content-type"] == "application/x-ndjson"
    assert seen.headers["authorization"] == "bearer abc"
    assert seen.lines == [{"id": "e1", "value": {}}]


@pytest.mark.parametrize(
    ("act", "code", "status"),
    [
        (problem(429, "rate_limited"), Code.RATE_LIMITED, 429),
        (problem(503, "overloaded"), Code.OVERLOADED, 503),
        (problem(403, "forbidden"), Code.FORBIDDEN, 403),
        (problem(503, "code_of_2030"), None, 503),
        (raw(answer(503, b"<html>a proxy</html>")), None, 503),
        (raw(answer(302, location="http://evil.example.com/")), None, 302),
        (raw(answer(200, b"not a receipt")), None, 502),
        (raw(answer(200, b'{"results": 7}')), None, 502),
        (raw(answer(204)), None, 502),
    ],
)
async def test_a_refusal_is_read_for_what_it_is(act: Act, code: Code | None, status: int) -> None:
    async with serving(act) as script:
        said = await sent(script.url)
    assert isinstance(said, Refusal)
    assert (said.code, said.status) == (code, status)
    assert len(script.seen) == 1, "no redirect is followed, nothing is retried here"


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("in 100 s", 30, 101),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
    ],
)
async def test_retry_after_is_seconds_or_a_date(header: str, low: float, high: float) -> None:
    if header == "in 100 s":
        header = formatdate(time.time() + 100, usegmt=True)
    async with serving(problem(503, "overloaded", retry_after=header)) as script:
        said = await sent(script.url)
    assert isinstance(said, Refusal)
    assert said.retry_after_s is not None
    assert low <= said.retry_after_s <= high


@pytest.mark.parametrize("header", ["soon", "-5", "1e99", "", "9" * 400, "Feb 30", "٣"])
async def test_a_garbled_retry_after_is_none_or_bounded(header: str) -> None:
    async with serving(problem(503, "overloaded", retry_after=header.encode().decode("latin-1"))) as script:
        said = await sent(script.url)
    assert isinstance(said, Refusal)
    assert said.retry_after_s is None or said.retry_after_s >= 0


@pytest.mark.parametrize(
    "act",
    [
        raw(None),
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{..."),
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n..."),
        raw(b"SSH-2.0-OpenSSH_9\r\n\r\n..."),
        raw(b"HTTP/1.1 2x0 ...."),
    ],
)
async def test_half_an_answer_is_none_and_the_event_may_be_stored(act: Act) -> None:
    async with serving(act) as script:
        said = await sent(script.url)
    assert isinstance(said, Unreached)
    assert said.maybe_stored


async def test_no_connection_is_surely_not_stored() -> None:
    said = await sent(DEAD)
    assert isinstance(said, Unreached)
    assert not said.maybe_stored


async def test_a_server_that_says_nothing_is_waited_for_no_longer_than_allowed() -> None:
    async with serving(raw(b"")) as script:
        async with asyncio.timeout(20):
            said = await sent(script.url, timeout_s=0.2)
    assert isinstance(said, Unreached)
    assert said.maybe_stored


async def test_a_server_that_drips_is_waited_for_no_longer_than_allowed() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(400):
            if writer.transport.is_closing() or reader.at_eof():
                break
            writer.write(b"H")
            await asyncio.sleep(0.02)
        writer.close()
        gone.set()

    gone = asyncio.Event()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(20):
            said = await sent(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.3)
            await gone.wait()
    finally:
        server.close()
    assert isinstance(said, Unreached)


async def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.transport.http._MAX_ANSWER_BYTES", 10_000)
    async with serving(raw(answer(200, b"x" * 1_000_000))) as script:
        said = await sent(script.url)
    assert isinstance(said, Unreached)
    assert "RemoteProtocolError" in said.reason


async def test_a_token_that_is_no_header_is_no_crash() -> None:
    async with serving(stored) as script:
        said = await sent(script.url, token="two\r\nlines: yes")
    assert isinstance(said, Unreached)
    assert script.seen == []


async def test_a_bundle_comes_with_its_etag_and_is_asked_for_by_it() -> None:
    async with serving(
        raw(answer(200, b"{}", etag='"v1"')), raw(answer(304)), problem(403, "forbidden"), raw(None)
    ) as script:
        transport = HttpTransport(script.url, user_agent="test")
        assert await transport.bundle("t", None, "abc", 5) == Bundle(body=b"{}", etag='"v1"')
        assert await transport.bundle("t", '"v1"', None, 5) == NotModified()
        refused, lost = [await transport.bundle("t", None, None, 5) for _ in range(2)]
        await transport.aclose()
    assert isinstance(refused, NoBundle)
    assert refused.final
    assert isinstance(lost, NoBundle)
    assert not lost.final
    assert script.seen[1].headers["if-none-match"] == '"v1"'


@pytest.mark.parametrize(
    "trouble",
    [
        [problem(503, "overloaded", retry_after="0")],
        [problem(429, "rate_limited", retry_after="garbage")],
        [raw(None)],
        [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{...")],
        [raw(answer(502, b"bad gateway"))],
        [raw(None), problem(500, "internal"), raw(answer(200, b"?"))],
    ],
)
async def test_whatever_is_retryable_is_tried_again_with_the_same_id(trouble: list[Act]) -> None:
    async with (
        serving(*trouble, stored) as script,
        AsyncClient(script.url, settings=ClientSettings(judge=False)) as gate,
    ):
        receipt = await gate.publish("t", {"n": 1})
    assert receipt.status == "stored"
    assert {line["id"] for seen in script.seen for line in seen.lines} == {receipt.id}
    assert len(script.seen) == len(trouble) + 1


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (problem(503, "overloaded"), exceptions.Overloaded),
        (raw(None), exceptions.OutcomeUnknown),
        (raw(answer(502, b"")), exceptions.OutcomeUnknown),
        (problem(429, "rate_limited", retry_after="1"), exceptions.RateLimited),
    ],
)
async def test_the_deadline_is_kept_and_the_class_is_right(act: Act, error: type[Exception]) -> None:
    async with (
        serving(act) as script,
        AsyncClient(script.url, settings=ClientSettings(judge=False, deadline_s=0.5)) as gate,
    ):
        async with asyncio.timeout(20):
            with pytest.raises(error):
                await gate.publish("t", {"n": 1})


async def test_retry_after_is_waited_for() -> None:
    async with (
        serving(problem(503, "overloaded", retry_after="1"), stored) as script,
        AsyncClient(script.url, settings=ClientSettings(judge=False)) as gate,
    ):
        began = time.monotonic()
        await gate.publish("t", {"n": 1})
        assert time.monotonic() - began >= 1.0
