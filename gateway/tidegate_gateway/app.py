"""The composition root: the only file that names concrete adapters. Builds a gateway from a plan, runs and reloads it.

Called by the commands. What a request meets is decided in `intake`; here is only who is plugged in where, and when.
"""

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import random
from time import perf_counter

from fastapi import FastAPI

from tidegate.contracts.compiled import CompiledContract
from tidegate_gateway.adapters.auth_settings import IssuerSettings
from tidegate_gateway.adapters.dev_key import DevKey
from tidegate_gateway.adapters.embedded import EmbeddedBroker
from tidegate_gateway.adapters.external_registry import ExternalRegistry
from tidegate_gateway.adapters.jwks import KeyCache
from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.adapters.kafka.topics import WantedTopic
from tidegate_gateway.adapters.key_sources import FileSource, KeySource, MemorySource, UrlSource
from tidegate_gateway.adapters.local_limiter import LocalLimiter
from tidegate_gateway.adapters.tokens import TokenAuthenticator
from tidegate_gateway.config.plan import Plan
from tidegate_gateway.contracts_folder import read_catalogue, watched_paths
from tidegate_gateway.doors.admin import AdminDeps, admin_app
from tidegate_gateway.doors.registry.protobuf_schemas import served_proto
from tidegate_gateway.doors.rest.answers import Answer, Answers
from tidegate_gateway.doors.rest.app import build_app
from tidegate_gateway.doors.rest.deps import GrpcAddress, RestDeps
from tidegate_gateway.doors.rpc.deps import RpcDeps
from tidegate_gateway.edge.tls import TlsContext
from tidegate_gateway.file_changes import Changes, look
from tidegate_gateway.intake.catalogue import Catalogue, CatalogueHolder
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.ids import uuid7
from tidegate_gateway.intake.memory import MemoryBudget
from tidegate_gateway.intake.path import Intake
from tidegate_gateway.proto_texts import compile_proto_text
from tidegate_gateway.rpc_server import RpcServer
from tidegate_gateway.servers import HttpServer, PortSettings, bind, room_for
from tidegate_gateway.telemetry.metrics import CONTENT_TYPE, Gauges, Metrics
from tidegate_gateway.telemetry.submission_log import EventLog, Listener, Observers, RefusalLog

__all__ = ["Bound", "Gateway", "NoContractError"]

_log = logging.getLogger("tidegate")

_TELLING_S = 1.0
"""Of the drain, kept for the answers to those whom Kafka did not answer."""

_SEEN_S = 1.0
"""How long a draining gateway still listens and answers 503, so that balancers see it before connections are refused."""

_SETTLE_S = 0.2
"""How long files must stay as they are, once they changed, until they are read."""

_ADMIN_CONNECTIONS = 200

_GC_THRESHOLDS = (10_000, 20, 100)
"""A batch in flight is thousands of objects and no cycles: at Python's 700 the collector walks them over and over."""


class NoContractError(Exception):
    """No contract is usable; the message lists what is wrong with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Where a running gateway listens, and the Kafka behind it; each `host:port`."""

    http: str
    grpc: str
    admin: str
    kafka: str


