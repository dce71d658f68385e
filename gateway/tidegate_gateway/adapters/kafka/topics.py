"""What the brokers' answers say of the catalogue's topics, and what a contract wants of its topic. Pure; called by `cluster`.

A topic that exists is never changed: where it differs from its contract, that is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate_gateway.adapters.kafka.limits import KAFKA_DEFAULTS, TopicLimits, limits_from

__all__ = ["MISSING", "Configs", "Topic", "View", "WantedTopic", "configs_asked", "read_topics", "said"]

Configs = Mapping[str, str | None]
"""A topic's configuration as Kafka describes it, by Kafka's names."""

MISSING = "does not exist in Kafka"

_UNKNOWN_TOPIC = 3
_WHY_ABSENT = {
    _UNKNOWN_TOPIC: MISSING,
    17: "has a name that Kafka does not take",
    29: "may not be described by this gateway in Kafka",
}
_LIMITING = (
    "max.message.bytes", "message.timestamp.type", "message.timestamp.before.max.ms", "message.timestamp.after.max.ms",
    "cleanup.policy", "min.insync.replicas",
)  # fmt: skip
_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic as Kafka has it. `available`: its partitions with a leader, where there are any, else all."""

    partitions: int
    available: tuple[int, ...]
    limits: TopicLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    """What the contract says of its topic. -1 and absent configs: whatever the broker's defaults are."""

    partitions: int = -1
    replication_factor: int = -1
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One reading. `absent`: why, by topic. `lonely`: acknowledged by one broker alone. `differs`: how, by topic."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    lonely: tuple[str, ...] = ()
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """The topics that could be created."""
        return tuple(name for name, why in self.absent.items() if why is MISSING)


def configs_asked(wanted: WantedTopic) -> list[str]:
    """The names of the configs to be described for a topic."""
    return [*_LIMITING, *(name for name in wanted.config if name not in _LIMITING)]


def read_topics(
    rows: Iterable[Sequence[object]],
    configs: Mapping[str, Configs],
    wanted: Mapping[str, WantedTopic],
    known: Mapping[str, Topic],
) -> View:
    """A view from the `topics` of a metadata response and described configs.

    A row is error code, name, whether internal, partitions; a partition is error, number, leader, replicas, ... Where a
    topic's configs were not told, the limits last `known` stay, else Kafka's defaults.
    """
    topics: dict[str, Topic] = {}
    absent: dict[str, str] = {}
    lonely: list[str] = []
    differs: dict[str, str] = {}
    for code, name, _, partitions in rows:
        if not isinstance(name, str) or not isinstance(code, int) or not isinstance(partitions, list):
            continue
        if code or not partitions:
            absent[name] = _WHY_ABSENT.get(code, f"is not ready in Kafka (error {code})")
            continue
        leaders = tuple(sorted(number for _, number, leader, *_ in partitions if leader != -1))
        told = configs.get(name)
        before = known[name].limits if name in known else KAFKA_DEFAULTS
        topics[name] = Topic(
            partitions=len(partitions),
            available=leaders or tuple(range(len(partitions))),
            limits=before if told is None else limits_from(told),
        )
        if told is not None and told.get("min.insync.replicas") == "1":
            lonely.append(name)
        replicas = max(len(row[3]) for row in partitions)
        if difference := _difference(wanted[name], len(partitions), replicas, told or {}):
            differs[name] = difference
    return View(topics=topics, absent=absent, lonely=tuple(lonely), differs=differs)


def said(view: View, refusals: Mapping[str, str], *, creates: bool) -> str:
    """What an operator should know of the topics; empty where there is nothing."""
    missing = [name for name in view.missing if name not in refusals]
    remedy = "they are being created" if creates else "create them, or set kafka.create_topics = true"
    lines = [f"topics that do not exist in Kafka ({remedy}): {_some(missing)}"] if missing else []
    lines += [f"topic {name} {MISSING}, and Kafka does not create it: {why}" for name, why in _first(refusals)]
    lines += [f"topic {name} {why}" for name, why in _first(view.absent) if why is not MISSING]
    if view.lonely:
        lines.append(
            "topics with min.insync.replicas = 1, where an acknowledged event may be on one broker alone:"
            f" {_some(view.lonely)}"
        )
    lines += [f"topic {name} is not as its contract says: {how}" for name, how in _first(view.differs)]
    return "; ".join(lines)


def _difference(wanted: WantedTopic, partitions: int, replicas: int, configs: Configs) -> str:
    found = []
    if wanted.partitions > partitions:
        found.append(f"{partitions} partitions, not {wanted.partitions}")
    if wanted.replication_factor not in {-1, replicas}:
        found.append(f"replication factor {replicas}, not {wanted.replication_factor}")
    for name, value in wanted.config.items():
        there = configs.get(name)
        if there is not None and _plain(there) != _plain(value):
            found.append(f"{name} {there}, not {value}")
    return ", ".join(found)


def _plain(value: str) -> object:
    """A config's value without what its writing adds: 0.50 is 0.5, and lists have no order."""
    try:
        return float(value)
    except ValueError:
        return frozenset(part.strip() for part in value.split(","))


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _first(rows: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(rows.items())[:_NAMED]
