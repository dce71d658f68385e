"""ListTopics and GetContract: what a caller may see of the contracts, as `GET /v1/topics` shows it. Called by `ingest`."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from tidegate.contracts.compiled import CompiledContract
from tidegate.errors import Code
from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.rest.reads import Bundles, matches
from tidegate_gateway.doors.rpc.calls import Call
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.methods import Method
from tidegate_gateway.doors.rpc.results import owner_of
from tidegate_gateway.doors.viewer import Viewer, readable
from tidegate_gateway.intake.faults import Fault

__all__ = ["ContractsMethods"]

_PAGE = 100
_MOST_A_PAGE = 1_000


class ContractsMethods:
    """The reading methods of the ingest service."""

    def __init__(self, deps: RpcDeps) -> None:
        self._deps = deps
        self._bundles = Bundles(deps)

    def methods(self) -> tuple[Method, ...]:
        """Both; they are no producers' work, so a gateway without room answers them too."""
        return (
            Method(name="ListTopics", unary=self._list, intake=False),
            Method(name="GetContract", unary=self._get, intake=False),
        )

    async def _list(self, call: Call) -> bytes:
        viewer = await self._viewer(call)
        request = _decoded(pb.ListTopicsRequest, await call.read_one())
        if request.page_size < 0:
            raise Fault(Code.MALFORMED, "page_size is negative; 0 asks for the gateway's own choice")
        size = min(request.page_size or _PAGE, _MOST_A_PAGE)
        contracts = sorted(self._deps.intake.catalogue.current.contracts.items())
        seen = [contract for topic, contract in contracts if topic > request.page_token and viewer.sees(topic)]
        response = pb.ListTopicsResponse(topics=[self._topic(contract) for contract in seen[:size]])
        if len(seen) > size:
            response.next_page_token = seen[size - 1].topic
        return response.SerializeToString()

    async def _get(self, call: Call) -> bytes:
        viewer = await self._viewer(call)
        request = _decoded(pb.GetContractRequest, await call.read_one())
        call.topic = request.topic
        contract = readable(self._deps, viewer, request.topic)
        bundle = self._bundles.of(contract)
        response = pb.GetContractResponse(topic=self._topic(contract), etag=bundle.etag)
        if not matches(request.if_none_match or None, bundle.etag):
            response.document = contract.source.document
            response.bundle = bundle.body
        return response.SerializeToString()

    async def _viewer(self, call: Call) -> Viewer:
        if self._deps.public:
            return Viewer(everything=True)
        return Viewer(principal=await call.authenticate())

    def _topic(self, contract: CompiledContract) -> pb.Topic:
        source = contract.source
        return pb.Topic(
            topic=source.topic,
            name=source.name,
            status=source.status,
            format=contract.newest.source.format,
            versions=contract.versions,
            owner=owner_of(source.owner),
            docs=self._deps.problems.page(source.topic),
        )


_Message = TypeVar("_Message", bound=Message)


def _decoded(kind: type[_Message], body: bytes) -> _Message:
    """The request. Raises `malformed`."""
    try:
        return kind.FromString(body)
    except DecodeError:
        raise Fault(Code.MALFORMED, f"the request is no {kind.DESCRIPTOR.full_name}") from None
