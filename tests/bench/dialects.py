"""What other dialects cost beside our own: CloudEvents and Kafka REST v2 against the plain batch endpoint, and the registry's hottest answer.

    python -m tests.bench.dialects

In process with coffeeco's contracts and a publisher that keeps nothing; microseconds of CPU an event (registry: a request) and
the ratio to the plain form, all from this one run, each the best of some rounds.
"""

import asyncio
import json

from tests.bench.gateway import ORDER, compact
from tests.bench.rest_door import Forgetful, Run, cpu_us
from tests.bench.rest_forms import BATCH, Table, contracts
from tests.gateway.doors.rest.conftest import Gate, make_gate

RATIO_BOUND = 1.3
REGISTRY_BOUND_US = 150.0


def asking(gate: Gate, path: str) -> Run:
    """A GET, again and again."""
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"fetchMaxId=false", "root_path": "",
        "headers": [(b"host", b"gate"), (b"authorization", b"Basic eDpnb29k"), (b"accept", b"*/*")],
    }  # fmt: skip

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"{path}: answered {message['status']}")

    async def run(times: int) -> None:
        for _ in range(times):
            await gate.app(scope, receive, send)

    return run


def envelope(number: int) -> bytes:
    head = {"specversion": "1.0", "id": f"e-{number}", "source": "/shop", "type": "customer.orders"}
    return json.dumps(head).encode()[:-1] + b',"data":' + compact(ORDER) + b"}"


async def measure() -> None:
    """The table."""
    served = contracts()
    gate = make_gate(*served.values())
    gate.publisher.stored = gate.tokens.seen = gate.limiter.asked = Forgetful()  # type: ignore[assignment]  # keeps nothing
    gate.requests = Forgetful()
    table = Table(gate.app)
    order = compact(ORDER)
    one = "/v1/topics/customer.orders/events"
    events = b'{"events":[' + b",".join([b'{"id":"e-1","value":' + order + b"}"] * BATCH) + b"]}"
    cloud = b"[" + b",".join(envelope(n) for n in range(BATCH)) + b"]"
    records = b'{"records":[' + b",".join([b'{"value":' + order + b"}"] * BATCH) + b"]}"

    print("one by one, CPU an event")
    plain = await table.row("plain", one, order, base=True)
    head = [(f"ce-{name}".encode(), value) for name, value in (
        ("specversion", b"1.0"), ("id", b"e-1"), ("source", b"/shop"), ("type", b"customer.orders"),
    )]  # fmt: skip
    await table.row("CloudEvents, binary mode", "/v1/events", order, more=head, bound_us=RATIO_BOUND * plain)
    structured = "application/cloudevents+json"
    await table.row("CloudEvents, structured", "/v1/events", envelope(1), structured, bound_us=RATIO_BOUND * plain)

    print(f"batches of {BATCH}, CPU an event")
    batch = await table.row("plain", f"{one}:batch", events, events=BATCH, base=True)
    bound = RATIO_BOUND * batch
    many = "application/cloudevents-batch+json"
    await table.row("CloudEvents, batch", "/v1/events", cloud, many, events=BATCH, bound_us=bound)
    proxy = "application/vnd.kafka.json.v2+json"
    await table.row("Kafka REST v2", "/topics/customer.orders", records, proxy, events=BATCH, bound_us=bound)

    first = served["customer.orders"].newest.schema_id
    cost_us = await cpu_us(asking(gate, f"/registry/schemas/ids/{first}"), 1500)
    verdict = "ok" if cost_us <= REGISTRY_BOUND_US else "MISSED"
    print(f"{'registry, /schemas/ids/{id}':<44}{cost_us:>10.2f} us{'':>8}   bound {REGISTRY_BOUND_US:,.0f}: {verdict}")


if __name__ == "__main__":
    asyncio.run(measure())
