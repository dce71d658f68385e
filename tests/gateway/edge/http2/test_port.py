"""A listening port on loopback: how many connections it holds and who goes, TLS, and its end. On both event loops."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from tests.e2e.test_tls import uri_certificate
from tests.gateway.doors.rpc.conftest import Http2
from tests.gateway.edge.http2.conftest import END_HEADERS, END_STREAM, HEADERS, HELLO, POST, block, frame

from tidegate_gateway.edge.http2.frames import ACK, DATA, GOAWAY, PING
from tidegate_gateway.edge.http2.port import Http2Port, PortBounds
from tidegate_gateway.edge.http2.streams import Stream
from tidegate_gateway.edge.http2.transport import Deadlines, Http2Transport
from tidegate_gateway.edge.tls import TlsContext, TlsSettings, certificate_name

SLOW = Deadlines(hello_s=30, idle_s=300, keepalive_s=60, keepalive_timeout_s=20, age_s=1800, grace_s=100)
BOUNDS = PortBounds(most_connections=4, most_streams=256, most_head_bytes=16_384, deadlines=SLOW)
HEAD = block([(b":status", b"200")])
BODY = b"x" * 30_000

Scenario = Callable[[], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a scenario in an event loop of each kind; whatever a callback raises fails the test."""

    def run_one(scenario: Scenario) -> None:
        raised: list[dict[str, Any]] = []

        async def bounded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
            async with asyncio.timeout(30):
                await scenario()
            await asyncio.sleep(0)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())
        assert raised == []

    return run_one


class Port:
    """A port whose streams wait until the test answers them."""

    def __init__(self, bounds: PortBounds = BOUNDS, tls: Callable[[], ssl.SSLContext] | None = None) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.number = listener.getsockname()[1]
        self.waiting: list[tuple[Http2Transport, Stream]] = []
        self.port = Http2Port(listener, bounds, self._begun, tls)

    def _begun(self, transport: Http2Transport, stream: Stream) -> None:
        self.waiting.append((transport, stream))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.number}"

    @property
    def connections(self) -> list[Http2Transport]:
        return list(self.port._connections)

    def answer(self) -> None:
        """Every stream that waits."""
        waiting, self.waiting = self.waiting, []
        for transport, stream in waiting:
            transport.connection.send_head(stream, HEAD)
            transport.connection.send_data(stream, BODY)
            transport.connection.send_end(stream, block([(b"grpc-status", b"0")]))
            transport.flush()

    async def until_waiting(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.waiting) < count:  # noqa: ASYNC110 -- the port tells nobody but this object
                await asyncio.sleep(0.005)

    async def until_held(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.connections) != count:  # noqa: ASYNC110 -- the port tells nobody
                await asyncio.sleep(0.005)


@asynccontextmanager
async def started(bounds: PortBounds = BOUNDS, tls: Callable[[], ssl.SSLContext] | None = None) -> AsyncIterator[Port]:
    port = Port(bounds, tls)
    await port.port.start()
    try:
        yield port
    finally:
        await port.port.stop(0.0)
        assert port.connections == []


async def is_alive(connection: Http2) -> bool:
    """Whether the port answers a ping on it."""
    try:
        connection.send(frame(PING, 0, 0, b"12345678"))
        seen = await connection.frames(lambda kind, flags, _: kind == PING and bool(flags & ACK))
    except ConnectionError:
        return False
    return bool(seen) and seen[-1][0] == PING


def call(number: int) -> bytes:
    return frame(HEADERS, END_HEADERS | END_STREAM, number, block(POST))


def test_connections_beyond_the_most_are_closed(run: Run) -> None:
    async def scenario() -> None:
        async with started() as port:
            connections = [await Http2.open(port.address) for _ in range(4)]
            assert [await is_alive(one) for one in connections] == [True] * 4
            for one in port.connections:
                one.connection.know()
            late = await Http2.open(port.address)
            assert not await is_alive(late)
            assert [await is_alive(one) for one in connections] == [True] * 4
            for one in [*connections, late]:
                await one.close()

    run(scenario)


