"""Requests that two readers might frame differently, as raw bytes: refused as problems, and nothing behind them is executed."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass

import pytest
from tests.e2e.processes import GatewayProcess

HOST = b"Host: gate\r\n"
POST = b"POST /v1/topics/customer.orders/events HTTP/1.1\r\n" + HOST
GET = b"GET /docs/errors/malformed HTTP/1.1\r\n" + HOST
BEHIND = b"GET /docs/errors/timeout HTTP/1.1\r\n" + HOST + b"\r\n"
"""A good request right behind the refused one, in the same write: its answer would be a 200."""
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Heard:
    """Everything that came until the server ended the connection."""

    statuses: tuple[int, ...]
    body: bytes
    content_type: str
    closing: bool

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


@pytest.fixture(scope="module")
def gate(edge: GatewayProcess) -> GatewayProcess:
    return edge


def exchange(address: str, sent: bytes, seconds: float = 10.0) -> Heard:
    host, port = address.rsplit(":", 1)
    data = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        sock.sendall(sent)
        with suppress(ConnectionResetError):
            while piece := sock.recv(65536):
                data += piece
    return heard(data)


def heard(data: bytes) -> Heard:
    statuses, body, media, closing = [], b"", "", False
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        line, *rows = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        length = int(fields["content-length"])
        body, data = data[:length], data[length:]
        media, closing = fields.get("content-type", ""), fields.get("connection") == "close"
        statuses.append(int(line.split(" ")[1]))
    return Heard(tuple(statuses), body, media, closing)


def chunked(body: bytes) -> bytes:
    return CHUNKED + body


REFUSED = {
    # Content-Length and Transfer-Encoding (RFC 9112, section 6.3)
    "CL and TE": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE and CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two CLs, alike": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "two CLs": POST + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
    "CL is a list": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "CL with a sign": POST + b"Content-Length: +5\r\n\r\nhello",
    "CL below nothing": POST + b"Content-Length: -5\r\n\r\nhello",
    "CL with a space in it": POST + b"Content-Length: 5 5\r\n\r\nhello",
    "CL in hex": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "CL with an underscore": POST + b"Content-Length: 5_0\r\n\r\nhello",
    "CL empty": POST + b"Content-Length:\r\n\r\nhello",
    "CL past 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\nhello",
    "TE that is not chunked": POST + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "TE that ends in chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE that begins with chunked": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "TE chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "TE twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "TE xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "TE empty": POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "TE behind a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "TE in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    # Lines and headers (sections 2.2, 5.1, 5.2)
    "obs-fold": GET + b"X-A: a\r\n b\r\n\r\n",
    "obs-fold in TE": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "space after the start line": b"GET / HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: gate\n\n",
    "bare LF after a header": b"GET / HTTP/1.1\r\nHost: gate\nX: y\r\n\r\n",
    "bare LF at the end": GET + b"\n",
    "bare CR in a value": GET + b"X: a\rb\r\n\r\n",
    "CR CR LF": GET + b"X: a\r\r\n\r\n",
    "space before the colon": POST + b"Content-Length : 5\r\n\r\nhello",
    "space in a name": GET + b"X Y: 5\r\n\r\n",
    "no name": GET + b": 5\r\n\r\n",
    "no colon": GET + b"hello\r\n\r\n",
    "NUL in a value": GET + b"X: a\x00b\r\n\r\n",
    "NUL in a name": GET + b"X\x00: b\r\n\r\n",
    "control in a value": GET + b"X: a\x01b\r\n\r\n",
    "ESC in a value": GET + b"X: \x1b[31m\r\n\r\n",
    "DEL in a value": GET + b"X: a\x7fb\r\n\r\n",
    "8 bits in a name": GET + b"X\xff: b\r\n\r\n",
    # The request line (section 3)
    "absolute form": b"GET http://gate/docs HTTP/1.1\r\n" + HOST + b"\r\n",
    "authority form": b"GET gate:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT gate:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "no slash": b"GET docs HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /docs#x HTTP/1.1\r\n" + HOST + b"\r\n",
    "8 bits in the path": b"GET /docs\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the path": b"GET /docs\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab in the path": b"GET /do\tcs HTTP/1.1\r\n" + HOST + b"\r\n",
    "space behind the version": b"GET /docs HTTP/1.1 \r\n" + HOST + b"\r\n",
    "no version": b"GET /docs\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /docs HTTP/0.9\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET /docs HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2.0": b"GET /docs HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in lower case": b"get /docs HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"FETCH /docs HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "the PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + b"\r\n",
    # Host (section 3.2)
    "no Host": b"GET /docs HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: other\r\n\r\n",
    "two Hosts, alike": GET + HOST + b"\r\n",
    "Host with a path": b"GET /docs HTTP/1.1\r\nHost: gate/docs\r\n\r\n",
    "Host with a user": b"GET /docs HTTP/1.1\r\nHost: you@gate\r\n\r\n",
    "Host with a space": b"GET /docs HTTP/1.1\r\nHost: gate gate\r\n\r\n",
    "Hosts in a list": b"GET /docs HTTP/1.1\r\nHost: gate, other\r\n\r\n",
    # Chunks (section 7.1)
    "chunk size with a sign": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk size below nothing": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk size with 0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size with a space behind": chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    "chunk size with a space before": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    "chunk size empty": chunked(b"\r\nhello\r\n0\r\n\r\n"),
    "chunk size no number": chunked(b"g\r\nhello\r\n0\r\n\r\n"),
    "chunk size past 64 bits": chunked(b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    "chunk size with a bare LF": chunked(b"5\nhello\r\n0\r\n\r\n"),
    "chunk size with a bare CR": chunked(b"5\rhello\r\n0\r\n\r\n"),
    "chunk longer than its size": chunked(b"3\r\nhello\r\n0\r\n\r\n"),
    "chunk without its end": chunked(b"5\r\nhello0\r\n\r\n"),
    "chunk that ends in LF": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "extension with a bare LF": chunked(b"5;a=b\nhello\r\n0\r\n\r\n"),
    "extension with NUL": chunked(b"5;a=\x00\r\nhello\r\n0\r\n\r\n"),
    "last chunk with a bare LF": chunked(b"5\r\nhello\r\n0\n\n"),
    "trailer Content-Length": chunked(b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n"),
    "trailer Transfer-Encoding": chunked(b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "trailer folded": chunked(b"0\r\nX: a\r\n b\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_of_smuggling_is_400_and_nothing_behind_it_is_executed(gate: GatewayProcess, name: str) -> None:
    answer = exchange(gate.http, REFUSED[name] + BEHIND)
    assert answer.statuses == (400,)
    assert answer.code == "malformed"
    assert answer.content_type == "application/problem+json"
    assert answer.closing


@pytest.mark.parametrize("name", ["TE in HTTP/1.0", "CL and TE", "absolute form", "two Hosts", "bare LF everywhere"])
def test_a_refusal_waits_its_turn_behind_good_requests(gate: GatewayProcess, name: str) -> None:
    """An answer that overtakes would be taken for the first request's."""
    answer = exchange(gate.http, BEHIND + BEHIND + REFUSED[name] + BEHIND)
    assert answer.statuses == (200, 200, 400)
    assert answer.code == "malformed"


