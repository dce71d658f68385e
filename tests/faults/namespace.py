"""A network namespace of our own, a veth pair to it, and packets that vanish on the way. Called by `rig` and the faults.

Everything goes by netlink (pyroute2), no command is needed; it takes root. What listens in the namespace is reached from
outside at `inside`, over a link that can lose everything, or the answers only.
"""

import itertools
import os
import socket
import threading
from contextlib import suppress

from tests.faults.proxy import listening

__all__ = ["Namespace", "NamespaceForbidden"]

_COUNT = itertools.count()
_ROOT = 0xFFFFFFFF


class NamespaceForbidden(RuntimeError):
    """No namespace can be made here; the text says why."""


class Namespace:
    """Made at once; raises NamespaceForbidden. `close` removes it with its link."""

    def __init__(self) -> None:
        try:
            from pyroute2 import IPRoute, NetNS, netns  # Linux only: elsewhere this test says that it cannot run
        except ImportError as error:
            raise NamespaceForbidden(f"pyroute2 cannot be imported: {error}") from error
        pid, count = os.getpid(), next(_COUNT)
        # Two runs at once must not share a subnet: 10.192.0.0/10 has room for many processes, and eight times for each.
        subnet = f"10.{192 + pid // 256 % 64}.{pid % 256}"
        self._outside, self.inside = (f"{subnet}.{count % 8 * 4 + place}" for place in (1, 2))
        self._name = f"tidegate-{pid}-{count}"
        self._netns = netns
        near, far = f"tgn{pid}-{count}"[:15], f"tgf{pid}-{count}"[:15]
        self._here = IPRoute()
        try:
            netns.create(self._name)
            self._there = NetNS(self._name)
            self._here.link("add", ifname=near, kind="veth", peer={"ifname": far, "net_ns_fd": self._name})
            self._near = self._here.link_lookup(ifname=near)[0]
            self._far = self._there.link_lookup(ifname=far)[0]
            self._here.addr("add", index=self._near, address=self._outside, prefixlen=30)
            self._there.addr("add", index=self._far, address=self.inside, prefixlen=30)
            self._here.link("set", index=self._near, state="up")
            self._there.link("set", index=self._far, state="up")
        except Exception as error:  # pyroute2 raises its own, OSError, and others: all mean that it may not be done
            self._here.close()
            with suppress(Exception):
                netns.remove(self._name)
            raise NamespaceForbidden(f"no network namespace can be made: {error!r}") from error

    def listen(self, port: int = 0) -> socket.socket:
        """A listening socket inside. A thread of its own goes there: a socket stays where it was made."""
        made: list[socket.socket] = []

        def inside() -> None:
            self._netns.setns(self._name)
            made.append(listening(self.inside, port))

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join(10)
        return made[0]

    def drop_answers(self) -> None:
        """Packets reach the inside; none comes back."""
        self._there.route("replace", dst=f"{self._outside}/32", type="blackhole")

    def drop_all(self) -> None:
        """Nothing passes either way: no address is told that, as on a link that was cut far away."""
        self._here.tc("add", "pfifo", index=self._near, handle="1:", limit=0)
        self.drop_answers()

    def heal(self) -> None:
        """Everything passes again. Does nothing where it does already."""
        with suppress(Exception):  # neither may be there
            self._there.route("del", dst=f"{self._outside}/32", type="blackhole")
        with suppress(Exception):
            self._here.tc("del", index=self._near, handle="1:", parent=_ROOT)

    def close(self) -> None:
        """Remove it; its end of the link takes the other with it."""
        self._there.close()
        with suppress(Exception):
            self._here.link("del", index=self._near)
        self._here.close()
        self._netns.remove(self._name)