def test_a_full_port_lets_strangers_go_before_those_it_knows(run: Run) -> None:
    async def scenario() -> None:
        async with started() as port:
            connections = []
            for place in range(4):
                connections.append(await Http2.open(port.address))
                assert await is_alive(connections[-1])
                if place % 2 == 0:
                    port.connections[-1].connection.know()
            late = await Http2.open(port.address)
            assert await is_alive(late)
            assert [await is_alive(one) for one in connections] == [True, False, True, True]
            for one in [*connections, late]:
                await one.close()

    run(scenario)


def test_a_client_that_never_says_hello_goes(run: Run) -> None:
    async def scenario() -> None:
        async with started(replace(BOUNDS, deadlines=replace(SLOW, hello_s=0.04))) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.write(HELLO[:20])
            await port.until_held(1)
            async with asyncio.timeout(10):
                while port.connections:
                    await asyncio.sleep(port.port.sweep_s)
                    port.port.sweep()
            assert await reader.read() == (await empty_greeting())
            writer.close()

    async def empty_greeting() -> bytes:
        """What a port says first to anybody."""
        async with started() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            greeting = await reader.read(100)
            writer.close()
            return greeting

    run(scenario)


def test_the_end_does_not_wait_for_a_socket_that_says_nothing(run: Run) -> None:
    async def scenario() -> None:
        async with started() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            await port.until_held(1)
            stopping = asyncio.create_task(port.port.stop(25.0))
            async with asyncio.timeout(10):
                assert (await reader.read()).endswith(frame(GOAWAY, 0, 0, bytes(8)))
                writer.close()
                await stopping

    run(scenario)


def test_every_answer_owed_arrives_before_the_end(run: Run) -> None:
    """With requests still on their way to us, whose bytes nobody reads: they must not cost the others their answers."""

    async def scenario() -> None:
        async with started() as port:
            connections = [await Http2.open(port.address) for _ in range(3)]
            for one in connections:
                one.send(frame(8, 0, 0, (1 << 30).to_bytes(4, "big")), *(call(number) for number in range(1, 21, 2)))
            await port.until_waiting(30)
            stopping = asyncio.create_task(port.port.stop(20.0))
            goodbyes = [await one.frames(lambda kind, *_: kind == PING) for one in connections]
            for one, seen in zip(connections, goodbyes, strict=True):
                assert seen[-2][0] == GOAWAY
                one.send(frame(PING, ACK, 0, seen[-1][3]), call(101))
            with pytest.raises(OSError, match=r".+"):
                await asyncio.open_connection("127.0.0.1", port.number)
            await port.until_waiting(30)
            port.answer()
            for one in connections:
                one.send(frame(2, 0, 1, bytes(5)))
                seen = await one.frames(lambda *_: False)
                got = dict.fromkeys(range(1, 21, 2), 0)
                for kind, _, number, payload in seen:
                    got[number] = got.get(number, 0) + (len(payload) if kind == DATA else 0)
                ended = {number for kind, flags, number, _ in seen if kind == HEADERS and flags & END_STREAM}
                assert set(got.values()) - {0} == {len(BODY)}
                assert ended == set(range(1, 21, 2))
                await one.close()
            await stopping

    run(scenario)


def test_past_the_grace_what_is_left_is_cut(run: Run) -> None:
    async def scenario() -> None:
        async with started() as port:
            one = await Http2.open(port.address)
            one.send(call(1))
            await port.until_waiting(1)
            await port.port.stop(0.02)
            assert port.waiting[0][1].gone is not None
            await one.frames(lambda *_: False)
            await one.close()
            port.answer()

    run(scenario)


