"""`tidegate.ingest.v1.IngestService`: publish, publish as a stream, validate. The path of a request is a straight line of calls.

Made by `rpc_server`. Who, may, read, room, intake, answer; no decision is made here.
"""

from collections.abc import Callable
from time import perf_counter

from google.rpc import error_details_pb2

from tidegate.ingest.v1 import ingest_pb2 as pb
from tidegate_gateway.doors.crash import log_crash
from tidegate_gateway.doors.problems import internal_fault
from tidegate_gateway.doors.rpc.calls import DOOR, Call
from tidegate_gateway.doors.rpc.contracts import ContractsMethods
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.doors.rpc.descriptors import files_of
from tidegate_gateway.doors.rpc.methods import Method, Service
from tidegate_gateway.doors.rpc.reading import charged_bytes, decode, submission_of, topic_of
from tidegate_gateway.doors.rpc.results import fill_receipts, problem_message
from tidegate_gateway.doors.rpc.streams import Closing, answer_in_order
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Told

__all__ = ["SERVICE", "IngestMethods"]

SERVICE = "tidegate.ingest.v1.IngestService"

_PIPELINED_EVENTS = 500
"""A larger request is stored before the next of its stream is begun: the publisher may yield while it sorts that many."""


class IngestMethods:
    """The service's methods. `lifetime_s` is how long one stream may last until its client has to open another."""

    def __init__(self, deps: RpcDeps, closing: Closing, lifetime_s: float) -> None:
        self._deps = deps
        self._intake = deps.intake
        self._closing = closing
        self._lifetime_s = lifetime_s
        self._contracts = ContractsMethods(deps)

    def service(self) -> Service:
        """All five methods."""
        return Service(
            name=SERVICE,
            methods=(
                Method(name="Publish", unary=self._publish),
                Method(name="PublishStream", stream=self._publish_stream),
                Method(name="Validate", unary=self._validate),
                *self._contracts.methods(),
            ),
            files=files_of(pb.DESCRIPTOR, error_details_pb2.DESCRIPTOR),  # so that grpcurl prints the details of errors
        )

    async def _publish(self, call: Call) -> bytes:
        await call.authenticate()
        return await self._submit(call, await call.read_one())

    async def _validate(self, call: Call) -> bytes:
        await call.authenticate()
        body = await call.read_one()
        parsed = self._decoded(call, body)
        admission = call.admit(parsed.topic, charged_bytes(body, len(parsed.events)))
        with admission.reservation:
            told = await self._intake.validate(admission, submission_of(parsed, body, admission))
        return self._answer(call, pb.ValidateResponse(), told, admission)

    async def _publish_stream(self, call: Call) -> None:
        await call.authenticate()
        call.outcome = ""  # its requests are counted, one by one

        async def take(body: bytes, judged: Callable[[], None]) -> bytes:
            await call.authenticate()
            return await self._one(call.another(), body, judged)

        await answer_in_order(call, take, self._closing, self._lifetime_s)

    async def _one(self, call: Call, body: bytes, judged: Callable[[], None]) -> bytes:
        """One request of a stream. What stops it as a whole is told in its response, and the stream goes on."""
        started, code = perf_counter(), "disconnected"
        try:
            response = await self._submit(call, body, judged)
            code = call.outcome
        except Exception as error:
            if not isinstance(error, Fault):
                log_crash(error, call.request.id)
                error = internal_fault()
            code = error.code
            problem = problem_message(await call.refused(error))
            response = pb.PublishResponse(topic=problem.topic, error=problem).SerializeToString()
        finally:
            self._deps.on_request(DOOR, code, perf_counter() - started)
        return response

    async def _submit(self, call: Call, body: bytes, judged: Callable[[], None] | None = None) -> bytes:
        parsed = self._decoded(call, body)
        if len(parsed.events) > _PIPELINED_EVENTS:
            judged = None
        admission = call.admit(parsed.topic, charged_bytes(body, len(parsed.events)))
        with admission.reservation:
            told = await self._intake.accept(admission, submission_of(parsed, body, admission), judged)
        return self._answer(call, pb.PublishResponse(), told, admission)

    def _decoded(self, call: Call, body: bytes) -> pb.PublishRequest:
        settings = self._intake.settings
        call.topic = topic_of(body)
        parsed = decode(body, max_bytes=settings.max_batch_bytes, max_events=settings.max_batch_events)
        call.topic, call.events = parsed.topic, len(parsed.events)
        return parsed

    def _answer(
        self, call: Call, response: pb.PublishResponse | pb.ValidateResponse, told: Told, admission: Admission
    ) -> bytes:
        call.outcome = fill_receipts(response, told, admission, self._deps.problems)
        call.trailing(told.quotas)
        return response.SerializeToString()
