"""A gateway for a producer's tests: the real verdict, receipts and refusals, everything kept, faults on request, no network.

Made by tests (and by the fixture of `testing_plugin`). The clients it gives are the real ones: only their transport and clock are not.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from tidegate.async_client import AsyncClient
from tidegate.client import Client
from tidegate.contracts.compiled import CompiledContract, compile_contract
from tidegate.contracts.media import FRAMED
from tidegate.contracts.source import decode_source, encode_source
from tidegate.contracts.verdict import Encoded, Violation
from tidegate.contracts.wording import summary
from tidegate.errors import Code, Retry, row
from tidegate.outgoing import Outgoing
from tidegate.settings import ClientSettings
from tidegate.shell.clock import Clock
from tidegate.testing.clock import VirtualClock
from tidegate.testing.record import Received
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, Bundle, Receipted, Refusal, Request, Unreached
from tidegate.wire.problem import ContractRef, Problem
from tidegate.wire.results import ResultLine

__all__ = ["FakeGate"]

URL: Final = "https://gate.test"
_AWAY: Final = Unreached(reason="the connection was refused", maybe_stored=False)
_LOST: Final = Unreached(reason="the connection was reset before the answer", maybe_stored=True)

Fault = Callable[[Request], Answer]


class FakeGate:
    """A gateway in memory.

    With contracts it judges as the gateway does and knows their topics only; without any it stores whatever comes. `clock` is the clients':
    by default one that makes every wait instant. Close it, or use it as a context manager: its clients are closed with it.
    """

    def __init__(self, contracts: Iterable[CompiledContract] = (), *, clock: Clock | None = None) -> None:
        self._contracts = {contract.topic: contract for contract in contracts}
        self._bundles = {
            topic: Bundle(body=encode_source(contract.source), etag=f'"{topic}"')
            for topic, contract in self._contracts.items()
        }
        self.clock: Clock = clock or VirtualClock()
        self.events: list[Received] = []
        """Everything that was stored, in order. An event whose answer was lost and that came again is here twice, as it would be in Kafka."""
        self.requests = 0
        """How many requests came, those that a fault answered included."""
        self._faults: deque[Fault] = deque()
        self._event_faults: dict[str, Code] = {}
        self._away = False
        self._offsets: dict[str, int] = {}
        self._clients: list[Client] = []

    @classmethod
    def from_folder(cls, folder: Path, *, clock: Clock | None = None) -> "FakeGate":
        """With the contracts of a schemas folder (needs `tidegate[cli]`). Raises `ValueError` where one is broken."""
        from tidegate.testing.loading import contracts_of

        return cls(contracts_of(folder), clock=clock)

    @classmethod
    def from_bundles(cls, bundles: Mapping[str, bytes], *, clock: Clock | None = None) -> "FakeGate":
        """With contracts as `GET /v1/topics/{topic}/bundle` gave them, by topic."""
        return cls([compile_contract(decode_source(body)) for body in bundles.values()], clock=clock)

    # clients

    def client(self, *, settings: ClientSettings | None = None) -> Client:
        """A client of this gateway."""
        made = Client(URL, settings=settings, transport=self.transport, clock=self.clock)
        self._clients.append(made)
        return made

    def async_client(self, *, settings: ClientSettings | None = None) -> AsyncClient:
        """An asynchronous one; its test closes it (`async with`)."""
        return AsyncClient(URL, settings=settings, transport=self.transport, clock=self.clock)

    def transport(self) -> MemoryTransport:
        """For a client that the application makes itself: `Client(url, transport=gate.transport, clock=gate.clock)`."""
        return MemoryTransport(self._answer, self._bundles, keep=False)

    def close(self) -> None:
        """Closes the clients that it gave."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what came

    def of(self, topic: str) -> list[Received]:
        """What was stored for one topic, in order."""
        return [event for event in self.events if event.topic == topic]

    def clear(self) -> None:
        """Forgets what was stored, counted and scripted; contracts stay."""
        self.events.clear()
        self.requests = 0
        self._faults.clear()
        self._event_faults.clear()

    # scripted faults

    def refuse(self, code: Code, *, times: int = 1, retry_after_s: float | None = None) -> None:
        """The next `times` requests are refused as a whole, with a code of the errors table."""
        self._faults.extend([lambda _: _refusal(code, retry_after_s)] * times)

    def drop_connection(self, *, times: int = 1) -> None:
        """The next `times` requests find nobody: nothing of them is stored."""
        self._faults.extend([lambda _: _AWAY] * times)

    def lose_answer(self, *, times: int = 1) -> None:
        """The next `times` requests are stored, and their answers are lost: the outcome is unknown to the client."""
        self._faults.extend([self._store_and_lose] * times)

    def fail_event(self, event_id: str, code: Code) -> None:
        """The event of that id fails alone, once, inside of a receipt."""
        self._event_faults[event_id] = code

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within it nobody answers. With a clock that moves by itself events reach their deadline in no time: give `VirtualClock(auto=False)`."""
        self._away = True
        try:
            yield
        finally:
            self._away = False

    # answering

    def _answer(self, request: Request) -> Answer:
        self.requests += 1
        if self._away:
            return _AWAY
        if self._faults:
            return self._faults.popleft()(request)
        return self._store(request)

    def _store_and_lose(self, request: Request) -> Answer:
        self._store(request)
        return _LOST

    def _store(self, request: Request) -> Answer:
        contract = self._contracts.get(request.topic)
        if contract is None and self._contracts:
            return _refusal(Code.UNKNOWN_TOPIC, None)
        return Receipted(lines=[self._line(contract, event) for event in request.events])

    def _line(self, contract: CompiledContract | None, event: Outgoing) -> ResultLine:
        code = self._event_faults.pop(event.id, None)
        if code is not None:
            return _failed(event, code, f"{row(code).title} (as the test asked)")
        if contract is None:
            return self._stored(event, None, event.lane_key or None, None)
        version = contract.version(event.version)
        if event.version is None and event.media_type in FRAMED:
            version = contract.framed_version(event.body) or version
        if version is None:
            return _failed(event, Code.UNKNOWN_VERSION, f"{event.topic} has no version {event.version}")
        if event.media_type.partition(";")[0] not in version.media_types:
            return _failed(event, Code.UNSUPPORTED_MEDIA, f"{event.topic} does not take {event.media_type}")
        verdict = version.check(event.body, event.media_type, key=event.key, time=event.time)
        if isinstance(verdict, Encoded):
            return self._stored(event, verdict.value, verdict.key, version.number)
        by = ContractRef(version=version.number, schema_id=version.schema_id, fingerprint=version.source.fingerprint)
        code = Code.MALFORMED if verdict.malformed else Code.CONTRACT_VIOLATION
        detail = summary(verdict.violations, verdict.omitted)
        return _failed(event, code, detail, verdict.violations, verdict.omitted, by)

    def _stored(self, event: Outgoing, record: bytes | None, key: bytes | None, version: int | None) -> ResultLine:
        offset = self._offsets.get(event.topic, 0)
        self._offsets[event.topic] = offset + 1
        self.events.append(
            Received(
                id=event.id,
                topic=event.topic,
                body=event.body,
                media_type=event.media_type,
                record=record,
                record_key=key,
                headers=dict(event.headers or {}),
                version=version,
                offset=offset,
            )
        )
        return ResultLine(id=event.id, status="stored", partition=0, offset=offset, version=version)


def _problem(
    code: Code,
    detail: str,
    violations: tuple[Violation, ...] = (),
    omitted: int | None = None,
    by: ContractRef | None = None,
    retry_after_s: float | None = None,
) -> Problem:
    entry = row(code)
    return Problem(
        type=f"{URL}/docs/errors/{code}",
        title=entry.title,
        status=entry.http,
        detail=detail,
        code=code,
        retryable=entry.retry is not Retry.NEVER,
        contract=by,
        errors=violations,
        omitted=omitted,
        retry_after_s=int(retry_after_s) if retry_after_s is not None else None,
    )


def _failed(
    event: Outgoing,
    code: Code,
    detail: str,
    violations: tuple[Violation, ...] = (),
    omitted: int | None = None,
    by: ContractRef | None = None,
) -> ResultLine:
    status = "rejected" if row(code).retry is Retry.NEVER else "failed"
    return ResultLine(id=event.id, status=status, error=_problem(code, detail, violations, omitted, by))


def _refusal(code: Code, retry_after_s: float | None) -> Refusal:
    problem = _problem(code, f"{row(code).title} (as the test asked)", retry_after_s=retry_after_s)
    return Refusal(
        status=problem.status, reason=problem.detail, code=code, problem=problem, retry_after_s=retry_after_s
    )
