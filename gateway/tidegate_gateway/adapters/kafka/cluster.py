"""What the brokers say: whether they are there, and what the catalogue's topics are like. Called by `publisher`.

A connection of its own, apart from the producers': one look in `probe_s` (a metadata request of nothing), one reading of the
topics in `refresh_s`. Every wait is bounded, so that a loss or a return is seen within five seconds. Nothing is written
here, and no topic is created: only a broker that cannot be asked to create one (librdkafka's mock cluster) does it when asked
for its metadata.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.api import Request, Response
from aiokafka.protocol.metadata import MetadataRequest

from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS, TopicLimits, limits_from
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["Cluster", "Topic"]

_LOOK_S = 2.0
_READ_S = 5.0
_MISSING_S = 2.0
_CLOSE_S = 1.0
_TOPIC = 2
_CONFIGS = [
    "max.message.bytes", "message.timestamp.type", "message.timestamp.before.max.ms", "message.timestamp.after.max.ms",
    "cleanup.policy",
]  # fmt: skip
_PAGE = 200
_WHY_ABSENT = {
    3: "does not exist in Kafka",
    17: "has a name that Kafka does not take",
    29: "may not be described by this gateway in Kafka",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as Kafka has it. `available`: its partitions with a leader, where there are any, else all."""

    partitions: int
    available: tuple[int, ...]
    limits: TopicLimits


_NOT_LOOKED = "Kafka was not reached yet"


