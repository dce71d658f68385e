"""grpc.reflection, as grpcurl asks: which services, and the files that make them."""

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb
from tests.gateway.doors.rpc.conftest import Opener, RpcGate, refused

from tidegate_gateway.doors.rpc.reflection import SERVICES
from tidegate_gateway.edge.grpc.settings import RpcSettings

Ask = pb.ServerReflectionRequest


async def asked(door: RpcGate, *requests: pb.ServerReflectionRequest, service: str = SERVICES[0]) -> list[Ask]:
    call = door.channel.stream_stream(f"/{service}/ServerReflectionInfo")()
    for request in requests:
        await call.write(request.SerializeToString())
    await call.done_writing()
    return [pb.ServerReflectionResponse.FromString(body) async for body in call]


@pytest.fixture
async def shown(open_door: Opener) -> RpcGate:
    return await open_door(rpc=RpcSettings(reflection=True))


@pytest.mark.parametrize("service", SERVICES)
async def test_services_are_listed(shown: RpcGate, service: str) -> None:
    (answer,) = await asked(shown, Ask(list_services=""), service=service)
    names = [row.name for row in answer.list_services_response.service]
    assert names == sorted({"grpc.health.v1.Health", "tidegate.ingest.v1.IngestService", *SERVICES})


async def test_files_come_with_what_they_import(shown: RpcGate) -> None:
    by_symbol, by_method, by_name = await asked(
        shown,
        Ask(file_containing_symbol="tidegate.ingest.v1.IngestService"),
        Ask(file_containing_symbol="tidegate.ingest.v1.IngestService.Publish"),
        Ask(file_by_filename="google/protobuf/timestamp.proto"),
    )
    files = [FileDescriptorProto.FromString(raw) for raw in by_symbol.file_descriptor_response.file_descriptor_proto]
    assert {file.name for file in files} == {"tidegate/ingest/v1/ingest.proto", "google/protobuf/timestamp.proto"}
    assert by_method.file_descriptor_response == by_symbol.file_descriptor_response
    assert len(by_name.file_descriptor_response.file_descriptor_proto) == 1


async def test_every_service_that_is_listed_is_described(shown: RpcGate) -> None:
    """`grpcurl describe` asks for each, reflection's own among them."""
    (listed,) = await asked(shown, Ask(list_services=""))
    for row in listed.list_services_response.service:
        (answer,) = await asked(shown, Ask(file_containing_symbol=row.name))
        raw = answer.file_descriptor_response.file_descriptor_proto
        files = [FileDescriptorProto.FromString(one) for one in raw]
        assert row.name in {f"{file.package}.{service.name}" for file in files for service in file.service}


async def test_what_is_not_there(shown: RpcGate) -> None:
    answers = await asked(
        shown,
        Ask(file_containing_symbol="nothing.Here"),
        Ask(file_by_filename="nothing.proto"),
        Ask(all_extension_numbers_of_type="nothing.Here"),
        Ask(file_containing_extension=pb.ExtensionRequest(containing_type="nothing.Here", extension_number=1)),
        Ask(),
    )
    codes = [answer.error_response.error_code for answer in answers]
    assert codes == [grpc.StatusCode.NOT_FOUND.value[0]] * 4 + [grpc.StatusCode.INVALID_ARGUMENT.value[0]]


async def test_a_request_that_is_none(shown: RpcGate) -> None:
    call = shown.channel.stream_stream(f"/{SERVICES[0]}/ServerReflectionInfo")()
    await call.write(b"\xff")
    assert (await refused(call.read())).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_it_is_off_unless_asked_for(door: RpcGate) -> None:
    call = door.channel.stream_stream(f"/{SERVICES[0]}/ServerReflectionInfo")()
    assert (await refused(call.read())).code is grpc.StatusCode.UNIMPLEMENTED
