"""A producer in Python, generated from coffeeco's .proto files by protoc: it tracks a good order and a bad one, follows several
over one stream, and publishes through the ingest service. One line of JSON for each answer.

Run as a program beside its generated code: `main.py ADDRESS TOKEN ORDER_ID`.
"""

import json
import sys
from typing import Any

import grpc
from coffeeco.customer.v1 import customer_service_pb2_grpc, order_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tidegate.ingest.v1 import ingest_pb2, ingest_pb2_grpc


def main(address: str, token: str, order_id: str) -> None:
    metadata = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(address) as channel:
        orders = customer_service_pb2_grpc.CustomerServiceStub(channel)
        own_id = ("event-id", f"{order_id}-python")
        stored = orders.TrackOrder(order(order_id, 5), metadata=(*metadata, own_id), timeout=30)
        show("TrackOrder", statusCode=stored.status_code, message=stored.message)
        try:
            orders.TrackOrder(order("no uuid", 11), metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            show("TrackOrder", **refusal(error))

        several = iter([order(order_id, 1), order(order_id, 2), order(order_id, 11)])
        try:
            for answer in orders.FollowOrders(several, metadata=metadata, timeout=30):
                show("FollowOrders", statusCode=answer.status_code, message=answer.message)
        except grpc.RpcError as error:
            show("FollowOrders", **refusal(error))

        events = [
            ingest_pb2.Event(id="good", data=order(order_id, 3).SerializeToString()),
            ingest_pb2.Event(id="bad", data=order(order_id, 0).SerializeToString()),
        ]
        request = ingest_pb2.PublishRequest(topic="customer.order-status", events=events)
        for result in (
            ingest_pb2_grpc.IngestServiceStub(channel).Publish(request, metadata=metadata, timeout=30).results
        ):
            status = ingest_pb2.Status.Name(result.status)
            show("Publish", id=result.id, status=status, code=result.error.code)


def order(order_id: str, boldness: int) -> order_pb2.Order:
    return order_pb2.Order(
        order_id=order_id,
        status=order_pb2.ORDER_STATUS_ROASTING,
        changed_at=Timestamp(seconds=1_769_861_100),
        coffees=[order_pb2.Coffee(name="Sidamo", boldness=boldness, quantity=1)],
    )


def refusal(error: grpc.RpcError) -> dict[str, Any]:
    """What the error's details say, as any Python program reads them."""
    status = rpc_status.from_call(error)
    said: dict[str, Any] = {"code": status.code}
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            said |= {"reason": info.reason} | ({"index": info.metadata["index"]} if "index" in info.metadata else {})
        elif detail.Unpack(bad):
            said["violations"] = [[one.field, one.reason] for one in bad.field_violations]
    return said


def show(call: str, **answer: Any) -> None:
    print(json.dumps({"call": call, **answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
