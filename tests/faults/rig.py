"""Kafka, proxies before it, and gateways on it: what a fault needs to happen to. Made once for many tests by `conftest`, and by the soak."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient
from tests.e2e.processes import GatewayProcess, gateway_process
from tests.faults.checker import Found, Sent, Verdict, check
from tests.faults.contracts import ROLE, TOPICS, make_topics, write_contracts
from tests.faults.namespace import Namespace, NamespaceForbidden
from tests.faults.proxy import Proxies, listening
from tests.kafka.reading import ReadRecord, read_topic
from tests.kafka.real_kafka import KafkaCluster

__all__ = ["Gate", "Rig"]

_FAST = """
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=3000
"""
"""A node that is gone is seen in 3 s where Kafka's defaults take 9, and leaves the replicas in sync in as many, not 30."""

_TOKEN_S = 7200.0
_READ_S = 60.0
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A running gateway and what its producers need of it. `deadline_s`: its promise for one request."""

    process: GatewayProcess
    token: str
    deadline_s: float

    def log_lines(self, text: str) -> int:
        """How many lines of its log hold the text."""
        return sum(text in line for line in self.process.log.read_text("utf-8", "replace").splitlines())


class Rig:
    """A cluster with TOPICS, a proxy for each node, and everything that was ever sent to it.

    `namespace` is None where none may be made; `why_no_namespace` says why. Then the proxies listen on loopback.
    """

    def __init__(self, folder: Path, make_cluster: Callable[..., KafkaCluster], nodes: int) -> None:
        self.sent: list[Sent] = []
        self._found: list[Found] = []
        self.namespace: Namespace | None = None
        self.why_no_namespace = ""
        self.proxies = Proxies()
        try:
            self.namespace = Namespace()
        except NamespaceForbidden as error:
            self.why_no_namespace = str(error)
        try:
            self._build(folder, make_cluster, nodes)
        except BaseException:
            self.close()
            raise

    def _build(self, folder: Path, make_cluster: Callable[..., KafkaCluster], nodes: int) -> None:
        listeners = [self._listener() for _ in range(nodes)]
        addresses = [f"{host}:{port}" for host, port in (listener.getsockname() for listener in listeners)]
        self.proxied = ",".join(addresses)
        made = [self.proxies.add(listener) for listener in listeners]
        self.contracts = write_contracts(folder)
        self.cluster = make_cluster(nodes=nodes, advertised=addresses, more=_FAST)
        for proxy, bound in zip(made, self.cluster.proxied, strict=True):
            host, _, port = bound.rpartition(":")
            proxy.target = (host, int(port))
        make_topics(self.cluster.bootstrap, nodes)

    def _listener(self) -> socket.socket:
        return self.namespace.listen() if self.namespace is not None else listening("127.0.0.1")

    def close(self) -> None:
        """End the proxies and the namespace; the cluster belongs to whoever made it."""
        self.proxies.close()
        if self.namespace is not None:
            self.namespace.close()

    @contextmanager
    def gateway(
        self, folder: Path, *, deadline_s: float, proxied: bool = False, drain_s: float = 20.0, more: str = "", in_flight_bytes: int = 64 * _MIB,
        like: Gate | None = None, **environ: str,
    ) -> Iterator[Gate]:  # fmt: skip
        """`serve`; `proxied`: it reaches Kafka through the proxies only. `more`: lines of [server]. `like`: it takes that one's tokens. `environ`: options as TIDEGATE_*."""
        folder.mkdir(parents=True, exist_ok=True)
        sections = f"[limits]\nin_flight_bytes = {in_flight_bytes}\n[server]\ndrain_s = {drain_s}\n{more}"
        environ = {"TIDEGATE_KAFKA_DELIVERY_TIMEOUT_S": str(deadline_s), **environ}
        bootstrap = self.proxied if proxied else self.cluster.bootstrap
        key = like.process.key if like is not None else None
        with gateway_process(
            folder, bootstrap, contracts=self.contracts, more=sections, environ=environ, key=key
        ) as process:
            token = process.token("publish:*", roles=(ROLE,), ttl_s=_TOKEN_S)
            yield Gate(process=process, token=token, deadline_s=deadline_s)

    def wait_in_sync(self, topic: str, replicas: int, within_s: float) -> None:
        """Wait until each partition of the topic has exactly so many replicas in sync. Raises AssertionError."""
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap})
        ends = time.monotonic() + within_s
        while True:
            partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions
            in_sync = [len(partition.isrs) for partition in partitions.values()]
            if set(in_sync) == {replicas}:
                return
            assert time.monotonic() < ends, f"{topic} has {in_sync} replicas in sync"
            time.sleep(0.2)

    def check(self) -> Verdict:
        """Read everything back and compare it with all that was ever sent here."""
        return check(self.sent, self.read())

    def read(self) -> list[Found]:
        """All records of all topics, as a stock consumer reads them. What was read once is not read again."""
        for topic in TOPICS:
            since = {found.partition: found.offset + 1 for found in self._found if found.topic == topic.name}
            self._found += [
                Found(
                    id=dict(record.headers).get("tidegate-id", b"").decode(),
                    topic=topic.name,
                    key=(record.key or b"").decode(),
                    partition=record.partition,
                    offset=record.offset,
                )
                for record in read_patiently(self.cluster.bootstrap, topic.name, since)
            ]
        return list(self._found)


def read_patiently(bootstrap: str, topic: str, since: Mapping[int, int]) -> list[ReadRecord]:
    """Read a topic from `since` to its end; a cluster that just came back may say for a while that it cannot."""
    ends = time.monotonic() + _READ_S
    while True:
        try:
            return read_topic(bootstrap, topic, since)
        except Exception:  # librdkafka's errors are many; the last one is raised
            if time.monotonic() > ends:
                raise
            time.sleep(1)
