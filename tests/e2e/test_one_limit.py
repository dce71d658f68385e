"""One allowance for both doors: what a producer spends over REST it has not over gRPC, and the other way round."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from tests.e2e.processes import GatewayProcess, gateway_process

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate.ingest.v1 import ingest_pb2_grpc as stubs

TOPIC = "customer.orders"
BURST = 60
"""Events that may come at once, and seconds until they are there again: no machine is that slow."""
LIMITS = "{eventsPerSecond: 500, bytesPerSecond: 1000000, burstSeconds: 2}"
ORDER = {
    "orderId": "2f1c6b0e-0000-4000-8000-000000000001", "customerId": "c-1", "placedAt": "2026-01-31T12:00:00Z",
    "items": [{"coffee": "ESPRESSO", "boldness": 7}], "total": "1",
}  # fmt: skip


@pytest.fixture
def gateway(tmp_path: Path, own_schemas: Path) -> Iterator[GatewayProcess]:
    contract = own_schemas / "contracts" / f"{TOPIC}.yaml"
    text = contract.read_text()
    assert LIMITS in text
    contract.write_text(text.replace(LIMITS, f"{{eventsPerSecond: 1, burstSeconds: {BURST}}}"))
    with gateway_process(tmp_path, None, contracts=own_schemas) as running:
        yield running


def over_rest(gateway: GatewayProcess, token: str) -> int:
    """The status of a batch that takes the whole burst."""
    body = "\n".join([json.dumps({"value": ORDER})] * BURST)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
    answer = httpx2.post(
        f"http://{gateway.http}/v1/topics/{TOPIC}/events:batch", content=body, headers=headers, timeout=30
    )
    assert answer.status_code in {200, 429}, answer.text[:400]
    return int(answer.status_code)


def over_grpc(gateway: GatewayProcess, token: str) -> grpc.StatusCode:
    """The same batch's."""
    events = [pb.Event(json=json.dumps(ORDER).encode())] * BURST
    with grpc.insecure_channel(gateway.grpc) as channel:
        stub: Any = stubs.IngestServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        try:
            stub.Publish(
                pb.PublishRequest(topic=TOPIC, events=events),
                metadata=(("authorization", f"Bearer {token}"),),
                timeout=30,
            )
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_what_is_spent_at_one_door_is_spent_at_the_other(gateway: GatewayProcess) -> None:
    ann, bob = (gateway.token(sub=name) for name in ("ann", "bob"))
    assert over_rest(gateway, ann) == 200
    assert over_grpc(gateway, ann) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert over_grpc(gateway, bob) is grpc.StatusCode.OK, "each producer has its own"
    assert over_rest(gateway, bob) == 429
