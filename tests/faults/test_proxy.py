"""The proxy passes bytes in their order, as late as it is told, and resets when it is told."""

import socket
import time
from collections.abc import Iterator

import pytest
from tests.faults.proxy import Proxies, TcpProxy, listening


@pytest.fixture
def pair() -> Iterator[tuple[Proxies, TcpProxy, socket.socket, socket.socket]]:
    """The proxies, one of them, and both ends of a connection through it."""
    proxies = Proxies()
    behind, before = listening("127.0.0.1"), listening("127.0.0.1")
    behind.settimeout(5)
    proxy = proxies.add(before)
    proxy.target = behind.getsockname()
    near = socket.create_connection(before.getsockname(), 5)
    far, _ = behind.accept()
    far.settimeout(5)
    yield proxies, proxy, near, far
    for opened in (near, far, behind):
        opened.close()
    proxies.close()


def receive(end: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += end.recv(count - len(got))
    return got


def test_bytes_both_ways(pair: tuple[Proxies, TcpProxy, socket.socket, socket.socket]) -> None:
    _, _, near, far = pair
    near.sendall(b"there")
    assert receive(far, 5) == b"there"
    far.sendall(b"back")
    assert receive(near, 4) == b"back"


def test_late_and_in_order(pair: tuple[Proxies, TcpProxy, socket.socket, socket.socket]) -> None:
    _, proxy, near, far = pair
    proxy.rtt_s = 0.4
    began_s = time.monotonic()
    for number in range(50):
        near.sendall(b"%02d" % number)
        if number == 25:
            time.sleep(0.05)  # the proxy has read them
            proxy.rtt_s = 0.0
    assert receive(far, 100) == b"".join(b"%02d" % number for number in range(50))
    assert 0.19 <= time.monotonic() - began_s < 2


def test_reset(pair: tuple[Proxies, TcpProxy, socket.socket, socket.socket]) -> None:
    proxies, _, near, far = pair
    near.sendall(b"x")
    receive(far, 1)
    proxies.reset()
    for end in (near, far):
        with pytest.raises(ConnectionResetError):
            end.recv(1)
