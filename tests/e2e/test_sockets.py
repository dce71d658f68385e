"""What goes over the wire, byte by byte: writes, waits for the body, pipelining, and how connections end."""

import gzip
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.processes import GatewayProcess, gateway_process

BODY_TIMEOUT_S = 0.5
GOOD = json.dumps(
    {
        "orderId": "2f1c6b0e-0000-4000-8000-000000000001",
        "customerId": "c-1",
        "placedAt": "2026-01-31T12:00:00Z",
        "items": [{"coffee": "ESPRESSO", "boldness": 7}],
        "total": "1",
    }
).encode()


@dataclass(frozen=True)
class Answer:
    """One answer as it came. `first_read` is what the first read of the socket gave."""

    status: int
    fields: dict[str, str]
    body: bytes
    first_read: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Wire:
    """One connection; every read ends after 10 seconds."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._rest = b""

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def answer(self, *, body: bool = True) -> Answer:
        """The next answer, interim ones included; `body` False for one to HEAD."""
        first = b""
        while b"\r\n\r\n" not in self._rest:
            first = first or self._read()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        line, *rows = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        length = int(fields.get("content-length", "0")) if body else 0
        while len(self._rest) < length:
            self._read()
        content, self._rest = self._rest[:length], self._rest[length:]
        return Answer(int(line.split(" ")[1]), fields, content, first)

    def answer_after(self, ask: Callable[[], None], status: int) -> Answer:
        """Ask until the answer has this status: a signal takes its time."""
        ends = time.monotonic() + 10
        while True:
            ask()
            answer = self.answer()
            if answer.status == status or time.monotonic() > ends:
                return answer

    def closed(self) -> bool:
        """Whether the server ends the connection and says nothing more."""
        with suppress(ConnectionResetError):
            while data := self._sock.recv(65536):
                self._rest += data
        return not self._rest

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self._sock.settimeout(seconds)
        try:
            self._rest += self._sock.recv(65536)
        except TimeoutError:
            return not self._rest
        finally:
            self._sock.settimeout(10.0)
        return False

    def _read(self) -> bytes:
        data = self._sock.recv(65536)
        if not data:
            raise AssertionError(f"the connection ended; so far: {self._rest[:200]!r}")
        self._rest += data
        return data


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with little patience for bodies."""
    more = f"[server]\ndrain_s = 2\nbody_timeout_s = {BODY_TIMEOUT_S}\n"
    with gateway_process(tmp_path_factory.mktemp("sockets"), None, more=more) as running:
        yield running


@contextmanager
def connect(gateway: GatewayProcess) -> Iterator[Wire]:
    host, port = gateway.http.split(":")
    with socket.create_connection((host, int(port)), timeout=10.0) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(sock)


def head(
    gateway: GatewayProcess,
    *fields: str,
    topic: str = "customer.orders",
    token: str | None = None,
    media: str = "application/json",
) -> bytes:
    rows = (
        f"POST /v1/topics/{topic}/events:validate HTTP/1.1",
        "Host: gate",
        f"Authorization: Bearer {token or gateway.token()}",
        *([f"Content-Type: {media}"] if media else []),
        *fields,
    )
    return "".join(f"{row}\r\n" for row in rows).encode() + b"\r\n"


def whole(gateway: GatewayProcess, body: bytes = GOOD, *fields: str) -> bytes:
    return head(gateway, f"Content-Length: {len(body)}", *fields) + body