def test_stopping_twice_is_once(run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        for tls in (None, Certificates(tmp_path).context()):
            async with started(tls=tls) as port:
                await port.port.stop(1.0)

    run(scenario)


async def test_connections_that_come_together_do_not_go_together() -> None:
    async with started(replace(BOUNDS, most_connections=20)) as port:
        connections = [await Http2.open(port.address) for _ in range(10)]
        await port.until_held(10)
        ages = [deadlines.age_s for deadlines in port.port._connections.values()]
        assert len(set(ages)) == 10
        assert all(0.9 * SLOW.age_s <= age_s <= 1.1 * SLOW.age_s for age_s in ages)
        for one in connections:
            await one.close()


async def test_the_sweep_is_as_frequent_as_the_shortest_deadline_wants() -> None:
    async with started() as port:
        assert port.port.sweep_s == 1.0
    async with started(replace(BOUNDS, deadlines=replace(SLOW, keepalive_s=0.4))) as port:
        assert port.port.sweep_s == pytest.approx(0.1)


class Certificates:
    """A port's own certificate, and an authority for its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients = trustme.CA(organization_name="clients")
        self.clients.cert_pem.write_to_path(folder / "clients.pem")
        self.renew()

    def renew(self) -> None:
        """Another authority, another certificate, in the same files."""
        self.ca = trustme.CA()
        issued = self.ca.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(self.folder / "key.pem")
        issued.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")

    def settings(self, *, mutual: bool = False) -> TlsSettings:
        folder = self.folder
        clients = folder / "clients.pem" if mutual else None
        return TlsSettings(cert=folder / "cert.pem", key=folder / "key.pem", client_ca=clients, protocol="h2")

    def context(self, *, mutual: bool = False) -> Callable[[], ssl.SSLContext]:
        context = self.settings(mutual=mutual).context()
        return lambda: context

    def client(self, own: trustme.LeafCert | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        context.set_alpn_protocols(["h2"])
        if own is not None:
            own.configure_cert(context)
        return context


async def open_tls(port: Port, context: ssl.SSLContext) -> Http2:
    connection = Http2(*await asyncio.open_connection("127.0.0.1", port.number, ssl=context))
    connection.send(HELLO)
    return connection


def test_tls_speaks_h2(run: Run, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)

    async def scenario() -> None:
        async with started(tls=certificates.context()) as port:
            one = await open_tls(port, certificates.client())
            assert one.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
            one.send(call(1))
            await port.until_waiting(1)
            assert certificate_name(port.connections[0].certificate) is None
            port.answer()
            seen = await one.frames(lambda kind, flags, _: kind == HEADERS and bool(flags & END_STREAM))
            assert sum(len(payload) for kind, _, _, payload in seen if kind == DATA) == len(BODY)
            one.send(frame(4, 0, 1))
            seen = await one.frames(lambda *_: False)
            assert seen[-1][0] == GOAWAY
            await one.close()
            await port.until_held(0)

    run(scenario)


def test_a_certificate_tells_who_calls(run: Run, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    own = uri_certificate(certificates.clients, "spiffe://coffeeco/checkout")

    async def scenario() -> None:
        async with started(tls=certificates.context(mutual=True)) as port:
            one = await open_tls(port, certificates.client(own))
            assert await is_alive(one)
            assert certificate_name(port.connections[0].certificate) == "spiffe://coffeeco/checkout"
            await one.close()

    run(scenario)


@pytest.mark.parametrize("who", ["nobody", "another authority's", "plain text"])
def test_who_has_no_certificate_of_ours_does_not_come_in(run: Run, tmp_path: Path, who: str) -> None:
    certificates = Certificates(tmp_path)
    own = uri_certificate(trustme.CA(), "spiffe://x/y") if who == "another authority's" else None

    async def scenario() -> None:
        async with started(tls=certificates.context(mutual=True)) as port:
            one: Http2 | None = None
            try:
                if who == "plain text":
                    one = await Http2.open(port.address)
                else:
                    one = await open_tls(port, certificates.client(own))
                assert not await is_alive(one)
            except (ssl.SSLError, ConnectionError):
                pass
            finally:
                if one is not None:
                    one.writer.transport.abort()
            assert port.connections == []

    run(scenario)


def test_a_renewed_certificate_is_for_new_connections(run: Run, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)

    async def scenario() -> None:
        tls = TlsContext(certificates.settings())
        async with started(tls=lambda: tls.current) as port:
            before = certificates.client()
            old = await open_tls(port, before)
            assert await is_alive(old)
            certificates.renew()
            tls.refresh()
            new = await open_tls(port, certificates.client())
            assert await is_alive(new)
            assert await is_alive(old)
            with pytest.raises(ssl.SSLCertVerificationError):
                await open_tls(port, before)
            for one in (old, new):
                await one.close()

    run(scenario)