class Cluster:
    """The latest view of the brokers. `topics` and `absent` are replaced whole, never changed."""

    def __init__(self, settings: KafkaSettings, *, changed: Callable[[], None]) -> None:
        self.topics: Mapping[str, Topic] = {}
        self.absent: Mapping[str, str] = {}
        self.up = False
        self.detail = _NOT_LOOKED
        self._settings = settings
        self._changed = changed
        self._watched: tuple[str, ...] = ()
        self._client: AIOKafkaClient | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._creates = False
        self._wake = asyncio.Event()
        self._read_at_s = -1e9
        self._read_for: tuple[str, ...] | None = None
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float) -> None:
        """Begin to look; wait for the first answer, good or bad, at most so long."""
        self._task = asyncio.create_task(self._run(), name="kafka-cluster")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), timeout_s)

    async def watch(self, topics: Iterable[str], timeout_s: float) -> None:
        """Know these topics, and only these; wait for the reading of them, at most so long."""
        self._watched = tuple(sorted(set(topics)))
        self.stale()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._read_for is not self._watched and self.up:
                    self._news.clear()
                    await self._news.wait()

    def stale(self) -> None:
        """Read the topics again soon: something did not go as they say."""
        self._read_at_s = -1e9
        self._wake.set()

    async def close(self) -> None:
        """Stop looking and close the connection."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._drop_client()
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_S)

    async def _run(self) -> None:
        while True:
            await self._look()
            self._looked.set()
            self._news.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._settings.probe_s)
            self._wake.clear()

    async def _look(self) -> None:
        """One look at the brokers and, where it is due, one at the topics. Never raises for a fault of theirs."""
        was_up, first = self.up, self.detail == _NOT_LOOKED
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._probe()
            async with asyncio.timeout(_READ_S):
                read = await self._read_where_due()
        except Exception as error:  # whatever aiokafka raises, the next look must still happen
            if not isinstance(error, KafkaError | OSError | TimeoutError):
                _log.exception("kafka: a look at the brokers failed")
            self.up = False
            self.detail = f"no broker of {self._settings.bootstrap_servers} answers ({type(error).__name__})"
            self._drop_client()
            read = False
        else:
            self.up = True
            self.detail = "; ".join(f"topic {name} {why}" for name, why in self.absent.items()) or "brokers answer"
        if was_up != self.up or first:
            _log.log(logging.INFO if self.up else logging.WARNING, "kafka: %s", self.detail)
        if read or was_up != self.up:
            self._changed()

    async def _probe(self) -> None:
        """The first answer of any broker. Raises what the last of them failed with."""
        if self._client is None:
            client = AIOKafkaClient(
                bootstrap_servers=[server.strip() for server in self._settings.bootstrap_servers.split(",")],
                client_id=self._settings.client_id,
                request_timeout_ms=int(_LOOK_S * 1000),
            )
            self._client = client
            self._connecting = asyncio.create_task(client.bootstrap())
        if self._connecting is not None:
            await asyncio.shield(self._connecting)
        asks = [asyncio.ensure_future(self._client.send(node, MetadataRequest([], False))) for node in self._nodes()]
        try:
            failure: BaseException = KafkaError("no broker is known")
            for ask in asyncio.as_completed(asks):
                try:
                    await ask
                except (KafkaError, OSError) as error:
                    failure = error
                else:
                    return
            raise failure
        finally:
            for pending in asks:
                pending.cancel()
            await asyncio.gather(*asks, return_exceptions=True)

    async def _read_where_due(self) -> bool:
        now_s = monotonic()
        due_s = _MISSING_S if self.absent else self._settings.refresh_s
        if now_s - self._read_at_s < due_s:
            return False
        self._read_at_s = now_s
        watched = self._watched
        topics: dict[str, Topic] = {}
        absent: dict[str, str] = {}
        for start in range(0, len(watched), _PAGE):
            await self._read_page(watched[start : start + _PAGE], topics, absent)
        if watched is not self._watched:
            self.stale()
        changed = topics != self.topics or absent != self.absent
        self.topics, self.absent = topics, absent
        self._read_for = watched
        return changed

    async def _read_page(self, names: tuple[str, ...], topics: dict[str, Topic], absent: dict[str, str]) -> None:
        limits = await self._read_limits(names)
        response = await self._ask(MetadataRequest(list(names), self._creates))
        for code, name, _, partitions in response.topics:
            if code or not partitions:
                absent[name] = _WHY_ABSENT.get(code, f"is not ready in Kafka (error {code})")
                continue
            leaders = tuple(sorted(number for _, number, leader, *_ in partitions if leader != -1))
            topics[name] = Topic(
                partitions=len(partitions),
                available=leaders or tuple(range(len(partitions))),
                limits=limits.get(name) or self._known_limits(name),
            )

    def _known_limits(self, name: str) -> TopicLimits:
        known = self.topics.get(name)
        return known.limits if known is not None else KAFKA_DEFAULTS

    async def _read_limits(self, names: tuple[str, ...]) -> dict[str, TopicLimits]:
        try:
            response = await self._ask(DescribeConfigsRequest([(_TOPIC, name, _CONFIGS) for name in names]))
        except IncompatibleBrokerVersion:
            self._creates = True
            return {}
        self._creates = False
        return {
            name: limits_from({config: value for config, value, *_ in entries})
            for code, _, _, name, entries in response.resources
            if code == 0
        }

    async def _ask(self, request: "Request[object]") -> Response:
        """One broker's answer: the next one's where one fails."""
        failure: KafkaError = KafkaError("no broker is known")
        for node in self._nodes():
            client = self._client
            if client is None:
                break
            try:
                return await client.send(node, request)
            except IncompatibleBrokerVersion:
                raise
            except KafkaError as error:
                failure = error
        raise failure

    def _nodes(self) -> list[int]:
        nodes = [broker.nodeId for broker in self._client.cluster.brokers()] if self._client is not None else []
        random.shuffle(nodes)
        return nodes

    def _drop_client(self) -> None:
        """Have the connections closed, without waiting for it."""
        client, self._client = self._client, None
        connecting, self._connecting = self._connecting, None
        if client is not None and connecting is not None:
            closing = asyncio.create_task(_close(client, connecting))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _close(client: AIOKafkaClient, connecting: "asyncio.Task[None]") -> None:
    """Close a client once it stopped connecting: aiokafka leaves a socket open where that is cancelled. It has its own bounds."""
    with suppress(KafkaError, OSError, TimeoutError):
        await connecting
    with suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(client.close(), _LOOK_S)
