"""The floor of any Python HTTP service: a bare ASGI callable on the same uvicorn. It reads the body and answers one object.

With an argument it waits so many seconds first, as a service must that asks a broker: a process that sleeps between requests
pays more CPU for each (wake-ups, cold caches) than one that is never idle.
"""

import asyncio
import json
import sys

import uvloop
from starlette.types import Receive, Scope, Send

from tidegate_gateway.doors.rest.answers import Answers
from tidegate_gateway.edge.deadlines import Deadlines
from tidegate_gateway.servers import HttpServer, PortSettings, bind

WAIT_S = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
ANSWER = b'{"status":"stored","id":"01a1fd81-00ed-7abe-b719-bd59b15b6740","partition":0,"offset":123456,"version":2,"schemaId":2}'


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Read everything, say the same."""
    while (await receive()).get("more_body"):
        pass
    if WAIT_S:
        await asyncio.sleep(WAIT_S)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def _main() -> None:
    answers = Answers("http://bench", lambda: 0.0)
    settings = PortSettings(drain_s=1.0, deadlines=Deadlines(), max_connections=4096)
    server = HttpServer(bare, bind("127.0.0.1", 0), settings, lambda fault: answers.fault(fault, "bench"))
    print(json.dumps({"http": server.address}), flush=True)
    await server.serve_on()


if __name__ == "__main__":
    uvloop.run(_main())
