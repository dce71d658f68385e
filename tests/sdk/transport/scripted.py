"""An HTTP server of a few lines that answers from a script, also in ways that no good server would (faults 13)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    lines: list[dict[str, object]]


Act = Callable[[Seen], bytes | None]
"""The bytes to answer, whole; None closes the connection with a reset and no answer. An ellipsis of bytes is cut: half an answer."""


@dataclass(kw_only=True)
class Script:
    """Acts in order; the last one stays."""

    acts: list[Act]
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    def act(self, seen: Seen) -> bytes | None:
        self.seen.append(seen)
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        return act(seen)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stored(seen: Seen) -> bytes:
    results = [{"id": line["id"], "status": "stored", "partition": 0, "offset": 1} for line in seen.lines]
    return answer(200, json.dumps({"topic": "t", "results": results}).encode(), content_type="application/json")


def problem(status: int, code: str, **headers: str) -> Act:
    body = json.dumps(
        {
            "type": "x",
            "title": "t",
            "status": status,
            "detail": f"it is {code}",
            "code": code,
            "retryable": status > 428,
        }
    ).encode()
    return lambda _: answer(status, body, content_type="application/problem+json", **headers)


def raw(data: bytes | None) -> Act:
    return lambda _: data


@asynccontextmanager
async def serving(*acts: Act) -> AsyncIterator[Script]:
    script = Script(acts=list(acts))
    writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                lines = [json.loads(line) for line in body.split(b"\n") if line]
                said = script.act(Seen(path=head[0].split()[1], headers=headers, lines=lines))
                if said is None:
                    writer.transport.abort()
                    return
                writer.write(said)
                await writer.drain()
                if said.endswith(b"..."):
                    writer.transport.abort()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    script.url = f"http://{host}:{port}"
    try:
        yield script
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)
