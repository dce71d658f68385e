"""aiokafka's requests with batches, watched on their way: what is written, what came back, which broker is taken. Called by `generation`.

Watched for four reasons: to know what is in doubt (`flight`); to send nothing of a batch that was withdrawn or became late; to take back a
batch that was refused in passing, for aiokafka would wait with every partition of that broker before it tries again; and to see that the
producer moves. What may be sent, and what becomes of a batch, is `generation`'s.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.api import Request
from aiokafka.protocol.produce import ProduceRequest

from tidegate_gateway.adapters.kafka.accumulator import Place
from tidegate_gateway.adapters.kafka.connections import connected
from tidegate_gateway.adapters.kafka.flight import Flight, note_answers
from tidegate_gateway.adapters.kafka.rewriting import answered_for, only, places_in

__all__ = ["Attempts", "Owner", "Sealed"]


class Sealed(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """Raised in place of sending what was withdrawn. Not retriable: the batch fails, and was not sent."""


class Owner(Protocol):
    """Whose batches they are."""

    sealed: bool
    flights: dict[Place, Flight]

    def may_go(self, places: Iterable[Place], now_s: float) -> Mapping[Place, Flight]:
        """Of these the flights that may be sent still."""

    def take_back(self, flight: Flight) -> None:
        """Nothing of the batch is stored, and no attempt of it is on its way."""


class Attempts:
    """Stands in the place of a client's `send`. `moved_s`: when an attempt last began or ended, by the loop's clock."""

    def __init__(
        self,
        client: AIOKafkaClient,
        owner: Owner,
        *,
        freed: Callable[[int], None],
        answered: Callable[[float], None],
    ) -> None:
        """`freed` is told a broker that can take a request; `answered` how long an answer took, in seconds."""
        self.moved_s = 0.0
        self._client = client
        self._owner = owner
        self._freed = freed
        self._answered = answered
        self._out: dict[int, set[Place]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._plain_send = client.send
        client.send = self.send

    def taken(self, node_id: int) -> bool:
        """Whether a broker has a request that is not answered yet."""
        return bool(self._out.get(node_id))

    def landed(self, place: Place) -> list[int]:
        """The partition's batch came to its end; the brokers that are free by that."""
        free = []
        for node_id, out in self._out.items():
            if place in out:
                out.discard(place)
                if not out:
                    free.append(node_id)
        return free

    def cancel(self) -> None:
        """End all requests under way: aiokafka leaves those alone that its sender no longer waits for."""
        for task in self._tasks:
            task.cancel()

    async def end(self) -> None:
        """`cancel`, and wait for it."""
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def send(self, node_id: int, request: Request[Any], **options: Any) -> Any:
        """What `AIOKafkaClient.send` does; requests with batches are watched. Raises as that does, and Sealed."""
        if not isinstance(request, ProduceRequest):
            return await self._plain_send(node_id, request, **options)
        self._note_task()
        self.moved_s = self._loop.time()
        places = places_in(request)
        self._out[node_id] = set(places)
        landing: set[Place] = set()
        try:
            transport = await connected(self._client, node_id)
            landing, response = await self._write(node_id, request, places, transport, options)
        except KafkaError as error:
            if self._owner.sealed:  # no reason for aiokafka to try again
                raise Sealed("the producer is being replaced") from error
            raise
        else:
            return response
        finally:
            self.moved_s = self._loop.time()
            # Those that land now keep the broker taken until they have: then their partitions can send again too.
            self._out[node_id] = {place for place in landing if place in self._owner.flights}
            if not self._out[node_id]:
                self._freed(node_id)

    async def _write(
        self,
        node_id: int,
        request: ProduceRequest,
        places: Sequence[Place],
        transport: asyncio.WriteTransport,
        options: dict[str, Any],
    ) -> tuple[set[Place], Any]:
        """Write what may still go, over a connection that is there, and take in the answer: which places land now, and the answer as
        aiokafka should see it. Nothing is waited for before it is written."""
        began_s = self.moved_s = self._loop.time()
        flights = self._owner.may_go(places, began_s)
        if not flights:
            raise Sealed("nothing of this request may be sent any more")
        left_out = [place for place in places if place not in flights]
        if left_out:
            request = only(request, flights)
        doubts = {place: flight.doubt for place, flight in flights.items()}
        for flight in flights.values():
            flight.doubt = True
        self._out[node_id] = set(flights)
        try:
            response = await self._plain_send(node_id, request, **options)
        except NodeNotReadyError:
            for place, flight in flights.items():
                flight.doubt = doubts[place]
            raise
        except RequestTimedOutError:
            transport.abort()  # what the broker has not taken by now would be written once it wakes up
            raise
        self._answered(self._loop.time() - began_s)
        landing, again = note_answers(response.topics, flights, doubts)
        if again or left_out:
            response.topics = answered_for(response, again, left_out)
            for place in again:
                self._owner.take_back(flights[place])
            landing |= again
        return landing, response

    def _note_task(self) -> None:
        """Who sends: aiokafka makes a task for each request."""
        task = asyncio.current_task()
        if task is not None and task not in self._tasks:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
