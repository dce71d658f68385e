"""A gateway in memory: keeps what is sent to it, answers receipts. For tests, simulations and measurements; scripted by its caller.

Judges nothing by itself: `answer` may (FakeGate's does).
"""

from collections.abc import Callable

from tidegate.transport.port import Answer, Bundle, BundleAnswer, NoBundle, NotModified, Receipted, Request
from tidegate.wire.results import ResultLine

__all__ = ["MemoryTransport"]

Script = Callable[[Request], Answer]


class MemoryTransport:
    """Stores every event and acknowledges it, unless `answer` says otherwise.

    `answer` is called for each request and gives what the gateway would. `bundles` are contracts by topic. With `keep` the
    requests stay in `requests`; without, they are only counted.
    """

    def __init__(
        self, answer: Script | None = None, bundles: dict[str, Bundle] | None = None, *, keep: bool = True
    ) -> None:
        self.requests: list[Request] = []
        self.count = 0
        self.bundle_requests = 0
        self.closed = False
        self.bundles = bundles if bundles is not None else {}
        self._answer = answer
        self._keep = keep
        self._offsets: dict[str, int] = {}

    async def send(self, request: Request, timeout_s: float) -> Answer:  # noqa: ARG002 -- the port's
        """The script's answer, or a receipt for every event."""
        self.count += 1
        if self._keep:
            self.requests.append(request)
        return self._answer(request) if self._answer is not None else self.stored(request)

    async def bundle(self, topic: str, etag: str | None, token: str | None, timeout_s: float) -> BundleAnswer:  # noqa: ARG002 -- the port's
        """The bundle that was put in, if any."""
        self.bundle_requests += 1
        bundle = self.bundles.get(topic)
        if bundle is None:
            return NoBundle(reason=f"no contract for the topic {topic} is served here", final=True)
        return NotModified() if bundle.etag == etag else bundle

    async def aclose(self) -> None:
        """Remembers that it was closed."""
        self.closed = True

    def stored(self, request: Request) -> Receipted:
        """A receipt that says every event of the request is stored, offsets counted by topic."""
        first = self._offsets.get(request.topic, 0)
        self._offsets[request.topic] = first + len(request.events)
        return Receipted(
            lines=[
                ResultLine(id=event.id, status="stored", partition=0, offset=first + index, version=event.version or 1)
                for index, event in enumerate(request.events)
            ]
        )