def test_head_and_body_leave_in_one_write(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        for body in (GOOD, b"{}"):
            wire.send(whole(quick, body))
            answer = wire.answer()
            assert answer.first_read.endswith(answer.body)
            assert len(answer.body) > 100


def test_answers_to_pipelined_requests_come_in_order(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(whole(quick, GOOD, "Event-Id: one") + whole(quick, b"{}") + whole(quick, GOOD, "Event-Id: three"))
        first, second, third = wire.answer(), wire.answer(), wire.answer()
    assert [answer.status for answer in (first, second, third)] == [200, 400, 200]
    assert (json.loads(first.body)["id"], json.loads(third.body)["id"]) == ("one", "three")


def test_a_body_that_is_wanted_is_asked_for(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(head(quick, f"Content-Length: {len(GOOD)}", "Expect: 100-continue"))
        assert wire.answer().status == 100
        wire.send(GOOD)
        assert wire.answer().status == 200
        wire.send(whole(quick))
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    ("topic", "token", "length", "expected"),
    [
        ("customer.orders", "no.good.token", 500, (401, "unauthenticated")),
        ("nobodys", None, 500, (404, "unknown_topic")),
        ("__consumer_offsets", None, 500, (400, "malformed")),
        ("customer.orders", None, 65_537, (413, "too_large")),
        ("customer.orders", None, 10**17, (413, "too_large")),
    ],
)
def test_a_refused_body_is_never_asked_for(
    quick: GatewayProcess, topic: str, token: str | None, length: int, expected: tuple[int, str]
) -> None:
    with connect(quick) as wire:
        wire.send(head(quick, f"Content-Length: {length}", "Expect: 100-continue", topic=topic, token=token))
        answer = wire.answer()
        assert (answer.status, answer.code) == expected
        assert answer.fields["connection"] == "close"
        assert wire.closed()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("Content-Type: text/csv",), (415, "unsupported_media")),
        ((), (415, "unsupported_media")),
        (("Content-Type: application/x-protobuf",), (415, "unsupported_media")),  # other contracts take it
        (("Content-Type: application/json", "Content-Encoding: br"), (415, "unsupported_media")),
        (("Content-Type: application/json", "Event-Version: 0"), (400, "malformed")),
        (("Content-Type: application/json", "Event-Version: 999"), (503, "version_not_here_yet")),
        (("Content-Type: application/json", 'Idempotency-Key: "broken'), (400, "malformed")),
        (("Content-Type: application/json", "Event-Header-ce_id: x"), (400, "malformed")),
        (("Content-Type: application/json", "Event-Id: a", "Idempotency-Key: b"), (400, "malformed")),
    ],
)
def test_no_body_is_asked_for_that_its_head_speaks_against(
    quick: GatewayProcess, fields: tuple[str, ...], expected: tuple[int, str]
) -> None:
    rows = ("Content-Length: 500", "Expect: 100-continue", *fields)
    with connect(quick) as wire:
        wire.send(head(quick, *rows, media=""))
        answer = wire.answer()
        assert (answer.status, answer.code) == expected
        assert answer.fields["connection"] == "close"
        assert wire.closed()
        if expected[0] == 415:
            assert json.loads(answer.body)["accepted"]


def test_who_may_not_publish_is_told_before_the_body(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(head(quick, "Content-Length: 500", "Expect: 100-continue", token=quick.token("publish:stock.*")))
        answer = wire.answer()
        assert (answer.status, answer.code) == (403, "forbidden")
        assert 'scope="publish:customer.orders"' in answer.fields["www-authenticate"]
        assert wire.closed()


def test_an_expectation_that_is_none_is_no_reason_to_wait(quick: GatewayProcess) -> None:
    """RFC 9110, section 10.1.1: another than 100-continue may be ignored; the body comes without being asked for."""
    with connect(quick) as wire:
        wire.send(head(quick, f"Content-Length: {len(GOOD)}", "Expect: 100-Continue"))
        assert wire.answer().status == 100
        wire.send(GOOD)
        assert wire.answer().status == 200
        wire.send(whole(quick, GOOD, "Expect: something-else"))
        assert wire.answer().status == 200


@pytest.mark.parametrize("sent", ['"order-17 é"'.encode("latin-1"), b'"a\tb"', b'"a', b'""', b"x" * 129])
def test_an_idempotency_key_that_is_no_id_is_400(quick: GatewayProcess, sent: bytes) -> None:
    with connect(quick) as wire:
        wire.send(whole(quick).replace(b"Host: gate\r\n", b"Host: gate\r\nIdempotency-Key: " + sent + b"\r\n"))
        answer = wire.answer()
        assert (answer.status, answer.code) == (400, "malformed")
        assert "Idempotency-Key" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize(
    ("sent", "means"), [(b'"order-17"', "order-17"), (b"order-17", "order-17"), (b'"a\\"b"', 'a"b')]
)
def test_an_idempotency_key_is_the_events_id(quick: GatewayProcess, sent: bytes, means: str) -> None:
    with connect(quick) as wire:
        wire.send(whole(quick).replace(b"Host: gate\r\n", b"Host: gate\r\nIdempotency-Key: " + sent + b"\r\n"))
        answer = wire.answer()
        assert (answer.status, json.loads(answer.body)["id"]) == (200, means)


@pytest.mark.parametrize("framing", ["Content-Length: 500", "Transfer-Encoding: chunked"])
def test_a_body_that_comes_too_slowly_is_408(quick: GatewayProcess, framing: str) -> None:
    began = time.monotonic()
    with connect(quick) as wire:
        wire.send(head(quick, framing))
        for _ in range(3):
            time.sleep(BODY_TIMEOUT_S / 5)
            wire.send(b"1\r\n \r\n" if "chunked" in framing else b" ")
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, "timeout")
        assert json.loads(answer.body)["retryable"] is True
        assert answer.fields["connection"] == "close"
        assert wire.closed()
    assert BODY_TIMEOUT_S <= time.monotonic() - began < BODY_TIMEOUT_S + 10


