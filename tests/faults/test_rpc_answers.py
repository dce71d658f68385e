"""Faults 28 and 29 over gRPC: bytes that are no event are INVALID_ARGUMENT, and 500 violations are an error that stock clients decode."""

import json
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from tests.e2e.processes import GatewayProcess
from tests.faults.test_edge_answers import GOOD

from tidegate.ingest.v1 import ingest_pb2 as pb

TYPED = "/coffeeco.customer.v1.CustomerService/TrackOrder"
PUBLISH = "/tidegate.ingest.v1.IngestService/Publish"
UNKNOWN_GROUP, END_OF_GROUP = b"\x7b", b"\x7c"  # field 15
ORDER_ID = b"\x0a\x24" + b"2f1c6b0e-0000-4000-8000-000000000001"

BYTES = {
    "groups two hundred deep": UNKNOWN_GROUP * 200 + END_OF_GROUP * 200,
    "text that is no UTF-8": b"\x0a\x24" + b"\xff\xfe" * 18,
    "cut in the middle": ORDER_ID[:-5],
    "a length past the end": ORDER_ID + b"\x22\xff\xff\xff\xff\x07",
    "a varint without an end": ORDER_ID + b"\x10" + b"\xff" * 20,
    "a wire type that is none": ORDER_ID + b"\x17",
}

Call = Callable[[str, bytes], bytes]


@pytest.fixture
def call(edge: GatewayProcess) -> Iterator[Call]:
    """`call(method, request)`: the response, by grpcio's stock client."""
    token = edge.token("publish:*", roles=("checkout-producer", "fulfilment-producer"))
    with grpc.insecure_channel(edge.facts["grpc"]) as channel:

        def one(method: str, request: bytes) -> bytes:
            asked = channel.unary_unary(method)
            answer: bytes = asked(request, metadata=(("authorization", f"Bearer {token}"),), timeout=20)
            return answer

        yield one


def refused(call: Call, method: str, request: bytes) -> tuple[grpc.StatusCode, ErrorInfo, BadRequest]:
    """The status and details that a call ends with, read by grpcio-status."""
    with pytest.raises(grpc.RpcError) as caught:
        call(method, request)
    error = caught.value
    status = rpc_status.from_call(error)
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return error.code(), info, bad


@pytest.mark.parametrize("body", BYTES.values(), ids=BYTES)
def test_28_bytes_that_are_no_event_are_an_invalid_argument(call: Call, edge: GatewayProcess, body: bytes) -> None:
    code, info, bad = refused(call, TYPED, body)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert info.reason in {"MALFORMED", "CONTRACT_VIOLATION"}
    assert bad.field_violations
    request = pb.PublishRequest(topic="customer.order-status", events=[pb.Event(data=body)])
    (result,) = pb.PublishResponse.FromString(call(PUBLISH, request.SerializeToString())).results
    assert (result.status, result.error.grpc_code) == (pb.STATUS_REJECTED, grpc.StatusCode.INVALID_ARGUMENT.value[0])
    assert edge.process.poll() is None


def test_29_five_hundred_violations_are_decodable(call: Call) -> None:
    """As a call's own error, below what clients take of trailers; and in full, 25 and a count, as an event's result."""
    coffees = b"".join(b"\x22\x02\x10\x63" for _ in range(500))  # boldness 99, no name, no quantity
    code, info, bad = refused(call, TYPED, ORDER_ID + b"\x10\x01" + coffees)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    told = len(bad.field_violations)
    assert 5 <= told <= 25
    assert int(info.metadata["omitted"]) > 400
    items = [{"coffee": "ESPRESSO", "boldness": 1000 + n} for n in range(500)]
    event = pb.Event(json=json.dumps(GOOD | {"items": items}).encode())
    request = pb.PublishRequest(topic="customer.orders", events=[event])
    (result,) = pb.PublishResponse.FromString(call(PUBLISH, request.SerializeToString())).results
    assert (len(result.error.errors), result.error.omitted) == (25, 476)
