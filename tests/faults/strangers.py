"""Clients that mean no good, and one that does: what slowhttptest's -H, -B and -X do, idle sockets, garbage; and a producer.

Used by the fault tests of the edge; a crowd of them runs as `python -m tests.faults.strangers HOST:PORT COUNT SECONDS`, in a
process of its own, so that it is not the test that is slow. Everything is bounded: a stranger ends with its time.
"""

import asyncio
import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median, quantiles

__all__ = ["PATH", "SHAPES", "Producer", "Shape", "Stay", "head", "order", "stay_of"]

PATH = "/v1/topics/customer.orders/events"


def order() -> bytes:
    """A good event of customer.orders."""
    return json.dumps(
        {
            "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1",
            "placedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
        }
    ).encode()  # fmt: skip


def head(*fields: str, path: str = PATH, method: str = "POST") -> bytes:
    return "".join(f"{row}\r\n" for row in (f"{method} {path} HTTP/1.1", "Host: gate", *fields)).encode() + b"\r\n"


@dataclass(frozen=True)
class Stay:
    """How long a connection lived, in seconds, and the status of what it heard last (0: nothing)."""

    seconds: float
    status: int


@dataclass(frozen=True)
class Shape:
    """What a stranger sends: `start` at once, then `drip` every `every_s`. `reads` False: it never takes an answer."""

    start: bytes = b""
    drip: bytes = b""
    every_s: float = 0.2
    reads: bool = True


SHAPES = {
    "a slow head (-H)": Shape(head()[:-2], b"X-A: b\r\n"),
    "half a request line": Shape(b"POST /v1/top", b"i"),
    "a slow body without a token (-B)": Shape(head("Content-Type: application/json", "Content-Length: 100000"), b"x"),
    "slow chunks without a token": Shape(
        head("Content-Type: application/json", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"
    ),
    "a slow body where nothing is": Shape(head("Content-Length: 100000", path="/nothing"), b"x"),
    "nothing": Shape(),
    "empty lines": Shape(b"\r\n", b"\r\n"),
    "idle after an answer": Shape(head("Content-Length: 0", path="/nothing")),
    "a slow reader (-X)": Shape(head(path="/openapi.json", method="GET") * 16, every_s=1.0, reads=False),
}


async def stay_of(address: str, shape: Shape, most_s: float) -> Stay:
    """Connect, behave so, and say how the connection ended. `most_s` bounds it: a stay as long was not ended by the server."""
    host, port = address.rsplit(":", 1)
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        if not shape.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(sock, (host, int(port)))
        began = time.monotonic()
        heard = b""
        with suppress(ConnectionError):
            await loop.sock_sendall(sock, shape.start)
            while time.monotonic() - began < most_s:
                await asyncio.sleep(shape.every_s)
                if not shape.reads:
                    if not _held(int(port), sock.getsockname()[1]):
                        break
                    continue
                with suppress(BlockingIOError):
                    got = sock.recv(65536)
                    if not got:
                        break
                    heard = got
                await loop.sock_sendall(sock, shape.drip)
        return Stay(time.monotonic() - began, int(heard[9:12]) if heard.startswith(b"HTTP/1.1 ") else 0)


def _held(port: int, peer: int) -> bool:
    """Whether a process holds the socket of `port` that talks to `peer`. Who reads nothing never hears of its end."""
    with open("/proc/net/tcp") as table:  # noqa: PTH123 -- a file of the kernel
        for line in table:
            _, local, remote, *rest = line.split()[:10]
            if local.endswith(f":{port:04X}") and remote.endswith(f":{peer:04X}"):
                return rest[6] != "0"  # the inode: none where only the kernel still has it
    return False


@dataclass
class Producer:
    """Publishes one event after another on a connection of its own, and notes how long each took."""

    address: str
    token: str
    pause_s: float = 0.01
    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    async def publish_for(self, lasting_s: float) -> None:
        """One window. Raises what a broken connection raises: the gateway may not end this one."""
        host, port = self.address.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        ends = time.monotonic() + lasting_s
        try:
            while time.monotonic() < ends:
                body = order()
                fields = (
                    f"Authorization: Bearer {self.token}",
                    "Content-Type: application/json",
                    f"Content-Length: {len(body)}",
                )
                began = time.monotonic()
                writer.write(head(*fields) + body)
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
                length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await asyncio.wait_for(reader.readexactly(length), 15)
                self.seconds.append(time.monotonic() - began)
                status = int(answer[9:12])
                self.statuses[status] = self.statuses.get(status, 0) + 1
                await asyncio.sleep(self.pause_s)
        finally:
            writer.close()

    async def publish_once_stored(self, most_s: float = 20.0) -> None:
        """Until an event is stored: a gateway that just started may not know the topic yet."""
        ends = time.monotonic() + most_s
        while 200 not in self.statuses and time.monotonic() < ends:
            await self.publish_for(0.1)
        self.statuses = {status: count for status, count in self.statuses.items() if status != 503}

    async def p99_of_windows(self, windows: int, lasting_s: float) -> float:
        """The median of the windows' 99th percentiles, in seconds: one hiccup of the machine is one window's."""
        found = []
        for _ in range(windows):
            self.seconds.clear()
            await self.publish_for(lasting_s)
            found.append(quantiles(self.seconds, n=100)[98])
        return median(found)


async def crowd(address: str, count: int, lasting_s: float) -> None:
    """So many strangers at once, each coming again when it was let go."""
    ends = time.monotonic() + lasting_s

    async def stranger(shape: Shape) -> None:
        while (left_s := ends - time.monotonic()) > 0:
            with suppress(OSError):
                await stay_of(address, shape, left_s)
            await asyncio.sleep(0.05)

    shapes = list(SHAPES.values())
    await asyncio.gather(*(stranger(shapes[number % len(shapes)]) for number in range(count)))


if __name__ == "__main__":
    os.nice(19)  # what is measured is the gateway beside them, not who gets the processor
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
