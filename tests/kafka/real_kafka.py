"""Real Apache Kafka on loopback for tests, without containers: Maven fetches the jars, Java runs the nodes.

Used by the fixtures of tests/conftest.py and by the fault tests. Processes are stopped by pid; every wait is bounded.
"""

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

POM = Path(__file__).with_name("pom.xml")
_MAVEN_S = 300
_FORMAT_S = 60
_START_S = 60
_STOP_S = 8


class KafkaUnavailable(RuntimeError):
    """Real Kafka cannot run here; the text says what is missing."""


def missing_tools() -> str:
    """What this machine lacks to run Kafka, or nothing."""
    return ", ".join(tool for tool in ("java", "mvn") if shutil.which(tool) is None)


@cache
def classpath() -> str:
    """The jars of Kafka, fetched by Maven into its own cache; asked for once a process. Raises KafkaUnavailable."""
    if missing := missing_tools():
        raise KafkaUnavailable(f"not installed: {missing}")
    with TemporaryDirectory() as folder:
        listing = Path(folder) / "classpath.txt"
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={listing}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MAVEN_S, check=False, cwd=folder)
        if done.returncode != 0:
            raise KafkaUnavailable(f"Maven did not fetch Kafka: {done.stdout[-600:]}{done.stderr[-300:]}")
        return listing.read_text("utf-8").strip()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


class KafkaNode:
    """One node, broker and controller. `port` is its clients' port; it keeps its log in `folder` over a restart."""

    def __init__(self, folder: Path, jars: str, number: int, port: int) -> None:
        self.folder = folder
        self.number = number
        self.port = port
        self._jars = jars
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the node does not run")
        return self._process.pid

    def format(self, cluster_id: str, *, standalone: bool) -> None:
        """Prepare its storage, once."""
        command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._jars]
        command += [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster_id}",
            "-c",
            str(self.folder / "server.properties"),
        ]
        command += ["--standalone"] if standalone else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_S, check=False, cwd=self.folder)
        if done.returncode != 0:
            raise KafkaUnavailable(f"Kafka's storage could not be formatted: {done.stdout[-600:]}{done.stderr[-600:]}")

    def start(self) -> None:
        """Start the process; returns at once."""
        command = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self._jars, "kafka.Kafka"]
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self.folder / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def wait_started(self) -> None:
        """Wait until its port answers. Raises KafkaUnavailable with the end of its log."""
        ends = time.monotonic() + _START_S
        while time.monotonic() < ends:
            if self._process is None or self._process.poll() is not None:
                break
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        log = (self.folder / "kafka.log").read_text("utf-8", "replace")
        self.stop()
        raise KafkaUnavailable(f"Kafka did not start: {log[-1500:]}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process (SIGSTOP, SIGCONT, SIGKILL)."""
        os.kill(self.pid, number)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL, and wait for its end. Does nothing where it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_STOP_S)

    def stop(self) -> None:
        """Stop the process and wait for its end; kill it where it takes its time. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)


class KafkaCluster:
    """Some nodes that know each other, topics replicated on all of them (acks from two where there are three).

    `advertised`: a second listener for each node, PROXIED, which sends its clients to that `host:port`; it listens on
    `proxied[n]`. `more`: further lines of every node's properties.
    """

    def __init__(self, folder: Path, nodes: int, *, advertised: Sequence[str] = (), more: str = "") -> None:
        jars = classpath()
        ports = free_ports(3 * nodes)
        clients, controllers, proxied = ports[:nodes], ports[nodes : 2 * nodes], ports[2 * nodes :]
        self.proxied = [f"127.0.0.1:{port}" for port in proxied] if advertised else []
        self.nodes = [KafkaNode(folder / f"node{n + 1}", jars, n + 1, clients[n]) for n in range(nodes)]
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode("ascii")
        for node, controller in zip(self.nodes, controllers, strict=True):
            node.folder.mkdir(parents=True)
            properties = _properties(node, controller, controllers)
            if advertised:
                place = node.number - 1
                properties = _with_listener(properties, self.proxied[place], advertised[place])
            (node.folder / "server.properties").write_text(properties + more, "utf-8")
            node.format(cluster_id, standalone=nodes == 1)

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Start all nodes and wait for their ports."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_started()

    def kill(self) -> None:
        """End all nodes at once; nobody wants their logs any more."""
        for node in self.nodes:
            node.kill()

    def stop(self) -> None:
        """Stop all nodes; all are asked first, for a node that stops waits for the others."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.stop()


def _with_listener(properties: str, listens: str, advertised: str) -> str:
    """A listener PROXIED beside the clients' own."""
    changes = {
        "listeners=": f",PROXIED://{listens}",
        "advertised.listeners=": f",PROXIED://{advertised}",
        "listener.security.protocol.map=": ",PROXIED:PLAINTEXT",
    }
    lines = properties.splitlines()
    return "\n".join(line + changes.get(line.partition("=")[0] + "=", "") for line in lines) + "\n"


def _properties(node: KafkaNode, controller: int, controllers: list[int]) -> str:
    replicas = min(3, len(controllers))
    if len(controllers) == 1:
        quorum = f"controller.quorum.bootstrap.servers=127.0.0.1:{controller}"
    else:
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controllers, 1))
        quorum = f"controller.quorum.voters={voters}"
    return f"""
process.roles=broker,controller
node.id={node.number}
{quorum}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{node.port}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={node.folder / "log"}
default.replication.factor={replicas}
min.insync.replicas={min(2, replicas)}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={min(2, replicas)}
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={min(2, replicas)}
group.initial.rebalance.delay.ms=0
"""
