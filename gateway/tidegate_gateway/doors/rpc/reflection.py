"""grpc.reflection, v1 and v1alpha (the same messages): the services of now and their files, for grpcurl and its like.

Made by `rpc_server` where the configuration asks for it. The lookups are grpcio-reflection's own, over the files of each service: two
contracts may bring two texts under one file name.
"""

from collections.abc import Callable, Mapping

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2 as pb
from grpc_reflection.v1alpha._base import BaseReflectionServicer

from tidegate_gateway.doors.rpc.calls import Call, Said
from tidegate_gateway.doors.rpc.codes import StatusCode
from tidegate_gateway.doors.rpc.descriptors import files_of
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.doors.rpc.streams import Closing, answer_in_order

__all__ = ["SERVICES", "Reflection"]

SERVICES = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")

_LIFETIME_S = 600.0
_INVALID = int(StatusCode.INVALID_ARGUMENT)


def _as_v1(older: FileDescriptorProto) -> FileDescriptorProto:
    """v1alpha's file as v1's, which grpcio-reflection does not bring: the same messages in another package."""
    text = text_format.MessageToString(older).replace("v1alpha", "v1")
    file: FileDescriptorProto = text_format.Parse(text, FileDescriptorProto())
    file.name = "grpc/reflection/v1/reflection.proto"
    file.options.ClearField("deprecated")
    return file


class _Looker(BaseReflectionServicer):  # type: ignore[misc]  # grpcio-reflection ships no types
    """The lookups in one service's files."""

    def found(self, asked: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """What the request asks for, or an error response."""
        match asked.WhichOneof("message_request"):
            case "file_by_filename":
                return self._file_by_filename(asked, asked.file_by_filename)
            case "file_containing_symbol":
                return self._file_containing_symbol(asked, self._holder_of(asked.file_containing_symbol))
            case "file_containing_extension":
                extension = asked.file_containing_extension
                return self._file_containing_extension(asked, extension.containing_type, extension.extension_number)
            case "all_extension_numbers_of_type":
                return self._all_extension_numbers_of_type(asked, asked.all_extension_numbers_of_type)
        wrong = pb.ErrorResponse(error_code=_INVALID, error_message="the request asks for nothing that is known here")
        return pb.ServerReflectionResponse(error_response=wrong, original_request=asked)

    def _holder_of(self, symbol: str) -> str:
        """The service, of a method: the pool's own lookup of files knows services, and no methods."""
        try:
            return str(self._pool.FindMethodByName(symbol).containing_service.full_name)
        except KeyError:
            return symbol


class Reflection:
    """Both services. `services` gives those of now; each file set is linked once, when it is first asked for."""

    def __init__(self, services: Callable[[], Mapping[str, Service]], closing: Closing) -> None:
        self._services = services
        self._closing = closing
        self._lookers: dict[str, tuple[Service, _Looker]] = {}

    def services(self) -> tuple[Service, ...]:
        """One for each version of the protocol; no token is asked for."""
        method = Method(name="ServerReflectionInfo", stream=self._converse, intake=False)
        (older,) = files_of(pb.DESCRIPTOR)
        files = (_as_v1(older), older)
        return tuple(
            Service(name=name, methods=(method,), files=(file,)) for name, file in zip(SERVICES, files, strict=True)
        )

    async def _converse(self, call: Call) -> None:
        async def answer(body: bytes, _judged: Callable[[], None]) -> bytes:
            try:
                asked = pb.ServerReflectionRequest.FromString(body)
            except DecodeError:
                raise Said(StatusCode.INVALID_ARGUMENT, "the request is no ServerReflectionRequest") from None
            return bytes(self._answered(asked).SerializeToString())

        await answer_in_order(call, answer, self._closing, _LIFETIME_S)

    def _answered(self, asked: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        if asked.WhichOneof("message_request") == "list_services":
            names = [pb.ServiceResponse(name=name) for name in sorted(self._services())]
            return pb.ServerReflectionResponse(
                list_services_response=pb.ListServiceResponse(service=names), original_request=asked
            )
        for service in self._services().values():
            found = self._looker(service).found(asked)
            if not found.HasField("error_response"):
                break
        return found

    def _looker(self, service: Service) -> _Looker:
        kept = self._lookers.get(service.name)
        if kept is not None and kept[0] is service:
            return kept[1]
        pool = DescriptorPool()
        for file in service.files:
            pool.Add(file)
        made = _Looker((service.name,), pool)
        known = self._services()
        self._lookers = {name: row for name, row in self._lookers.items() if name in known}
        self._lookers[service.name] = (service, made)
        return made