class Gateway:
    """One gateway process. `start`, then `run`; `reload` at any time between."""

    def __init__(self, plan: Plan, dev_key: DevKey | None = None) -> None:
        self._plan = plan
        self._draining = False
        self._reloading = asyncio.Lock()
        folder = watched_paths(plan.contracts_dir, working_copies=plan.working_copies, services=True)
        self._watched = (*folder, *_key_files(plan))
        self._changes = Changes(b"")
        self._catalogue = CatalogueHolder(Catalogue())
        self._memory = MemoryBudget(plan.in_flight_bytes)
        self._keys = {
            issuer.issuer: KeyCache(issuer.known_as, _key_source(issuer, dev_key)) for issuer in plan.auth.issuers
        }
        self._keepers: list[asyncio.Task[None]] = []
        self._broker: EmbeddedBroker | None = None
        self._with_ids = ExternalRegistry(plan.registry, served_proto) if plan.registry is not None else None
        self._tls = TlsContext(plan.tls) if plan.tls is not None else None

    @property
    def catalogue(self) -> Catalogue:
        """The contracts served now."""
        return self._catalogue.current

    async def start(self) -> Bound:
        """Bind the ports, read contracts and keys, start the publisher. Kafka and issuers may be away.

        Raises PortTakenError, NoContractError, EmbeddedBrokerFailed. A start that fails leaves no socket, process or task.
        """
        async with AsyncExitStack() as undone:
            bound = await self._start(undone)
            undone.pop_all()
        return bound

    async def _start(self, undone: AsyncExitStack) -> Bound:
        """`undone` is told how each step is taken back where a later one fails."""
        plan = self._plan
        gc.set_threshold(*_GC_THRESHOLDS)  # before contracts are compiled: at 700, half of that time is the collector's
        http_socket = undone.enter_context(bind(plan.http.host, plan.http.port))
        admin_socket = undone.enter_context(bind(plan.admin.host, plan.admin.port))
        self._changes.were_read(await asyncio.to_thread(look, self._watched))
        self._catalogue.swap(
            await asyncio.to_thread(
                read_catalogue,
                plan.contracts_dir,
                working_copies=plan.working_copies,
                services={},
                with_ids=self._with_ids,
            )
        )
        if not self.catalogue.contracts:
            raise NoContractError(_nothing_served(plan.contracts_dir, self.catalogue))
        self._log_broken()

        undone.push_async_callback(self._stop_broker)
        kafka = plan.kafka or await self._embedded()
        self._publisher = KafkaPublisher(kafka)
        undone.push_async_callback(self._publisher.close, 0.0)
        await self._publisher.start()
        await self._publisher.watch_topics(_wanted_topics(self.catalogue.contracts))

        undone.push_async_callback(self._close_keys)
        await self._refresh_keys()
        self._keepers = [asyncio.create_task(cache.keep_fresh()) for cache in self._keys.values()]
        gauges = Gauges(
            in_flight_bytes=lambda: self._memory.used_bytes,
            in_flight_events=lambda: self._memory.events,
            kafka_ready=lambda: self._publisher.ready()[0],
        )
        metrics = Metrics(self._catalogue, gauges)
        self._observers = Observers(metrics, *_logs(plan))
        self._intake = Intake(
            authenticator=TokenAuthenticator(plan.auth, self._keys),
            catalogue=self._catalogue,
            limiter=LocalLimiter(),
            memory=self._memory,
            publisher=self._publisher,
            observer=self._observers,
            settings=plan.intake,
        )
        answers = Answers(self._base_url(http_socket.getsockname()), random)
        self._grpc = self._rpc_server(answers, metrics)
        undone.push_async_callback(self._grpc.stop, 0.0)
        self._http = HttpServer(
            self._rest_app(answers, metrics),
            http_socket,
            PortSettings(
                drain_s=plan.drain_s,
                deadlines=plan.deadlines,
                max_connections=room_for(plan.max_connections, beside=plan.grpc.max_connections),
                trusted_proxies=plan.trusted_proxies,
                tls=self._tls,
            ),
            _refusing(answers, metrics),
        )
        self._admin = HttpServer(
            self._admin_app(answers, metrics),
            admin_socket,
            PortSettings(drain_s=1.0, deadlines=plan.deadlines, max_connections=_ADMIN_CONNECTIONS),
            _refusing(answers),
        )
        await self._grpc.start()
        gc.collect()
        gc.freeze()  # contracts and code live as long as the process: no collection needs to look at them again
        return Bound(
            http=self._http.address, grpc=self._grpc.address, admin=self._admin.address, kafka=kafka.bootstrap_servers
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain: not ready first, nothing new, what is in flight to its end."""
        http = asyncio.create_task(self._http.serve_on())
        admin = asyncio.create_task(self._admin.serve_on())
        grpc = asyncio.create_task(self._grpc.serve_on())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({http, grpc, admin, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await self._drain(http, grpc, admin)

    async def reload(self) -> None:
        """Contracts and keys anew. A contract that is broken now keeps its last good version; the swap is atomic."""
        async with self._reloading:
            if self._draining:
                return
            plan, known = self._plan, self.catalogue
            self._changes.were_read(await asyncio.to_thread(look, self._watched))
            fresh = await asyncio.to_thread(
                read_catalogue,
                plan.contracts_dir,
                working_copies=plan.working_copies,
                known=known.contracts,
                services=known.services,
                with_ids=self._with_ids,
            )
            self._catalogue.swap(fresh)
            self._grpc.refresh()
            await self._publisher.watch_topics(_wanted_topics(fresh.contracts))
            await self._refresh_keys()
            _log.info("reloaded", extra={"contracts": len(fresh.contracts), "broken": fresh.broken_count})
            self._log_broken()

    async def watch(self) -> None:
        """Reload when files of contracts or keys change, looking every `reload_s`; for ever, or not at all where that is 0."""
        while self._plan.reload_s:
            settle_s = min(_SETTLE_S, self._plan.reload_s)
            await asyncio.sleep(settle_s if self._changes.settling else self._plan.reload_s)
            if self._changes.due(await asyncio.to_thread(look, self._watched)):
                try:
                    await self.reload()
                except Exception:  # what is served now stays; the next change tries again
                    _log.exception("the reload failed; what was served before is still served")

    async def _drain(self, http: asyncio.Task[None], grpc: asyncio.Task[None], admin: asyncio.Task[None]) -> None:
        """Within `drain_s`, but for the moment that closing takes. Kafka's answers are waited for as long as there is time.

        Whoever still waits for Kafka then is told so (not stored, or unknown) in time to hear it: uvicorn would answer 500.
        """
        ends_s = perf_counter() + self._plan.drain_s
        telling_s = min(_TELLING_S, self._plan.drain_s / 4)
        self._draining = True
        self._grpc.drain()
        self._intake.close()
        self._http.leave()
        _log.info("draining", extra={"in_flight_events": self._memory.events})
        await asyncio.sleep(min(_SEEN_S, self._plan.drain_s / 4))
        self._http.should_exit = True
        leaving = asyncio.create_task(self._grpc.stop(max(telling_s, ends_s - perf_counter())))
        doors = {http, leaving}
        await asyncio.wait(doors, timeout=max(0.0, ends_s - telling_s - perf_counter()))
        closing = asyncio.create_task(self._publisher.close(0.0))
        await asyncio.wait(doors, timeout=max(telling_s, ends_s - perf_counter()))
        await closing
        await leaving
        self._admin.should_exit = True
        await asyncio.wait({admin}, timeout=2.0)
        await self._close_keys()
        await self._stop_broker()
        for task in (http, grpc, admin):
            if task.done() and (error := task.exception()) is not None:
                raise error

    async def _close_keys(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for cache in self._keys.values():
            await cache.aclose()

    async def _stop_broker(self) -> None:
        if self._broker is not None:
            await self._broker.stop()

    async def _refresh_keys(self) -> None:
        """Read every issuer's keys now; each read has its own bound, and keys may be away."""
        await asyncio.gather(*(cache.refresh() for cache in self._keys.values()))

    async def _embedded(self) -> KafkaSettings:
        self._broker = EmbeddedBroker()
        bootstrap = await self._broker.start()
        _log.warning("events go to the embedded broker: in memory, gone at exit", extra={"kafka": bootstrap})
        return KafkaSettings(bootstrap_servers=bootstrap)

    def _base_url(self, address: tuple[str, int]) -> str:
        """What links start with. Nothing that a request holds (Host, Forwarded) changes them: they are cached and copied."""
        host, port = address[:2]
        scheme = "https" if self._tls is not None else "http"
        return self._plan.base_url or f"{scheme}://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104 -- compared, not bound

    def _rest_app(self, answers: Answers, metrics: Metrics) -> FastAPI:
        grpc = self._plan.grpc
        return build_app(
            RestDeps(
                intake=self._intake,
                base_url=answers.base_url,
                public=self._plan.public,
                body_timeout_s=self._plan.body_timeout_s,
                on_request=metrics.on_request,
                on_refused=self._observers.refused,
                compile_proto=compile_proto_text,
                grpc=GrpcAddress.of(
                    answers.base_url, self._grpc.address, tls=grpc.tls is not None, reflection=grpc.reflection
                ),
            ),
            answers,
        )

    def _rpc_server(self, answers: Answers, metrics: Metrics) -> RpcServer:
        """The gRPC port, its address taken. Raises PortTakenError."""
        grpc = self._plan.grpc
        return RpcServer(
            grpc,
            RpcDeps(
                intake=self._intake,
                problems=answers.problems,
                body_timeout_s=self._plan.body_timeout_s,
                public=self._plan.public,
                ready=lambda: self._plan.ready_without_kafka or self._publisher.ready()[0],
                on_request=metrics.on_request,
                on_refused=self._observers.refused,
                on_paced=metrics.on_paced,
            ),
            bind(grpc.host, grpc.port, "for gRPC"),
        )

    def _admin_app(self, answers: Answers, metrics: Metrics) -> FastAPI:
        return admin_app(
            AdminDeps(
                kafka=self._publisher.ready,
                keys=self._keys_state,
                catalogue=self._catalogue,
                draining=lambda: self._draining,
                metrics=metrics.text,
                metrics_type=CONTENT_TYPE,
                ready_without_kafka=self._plan.ready_without_kafka,
            ),
            answers,
        )

    def _keys_state(self) -> tuple[bool, str]:
        states = [cache.status() for cache in self._keys.values()]
        return all(state.ok for state in states), "; ".join(f"{state.issuer}: {state.detail}" for state in states)

    def _log_broken(self) -> None:
        for broken in self.catalogue.broken:
            _log.error("contract is broken", extra={"file": broken.file, "line": broken.line, "detail": broken.detail})


def _refusing(answers: Answers, metrics: Metrics | None = None) -> Callable[[Fault], Answer]:
    """Renders what stops before an application; counted on the public port."""

    def refuse(fault: Fault) -> Answer:
        if metrics is not None:
            metrics.on_request("rest", fault.code, None)
        return answers.fault(fault, uuid7())

    return refuse


def _wanted_topics(contracts: Mapping[str, CompiledContract]) -> Mapping[str, WantedTopic]:
    """What each contract says of its topic, where it says anything."""
    settings = {topic: contract.source.kafka for topic, contract in contracts.items()}
    return {
        topic: WantedTopic(
            partitions=said.partitions or -1, replication_factor=said.replication_factor or -1, config=said.config
        )
        if said is not None
        else WantedTopic()
        for topic, said in settings.items()
    }


def _key_source(issuer: IssuerSettings, dev_key: DevKey | None) -> KeySource:
    if issuer.jwks_url:
        return UrlSource(issuer.jwks_url)
    if issuer.jwks_file:
        return FileSource(Path(issuer.jwks_file))
    if dev_key is None:
        raise ValueError(f"the issuer {issuer.issuer} has no keys")
    return MemorySource(dev_key.jwks())


def _key_files(plan: Plan) -> tuple[Path, ...]:
    return tuple(Path(issuer.jwks_file) for issuer in plan.auth.issuers if issuer.jwks_file)


def _logs(plan: Plan) -> tuple[Listener, ...]:
    if plan.human_logs:
        return () if plan.quiet else (EventLog(),)
    return (RefusalLog(),)


def _nothing_served(folder: Path, catalogue: Catalogue) -> str:
    rows = [f"{row.file}:{row.line}:{row.column}: {row.detail}" for row in catalogue.broken]
    return "\n".join([f"no contract below {folder} is usable", *rows])
