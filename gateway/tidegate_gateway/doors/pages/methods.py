"""The gRPC methods that publish to a topic, on its page: what each takes and answers, and a grpcurl line that works as it stands.

Made for `content` out of the snapshot's services. Values only.
"""

import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.services import MethodSource, ServiceSource
from tidegate_gateway.doors.rest.deps import GrpcAddress

__all__ = ["MethodEntry", "methods", "service_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodEntry:
    """One method: its full name (`package.Service/Method`), what it takes and answers, its comment, and the line that calls it."""

    name: str
    takes: str
    answers: str
    doc: str
    command: str


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
        file = f"{service.name}.binpb"
        options.append(f"-protoset {file}")
        url = f"{base_url}/docs/topics/{quote(contract.topic)}/services/{file}"
        fetched.append(f'curl -sS -H "Authorization: Bearer $TOKEN" {shlex.quote(url)} -o {file}')
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
