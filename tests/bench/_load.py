"""A closed-loop HTTP/1.1 load over raw sockets, and the CPU that another process spent on it."""

import asyncio
import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Load", "cpu_seconds", "request", "run_load"]

_TICKS = os.sysconf("SC_CLK_TCK")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def cpu_seconds(pid: int) -> float:
    """User and system CPU of a process so far, without its children, in seconds (nanosecond clock where there is one)."""
    ran = Path(f"/proc/{pid}/schedstat")
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / ran.name).read_text().split()[0]) / 1e9
    return total


def request(path: str, body: bytes, token: str, content_type: str = "application/json", **headers: str) -> bytes:
    """The bytes of one POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass
class Load:
    """What a load saw: statuses, seconds it took, CPU of the server, and each answer's wait in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    last: bytes = b""


class _Connection(asyncio.Protocol):
    """One connection: the same request again as soon as the answer to the last has come."""

    def __init__(self, payload: bytes, times: int, load: Load, done: asyncio.Future[None]) -> None:
        self.payload, self.left, self.load, self.done = payload, times, load, done
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self.left -= 1
        self.sent_at = time.perf_counter()
        self.transport.write(self.payload)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self.buffer, 0, head + 2)
        assert length is not None, self.buffer[:300]
        end = head + 4 + int(length[1])
        if len(self.buffer) < end:
            return
        self.load.waits_s.append(time.perf_counter() - self.sent_at)
        self.load.statuses[int(self.buffer[9:12])] += 1
        self.load.last = self.buffer[head + 4 : end]
        self.buffer = self.buffer[end:]
        if self.left:
            self._send()
        else:
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


def run_load(address: str, pid: int, payload: bytes, *, connections: int, requests: int, warm_up: int = 20) -> Load:
    """`requests` in all over `connections`; the CPU is counted after `warm_up` requests a connection."""
    host, _, port = address.rpartition(":")

    async def wave(times: int) -> Load:
        load = Load()
        loop = asyncio.get_running_loop()
        dones = [loop.create_future() for _ in range(connections)]
        started, cpu = time.perf_counter(), cpu_seconds(pid)
        for done in dones:
            await loop.create_connection(lambda done=done: _Connection(payload, times, load, done), host, int(port))  # type: ignore[misc]
        await asyncio.wait_for(asyncio.gather(*dones), 120)
        load.seconds, load.cpu_s = time.perf_counter() - started, cpu_seconds(pid) - cpu
        return load

    async def both() -> Load:
        await wave(max(1, warm_up // connections))
        return await wave(max(1, requests // connections))

    return asyncio.run(both())