def test_a_body_that_breaks_behind_good_requests_is_refused_in_its_turn(gate: GatewayProcess) -> None:
    answer = exchange(gate.http, BEHIND + REFUSED["chunk longer than its size"] + BEHIND)
    assert answer.statuses == (200, 400)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(GET + b"Connection: close\r\n\r\n" + BEHIND, id="close"),
        pytest.param(GET.replace(b"1.1", b"1.0") + b"\r\n" + BEHIND, id="HTTP/1.0"),
        pytest.param(b"GET /docs/errors/malformed HTTP/1.0\r\n\r\n" + BEHIND, id="HTTP/1.0 without Host"),
        pytest.param(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + BEHIND, id="websocket"),
        pytest.param(GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" + BEHIND, id="h2c"),
        pytest.param(b"\r\n" + GET + b"Connection: close\r\n\r\n", id="an empty line before"),
    ],
)  # fmt: skip
def test_what_ends_a_connection_is_answered_once(gate: GatewayProcess, sent: bytes) -> None:
    answer = exchange(gate.http, sent)
    assert answer.statuses == (200,)
    assert answer.closing


def test_an_upgrade_with_a_body_is_answered_as_what_it_is(gate: GatewayProcess) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    answer = exchange(gate.http, POST + upgrade + BEHIND)
    assert answer.statuses == (415,)


