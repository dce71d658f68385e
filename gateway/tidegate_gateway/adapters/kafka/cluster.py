"""What the brokers say: whether they are there, and what the catalogue's topics are like. Called by the publishers.

Connections of its own, apart from the producers': a look at the brokers in each `probe_s` (a metadata request of nothing), one
reading of the topics in `refresh_s`. Looks overlap, so that a slow broker is not taken for a dead one (`pulse` decides), and a
loss or a return is seen within five seconds. Nothing is written here, but for topics that are to be created; and a broker
that cannot be asked to (librdkafka's mock cluster) does it when asked for its metadata.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from time import monotonic

from aiokafka.errors import IncompatibleBrokerVersion, KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.api import Request, Response
from aiokafka.protocol.metadata import MetadataRequest

from tidegate_gateway.adapters.kafka.connecting import Address, Line, address_of, why_not
from tidegate_gateway.adapters.kafka.creation import Creation
from tidegate_gateway.adapters.kafka.pulse import Pulse
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.adapters.kafka.topics import Configs, Topic, View, WantedTopic, configs_asked, read_topics, said

__all__ = ["Cluster", "Topic"]

_LOOK_S = 12.0
"""How long a look may take, connecting included: a login over TLS is seven round trips."""
_LOOKS = 12
"""So many begin in that time while none is answered; twice as many may be under way."""

_READ_S = 15.0
_AGAIN_S = 2.0
_AT_ONCE = 8
_TOPIC = 2
_PAGE = 200
_SETTLE_S = 0.2
_SETTLES = 10
_ANY = WantedTopic()

_log = logging.getLogger(__name__)


class Cluster:
    """The latest view of the brokers. `topics` and `absent` (with why) are replaced whole, never changed."""

    def __init__(self, settings: KafkaSettings, *, changed: Callable[[], None]) -> None:
        self.topics: Mapping[str, Topic] = {}
        self.absent: Mapping[str, str] = {}
        self.up = False
        self.detail = "Kafka was not reached yet"
        self._settings = settings
        self._changed = changed
        self._pulse = Pulse(monotonic())
        self._view = View()
        self._creation = Creation()
        self._watched: Mapping[str, WantedTopic] = {}
        self._bootstrap = tuple(address_of(server) for server in settings.servers)
        self._brokers: tuple[Address, ...] = ()
        self._controller: Address | None = None
        self._favourite: Address | None = None
        self._turn = 0
        self._looked_s = float("-inf")
        self._lines: dict[Address, Line] = {}
        self._silent: dict[Address, str] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._mock = False
        self._wake = asyncio.Event()
        self._unread = ""
        self._read_at_s = float("-inf")
        self._read_for: Mapping[str, WantedTopic] | None = None
        self._news = asyncio.Event()
        self._known = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float) -> None:
        """Begin to look; wait until something is known, good or bad, at most so long."""
        self._pulse = Pulse(monotonic())
        self._task = asyncio.create_task(self._run(), name="kafka-cluster")
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._known.wait()

    async def watch(self, topics: Iterable[str] | Mapping[str, WantedTopic], timeout_s: float) -> None:
        """Know these topics, and only these; wait for the reading of them, at most so long. A mapping says what is wanted."""
        wanted = topics if isinstance(topics, Mapping) else dict.fromkeys(topics, _ANY)
        self._watched = {name: wanted[name] for name in sorted(wanted)}
        self.stale()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._read_for is not self._watched and self.up:
                    self._news.clear()
                    await self._news.wait()

    def stale(self) -> None:
        """Read the topics again soon: something did not go as they say."""
        self._read_at_s = float("-inf")
        self._wake.set()

    async def close(self) -> None:
        """Stop looking and close the connections."""
        tasks = [task for task in (self._task, self._reading, *self._looks) if task is not None]
        self._task = self._reading = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hang_up()

    async def _run(self) -> None:
        while True:
            if self._may_look(monotonic()):
                look = asyncio.create_task(self._look(), name="kafka-look")
                self._looks.add(look)
                look.add_done_callback(self._looks.discard)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pulse.wait_s(monotonic(), self._settings.probe_s)):
                    await self._wake.wait()
            self._wake.clear()
            try:
                self._judge()
            except Exception:  # else nobody would look again, and readyz would stay as it is for ever
                _log.exception("kafka: what the brokers said was not followed")

    def _judge(self) -> None:
        """What silence means by now, and whether it is time to read the topics."""
        self._pulse.silent(monotonic(), self._who_is_silent())
        self._settle()
        if self.up:
            self._read_where_due()

    def _may_look(self, now_s: float) -> bool:
        """Looks that nobody answers are spread over the time that each may take: so a broker that comes back is asked within a second,
        however often one is to be asked or something fails."""
        crowded = len(self._looks) > 1 and now_s - self._looked_s < _LOOK_S / _LOOKS
        if crowded or len(self._looks) >= 2 * _LOOKS:
            return False
        self._looked_s = now_s
        return True

    async def _look(self) -> None:
        """Ask some brokers, and all there are where those surely fail. Never raises for a fault of theirs."""
        began_s = monotonic()
        asked: dict[Address, str | None] = {}
        try:
            for addresses in (self._picked, self._others, self._bootstraps):
                found = await asyncio.gather(*(self._ask_who_is_there(address) for address in addresses(asked)))
                asked |= dict(found)
                if any(why is None for _, why in found) or not self._all_sure(asked):
                    return
            self._pulse.refused(began_s, "; ".join(sorted(filter(None, asked.values()))))
            self._settle()
        except Exception:  # whatever aiokafka raises, the next look must still happen
            _log.exception("kafka: a look at the brokers failed")

    def _picked(self, asked: Mapping[Address, str | None]) -> list[Address]:
        """Who answered last, and the next in turn: one of them is there unless nearly all are not."""
        brokers = self._brokers
        if not brokers:
            return []
        self._turn += 1
        picked = dict.fromkeys([self._favourite or brokers[0], brokers[self._turn % len(brokers)]])
        return [address for address in picked if address not in asked]

    def _others(self, asked: Mapping[Address, str | None]) -> list[Address]:
        return [address for address in self._brokers if address not in asked][:_AT_ONCE]

    def _bootstraps(self, asked: Mapping[Address, str | None]) -> list[Address]:
        return [address for address in self._bootstrap if address not in asked][:_AT_ONCE]

    def _all_sure(self, asked: Mapping[Address, str | None]) -> bool:
        return not any(address in self._silent for address in asked)

    async def _ask_who_is_there(self, address: Address) -> tuple[Address, str | None]:
        """None where this broker (or, asked as a bootstrap server, one that it names) answers; else why not."""
        try:
            response = await self._ask(address, MetadataRequest([], False))
        except Exception as error:  # a broker may say anything; what it is goes to readyz
            why = why_not(self._settings, address, error)
            if isinstance(error, TimeoutError):
                self._silent[address] = why
            else:
                self._silent.pop(address, None)
            return address, why
        self._silent.pop(address, None)
        named = {row[0]: (row[1], row[2]) for row in response.brokers}
        if named and address not in named.values():
            return address, await self._ask_named(address, tuple(named.values()))
        self._brokers = tuple(named.values())
        self._controller = named.get(getattr(response, "controller_id", -1))
        self._favourite = address
        self._pulse.answered(monotonic())
        self._settle()
        self._read_where_due()
        return address, None

    async def _ask_named(self, by: Address, named: tuple[Address, ...]) -> str | None:
        """Brokers whose names a bootstrap server told: only they take events, so only they count."""
        found = await asyncio.gather(*(self._ask_who_is_there(address) for address in named[:_AT_ONCE]))
        if any(why is None for _, why in found):
            return None
        if any(address in self._silent for address, _ in found):
            self._silent[by] = f"{by[0]}:{by[1]} answers, but the brokers that it names do not"
        whys = "; ".join(sorted(why for _, why in found if why is not None))
        return f"{by[0]}:{by[1]} answers, but the brokers that it names (advertised.listeners) do not: {whys}"

    async def _ask(self, address: Address, request: "Request[object]") -> Response:
        """One broker's answer, over the connection that is kept where there is one."""
        kept = self._lines.get(address)
        if kept is not None and kept.open:
            try:
                return await kept.ask(request, _LOOK_S)
            except IncompatibleBrokerVersion:
                raise
            except (KafkaError, OSError) as error:
                if kept.given_up:
                    raise TimeoutError from error
                self._lines.pop(address, None)
                kept.hang_up()
                if isinstance(error, TimeoutError):
                    raise
        return await self._ask_anew(address, request)

    async def _ask_anew(self, address: Address, request: "Request[object]") -> Response:
        line = Line(self._settings, address)
        keep = False
        try:
            async with asyncio.timeout(_LOOK_S):
                response = await line.ask(request, _LOOK_S)
            there = self._lines.get(address)
            keep = there is None or not there.open
            if keep:
                self._lines[address] = line
            return response
        finally:
            if not keep:
                line.hang_up()

    def _who_is_silent(self) -> str:
        asked = self._brokers or self._bootstrap
        return "; ".join(f"{host}:{port} does not answer" for host, port in sorted(asked)[:_AT_ONCE])

    def _settle(self) -> None:
        """Say what the pulse and the view mean, and tell of it where it changed."""
        pulse, was_up, before, first = self._pulse, self.up, self.detail, not self._known.is_set()
        if not pulse.known:
            return
        self.up = pulse.up
        if pulse.up:
            self.detail = self._said() or "brokers answer"
        else:
            self.detail = f"no broker can be used: {pulse.why}"
            if was_up:
                self._hang_up()
        self._known.set()
        self._news.set()
        if was_up != self.up or first or (self.up and self.detail != before):
            _log.log(logging.INFO if self.up else logging.WARNING, "kafka: %s", self.detail)
        if was_up != self.up:
            self._changed()

    def _said(self) -> str:
        return said(self._view, self._creation.refusals, creates=self._settings.create_topics)

    def _hang_up(self) -> None:
        """Let go of all connections: after a silence the old ones are the last to come back."""
        lines, self._lines, self._brokers = list(self._lines.values()), {}, ()
        for line in lines:
            line.hang_up()

    def _read_where_due(self) -> None:
        """Begin to read the topics, where it is time and it is not under way."""
        due_s = _AGAIN_S if self.absent or self._read_for is not self._watched else self._settings.refresh_s
        if self._reading is None and monotonic() - self._read_at_s >= due_s:
            self._read_at_s = monotonic()
            self._reading = asyncio.create_task(self._read(), name="kafka-topics")

    async def _read(self) -> None:
        watched = self._watched
        try:
            async with asyncio.timeout(_READ_S):
                view = await self._read_view(watched)
                if self._settings.create_topics and not self._mock:
                    view = await self._create(view, watched)
        except Exception as error:  # the next reading must still happen, whatever was wrong with this one
            if self._unread != repr(error):
                self._unread = repr(error)
                _log.warning("kafka: topics could not be read: %s", self._unread)
            self._read_at_s = min(monotonic(), monotonic() - self._settings.refresh_s + _AGAIN_S)
        else:
            changed = view != self._view
            self._view, self._read_for, self._unread = view, watched, ""
            self.topics, self.absent = view.topics, view.absent
            self._settle()
            if changed:
                self._changed()
        finally:
            self._reading = None
            self._news.set()
        if watched is not self._watched:
            self.stale()

    async def _read_view(self, watched: Mapping[str, WantedTopic]) -> View:
        names = list(watched)
        rows: list[tuple[object, ...]] = []
        configs: dict[str, Configs] = {}
        for start in range(0, len(names), _PAGE):
            page = names[start : start + _PAGE]
            configs |= await self._read_configs(page, watched)
            rows += (await self._ask_one(MetadataRequest(page, self._mock))).topics
        return read_topics(rows, configs, watched, self.topics)

    async def _read_configs(self, names: list[str], watched: Mapping[str, WantedTopic]) -> dict[str, Configs]:
        asked = [(_TOPIC, name, configs_asked(watched[name])) for name in names]
        try:
            response = await self._ask_one(DescribeConfigsRequest(asked))
        except IncompatibleBrokerVersion:
            self._mock = True
            return {}
        self._mock = False
        return {
            name: {config: value for config, value, *_ in entries}
            for code, _, _, name, entries in response.resources
            if code == 0
        }

    async def _create(self, view: View, watched: Mapping[str, WantedTopic]) -> View:
        """Have the missing topics created, and wait a little until the brokers know them."""
        names = self._creation.due(view.missing, monotonic())
        for start in range(0, len(names), _PAGE):
            request = self._creation.request(names[start : start + _PAGE], watched)
            answer = await self._ask_one(request, self._controller)
            there = self._creation.note(((row[0], row[1], row[2]) for row in answer.topic_errors), monotonic())
            _log.info("kafka: topics created: %s", ", ".join(there) or "none")
        for _ in range(_SETTLES):
            if not names or not set(view.missing) - set(self._creation.refusals):
                break
            await asyncio.sleep(_SETTLE_S)
            view = await self._read_view(watched)
        return view

    async def _ask_one(self, request: "Request[object]", first: Address | None = None) -> Response:
        """One broker's answer: the next one's where one fails."""
        order = dict.fromkeys(address for address in (first, self._favourite, *self._brokers) if address is not None)
        failure: Exception = KafkaError("no broker is known")
        for address in order:
            try:
                return await self._ask(address, request)
            except IncompatibleBrokerVersion:
                raise
            except (KafkaError, OSError, ValueError) as error:
                failure = error
        raise failure
