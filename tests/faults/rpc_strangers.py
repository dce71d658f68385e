"""Clients of the gRPC port that mean no good: streams reset as fast as they open, thousands held open, paths that are none.

Raw HTTP/2, in a process of its own: `python -m tests.faults.rpc_strangers HOST:PORT SHAPE SECONDS`. Bounded: it ends with its time, and
prints how many streams it opened.
"""

import asyncio
import os
import sys
import time
from contextlib import suppress

from tests.gateway.doors.rpc.conftest import Http2, frame, headers, message

__all__ = ["CONNECTIONS", "SHAPES", "STREAMS"]

SHAPES = ("resets", "streams", "paths")
CONNECTIONS = 40
STREAMS = 250
"""So many on each connection: 10,000 in all."""

_PUBLISH = b"/tidegate.ingest.v1.IngestService/Publish"
_STREAM = b"/tidegate.ingest.v1.IngestService/PublishStream"
_RESET = (8).to_bytes(4, "big")
_A_BURST = 50
_MOST_ON_ONE = 20_000


async def resets(connection: Http2, ends_s: float) -> int:
    """HEADERS and RST_STREAM, again and again (CVE-2023-44487)."""
    opened = 0
    while time.monotonic() < ends_s and opened < _MOST_ON_ONE:
        for _ in range(_A_BURST):
            stream = 2 * opened + 1
            connection.send(frame(1, 4, stream, headers(_PUBLISH)), frame(3, 0, stream, _RESET))
            opened += 1
        await connection.writer.drain()
        await asyncio.sleep(0)
    return opened


async def streams(connection: Http2, ends_s: float) -> int:
    """Streams that are opened and then say nothing."""
    for place in range(STREAMS):
        connection.send(frame(1, 4, 2 * place + 1, headers(_STREAM)))
    await connection.writer.drain()
    await asyncio.sleep(max(0.0, ends_s - time.monotonic()))
    return STREAMS


async def paths(connection: Http2, ends_s: float) -> int:
    """Calls of methods whose name is not UTF-8, which end grpcio's own server."""
    opened = 0
    while time.monotonic() < ends_s and opened < _MOST_ON_ONE:
        stream = 2 * opened + 1
        connection.send(frame(1, 4, stream, headers(b"/\xff\xfe/x")), frame(0, 1, stream, message(b"")))
        opened += 1
        await connection.writer.drain()
        await asyncio.sleep(0.005)
    return opened


async def crowd(address: str, shape: str, lasting_s: float) -> int:
    """Every connection for as long, coming again when it was let go."""
    ends_s = time.monotonic() + lasting_s
    behave = {"resets": resets, "streams": streams, "paths": paths}[shape]

    async def stranger() -> int:
        opened = 0
        while time.monotonic() < ends_s:
            with suppress(OSError):
                connection = await Http2.open(address)
                reading = asyncio.create_task(connection.frames(lambda *_: False, lasting_s + 5))
                try:
                    opened += await behave(connection, ends_s)
                finally:
                    reading.cancel()
                    connection.writer.close()
            await asyncio.sleep(0.05)
        return opened

    return sum(await asyncio.gather(*(stranger() for _ in range(CONNECTIONS))))


if __name__ == "__main__":
    os.nice(19)  # what is measured is the gateway beside them, not who gets the processor
    print(asyncio.run(crowd(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
