"""The gRPC methods that publish to a topic, on its page: what each takes and answers, a grpcurl line, and how code is made; all works as it stands.

Made for `content` out of the snapshot's services. Values only.
"""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.services import MethodSource, ServiceSource
from tidegate_gateway.doors.rest.deps import GrpcAddress

__all__ = ["MethodEntry", "ServiceEntry", "methods", "service_entries", "service_of"]

_PROTOC_BRINGS = "google/protobuf/"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodEntry:
    """One method: its full name (`package.Service/Method`), what it takes and answers, its comment, and the line that calls it."""

    name: str
    takes: str
    answers: str
    doc: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry:
    """One service: its full name, the file with its descriptors, relative to `/`, and the lines that make code of them."""

    name: str
    descriptors: str
    code: str


def methods(
    contract: CompiledContract, services: Iterable[ServiceSource], base_url: str, grpc: GrpcAddress
) -> tuple[MethodEntry, ...]:
    """Every method that publishes to the contract's topic, in the order of the .proto files."""
    return tuple(
        MethodEntry(
            name=f"{service.name}/{method.name}",
            takes=("stream " if method.takes_stream else "") + method.request,
            answers=("stream " if method.answers_stream else "") + method.reply.message,
            doc=method.doc,
            command=_grpcurl(contract, service, method, base_url, grpc),
        )
        for service, method in _publishing(services, contract.topic)
    )


def service_entries(
    contract: CompiledContract, services: Iterable[ServiceSource], base_url: str
) -> tuple[ServiceEntry, ...]:
    """Every service with such a method, once."""
    named = {service.name: service for service, _ in _publishing(services, contract.topic)}
    return tuple(
        ServiceEntry(
            name=service.name,
            descriptors=_descriptors_at(contract.topic, service),
            code=_protoc(contract, service, base_url),
        )
        for service in named.values()
    )


def service_of(services: Iterable[ServiceSource], name: str, topic: str) -> ServiceSource | None:
    """The service of that full name, where one of its methods publishes to the topic."""
    return next((service for service, _ in _publishing(services, topic) if service.name == name), None)


def _publishing(services: Iterable[ServiceSource], topic: str) -> Iterator[tuple[ServiceSource, MethodSource]]:
    return ((service, method) for service in services for method in service.methods if method.topic == topic)


def _grpcurl(
    contract: CompiledContract, service: ServiceSource, method: MethodSource, base_url: str, grpc: GrpcAddress
) -> str:
    """grpcurl reads the example from a here-document, a stream's events one after the other.

    A port without reflection does not tell what its messages are: then their descriptors are fetched beside it.
    """
    example = json.dumps(json.loads(contract.newest.codec.example()), indent=2, ensure_ascii=False)
    options = [] if grpc.tls else ["-plaintext"]
    fetched = []
    if not grpc.reflection:
        options.append(f"-protoset {service.name}.binpb")
        fetched.append(_fetch(contract, service, base_url))
    fields = ['-H "Authorization: Bearer $TOKEN"']
    if contract.source.inputs == "pinned" and contract.newest.number:
        fields.append(f"-H 'event-version: {contract.newest.number}'")
    return "\n".join(
        [
            *fetched,
            " ".join(["grpcurl", *options, *fields, "-d @ \\"]),
            f"  {shlex.quote(grpc.target)} {service.name}/{method.name} <<'EVENT'",
            *[example] * (2 if method.takes_stream else 1),
            "EVENT",
        ]
    )


def _descriptors_at(topic: str, service: ServiceSource) -> str:
    return f"docs/topics/{quote(topic)}/services/{service.name}.binpb"


def _fetch(contract: CompiledContract, service: ServiceSource, base_url: str) -> str:
    url = f"{base_url}/{_descriptors_at(contract.topic, service)}"
    return f'curl -sS -H "Authorization: Bearer $TOKEN" {shlex.quote(url)} -o {service.name}.binpb'


def _protoc(contract: CompiledContract, service: ServiceSource, base_url: str) -> str:
    """protoc needs no .proto files where it has descriptors. Made of all that the service imports, but for what every protoc's language brings."""
    files = [file.name for file in FileDescriptorSet.FromString(service.descriptors).file]
    named = [shlex.quote(name) for name in files if not name.startswith(_PROTOC_BRINGS)]
    head = f"protoc --descriptor_set_in={service.name}.binpb --python_out=. \\"
    return "\n".join(
        [_fetch(contract, service, base_url), head, *(f"  {name} \\" for name in named[:-1]), f"  {named[-1]}"]
    )