def test_who_sends_a_large_refused_body_hears_why(quick: GatewayProcess) -> None:
    """Closing on unread bytes would reset the connection, and destroy the answer on its way."""
    body = bytes(4_000_000)
    with connect(quick) as wire:
        wire.send(head(quick, f"Content-Length: {len(body)}") + body)
        answer = wire.answer()
        assert (answer.status, answer.code) == (413, "too_large")
        assert answer.fields["connection"] == "close"
        assert wire.closed()


def test_chunks_past_the_limit_are_refused_while_they_come(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(head(quick, "Transfer-Encoding: chunked"))
        for _ in range(5):
            wire.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        answer = wire.answer()
        assert (answer.status, answer.code) == (413, "too_large")
        wire.send(b"0\r\n\r\n")
        assert wire.closed()


def test_a_gzip_bomb_is_refused_at_its_decompressed_size(quick: GatewayProcess) -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)[:60_000]
    with connect(quick) as wire:
        began = time.monotonic()
        wire.send(whole(quick, bomb, "Content-Encoding: gzip"))
        answer = wire.answer()
        assert (answer.status, answer.code) == (413, "too_large")
        assert time.monotonic() - began < 5


def test_a_small_refused_body_costs_no_connection(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(head(quick, "Content-Length: 500", token="no.good.token") + bytes(500))
        answer = wire.answer()
        assert (answer.status, answer.fields.get("connection")) == (401, None)
        wire.send(whole(quick))
        assert wire.answer().status == 200


def test_head_has_no_body_and_the_connection_lives(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(b"HEAD /v1/topics/customer.orders/events HTTP/1.1\r\nHost: gate\r\n\r\n")
        answer = wire.answer(body=False)
        assert (answer.status, answer.fields["allow"]) == (405, "POST, OPTIONS")
        wire.send(whole(quick))
        assert wire.answer().status == 200


def test_an_unfinished_head_gets_no_answer_yet(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        request = whole(quick)
        wire.send(request[:20])
        assert wire.silent(0.1)
        wire.send(request[20:])
        assert wire.answer().status == 200


def test_what_is_no_http_is_400_and_the_end(quick: GatewayProcess) -> None:
    with connect(quick) as wire:
        wire.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        answer = wire.answer()
        assert answer.status == 400
        assert wire.closed()


def test_a_draining_gateway_says_that_an_answer_is_the_last(tmp_path: Path) -> None:
    """Clients then go by themselves, before idle connections are cut (RFC 9112, section 9.6)."""
    with gateway_process(tmp_path, None, more="[server]\ndrain_s = 8\n") as leaving:
        with connect(leaving) as idle, connect(leaving) as wire:
            for one in (idle, wire):
                one.send(whole(leaving))
                assert one.answer().fields.get("connection") is None
            leaving.signal(signal.SIGTERM)
            answer = wire.answer_after(lambda: wire.send(whole(leaving)), 503)
            assert (answer.code, answer.fields["connection"]) == ("overloaded", "close")
            assert wire.closed()
            assert idle.closed()
        assert leaving.process.wait(20) == 0