def test_only_so_many_requests_may_wait_in_a_pipeline(gate: GatewayProcess) -> None:
    answer = exchange(gate.http, BEHIND * 2000)
    assert set(answer.statuses) == {200}
    assert 2 <= len(answer.statuses) <= 20
    assert answer.closing


LONG = b"a" * 17_000


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /" + LONG + b" HTTP/1.1\r\n" + HOST + b"\r\n", id="the request line"),
        pytest.param(GET + b"X: " + LONG + b"\r\n\r\n", id="one header"),
        pytest.param(GET + b"X: y\r\n" * 4000 + b"\r\n", id="many headers"),
        pytest.param(b"POST /v1/topics/customer.orders/events HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + b"a" * 8200 + b"\r\nContent-Length: 0\r\n\r\n", id="authorization"),
        pytest.param(b"GET /nothing HTTP/1.1\r\n" + HOST + b"X: " + LONG + b"\r\n\r\n", id="where no path is"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("port", ["public", "admin"])
def test_a_head_that_is_too_large_is_431(gate: GatewayProcess, sent: bytes, port: str) -> None:
    if port == "admin" and b"Authorization" in sent:
        pytest.skip("the admin port looks at no token")
    host, number = (gate.http if port == "public" else gate.admin).rsplit(":", 1)
    with socket.create_connection((host, int(number)), timeout=10) as sock:
        sock.sendall(sent)
        data = sock.recv(65536)
    answer = heard(data)
    assert (answer.statuses, answer.code) == ((431,), "too_large")


ENDLESS = {
    "a request line": (b"GET /", b"a" * 1000),
    "a header line": (GET + b"X: ", b"a" * 1000),
    "headers": (GET, b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 30),
    "a chunk extension": (CHUNKED + b"1;", b"a" * 1000),
    "chunk extensions": (CHUNKED, b"1;" + b"a" * 1000 + b"\r\nx\r\n"),
    "a trailer": (CHUNKED + b"0\r\nX: ", b"a" * 1000),
    "trailers": (CHUNKED + b"0\r\n", b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 30),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_stopped_soon(gate: GatewayProcess, name: str) -> None:
    """Piece by piece, so that no read holds it whole: ended long before 5 MB."""
    start, piece = ENDLESS[name]
    start = start.replace(
        HOST, HOST + f"Authorization: Bearer {gate.token()}\r\nContent-Type: application/json\r\n".encode()
    )
    host, port = gate.http.rsplit(":", 1)
    data, sent = b"", 0
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(start)
        sock.setblocking(False)
        with suppress(ConnectionError):
            for _ in range(20_000):
                with suppress(BlockingIOError):
                    sent += sock.send(piece)
                with suppress(BlockingIOError):
                    got = sock.recv(65536)
                    data += got
                    if not got:
                        break
            sock.setblocking(True)
            while piece := sock.recv(65536):
                data += piece
    assert sent < 5_000_000, "the connection was never ended"
    assert heard(data).statuses == (431,)
