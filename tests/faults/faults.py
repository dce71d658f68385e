"""The faults: each begins, lasts as long as its caller likes, and heals. Called by the tests and the soak.

A new one needs a `name`, `begin` and `heal`; `heal` may be called where nothing began, and twice.
"""

import signal
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.processes import GatewayProcess
from tests.faults.namespace import Namespace
from tests.faults.proxy import Proxies
from tests.kafka.real_kafka import KafkaNode

__all__ = ["WEDGING", "Cut", "Fault", "Frozen", "Killed", "Reset", "Restarted", "Slow", "Together", "Wedged"]

WEDGING = Path(__file__).with_name("wedging")
"""On PYTHONPATH of a gateway that is to be `Wedged`."""


class Fault:
    """`with fault:` begins it and heals it."""

    name = ""

    def begin(self) -> None:
        raise NotImplementedError

    def heal(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *error: object) -> None:
        self.heal()


class Killed(Fault):
    """SIGKILL; healed once the node's port answers again."""

    def __init__(self, *nodes: KafkaNode) -> None:
        self.name = "killed" if len(nodes) == 1 else f"{len(nodes)} nodes killed"
        self._nodes = nodes
        self._away = False

    def begin(self) -> None:
        self._away = True
        for node in self._nodes:
            node.signal(signal.SIGKILL)
        for node in self._nodes:
            node.stop()

    def heal(self) -> None:
        if not self._away:
            return
        self._away = False
        for node in self._nodes:
            node.start()
        for node in self._nodes:
            node.wait_started()


class Restarted(Killed):
    """SIGTERM: the node hands its leaderships over and leaves, and comes back. A rolling upgrade's step."""

    def __init__(self, node: KafkaNode) -> None:
        super().__init__(node)
        self.name = "restarted"

    def begin(self) -> None:
        self._away = True
        for node in self._nodes:
            node.stop()


class Frozen(Fault):
    """SIGSTOP and SIGCONT: its sockets stay open and take what fits into their buffers."""

    def __init__(self, *nodes: KafkaNode) -> None:
        self.name = "frozen" if len(nodes) == 1 else f"{len(nodes)} nodes frozen"
        self._nodes = nodes

    def begin(self) -> None:
        for node in self._nodes:
            node.signal(signal.SIGSTOP)

    def heal(self) -> None:
        for node in self._nodes:
            node.signal(signal.SIGCONT)


class Cut(Fault):
    """Packets vanish: all, or only those that come back from Kafka."""

    def __init__(self, namespace: Namespace, *, answers_only: bool = False) -> None:
        self.name = "answers dropped" if answers_only else "packets dropped"
        self._namespace, self._answers_only = namespace, answers_only

    def begin(self) -> None:
        if self._answers_only:
            self._namespace.drop_answers()
        else:
            self._namespace.drop_all()

    def heal(self) -> None:
        self._namespace.heal()


class Reset(Fault):
    """Every connection is reset, and every new one."""

    def __init__(self, proxies: Proxies) -> None:
        self.name = "connections reset"
        self._proxies = proxies

    def begin(self) -> None:
        for proxy in self._proxies.all:
            proxy.resetting = True
        self._proxies.reset()

    def heal(self) -> None:
        for proxy in self._proxies.all:
            proxy.resetting = False


class Slow(Fault):
    """A round trip to Kafka takes so much longer."""

    def __init__(self, proxies: Proxies, rtt_s: float) -> None:
        self.name = f"round trip {rtt_s:g} s"
        self._proxies, self._rtt_s = proxies, rtt_s

    def begin(self) -> None:
        for proxy in self._proxies.all:
            proxy.rtt_s = self._rtt_s

    def heal(self) -> None:
        for proxy in self._proxies.all:
            proxy.rtt_s = 0.0


class Wedged(Fault):
    """The producers inside a gateway stop for ever, their queues as they are. Nobody heals that but the gateway."""

    name = "producer wedged"

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway

    def begin(self) -> None:
        self._gateway.signal(signal.SIGUSR2)

    def heal(self) -> None:
        """Nothing: see above."""


class Together(Fault):
    """Several at once, healed in reverse."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.name = name
        self._faults = tuple(faults)

    def begin(self) -> None:
        for fault in self._faults:
            fault.begin()

    def heal(self) -> None:
        for fault in reversed(self._faults):
            fault.heal()
