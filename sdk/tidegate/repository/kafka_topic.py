"""The custom property `kafka` of a contract file: how its topic is made, where the gateway creates topics. Called by `contract_file`.

Live: changed without a release. Names and bounds of configs are those of Kafka's own topic configs (`LogConfig`, Kafka 4.3),
so that a slip is found in review and not by the broker.
"""

from dataclasses import dataclass
from typing import Final

from tidegate.contracts.source import TopicSettings
from tidegate.repository.nodes import Document, Node

__all__ = ["TOPIC_CONFIGS", "read_topic_settings"]

_MEMBERS: Final = frozenset({"partitions", "replicationFactor", "config"})
_MAX_PARTITIONS = 10_000
_MAX_REPLICAS = 100
_INT = 2**31 - 1
_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Whole:
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class _OneOf:
    choices: frozenset[str]
    several: bool = False


class _Truth:
    pass


class _Ratio:
    pass


def _one_of(text: str, *, several: bool = False) -> _OneOf:
    return _OneOf(frozenset(text.split()), several)


TOPIC_CONFIGS: Final[dict[str, _Whole | _OneOf | _Truth | _Ratio]] = {
    "cleanup.policy": _one_of("compact delete", several=True),
    "compression.type": _one_of("uncompressed zstd lz4 snappy gzip producer"),
    "compression.gzip.level": _Whole(-1, 9),
    "compression.lz4.level": _Whole(1, 17),
    "compression.zstd.level": _Whole(-131_072, 22),
    "delete.retention.ms": _Whole(0, _LONG),
    "file.delete.delay.ms": _Whole(0, _LONG),
    "flush.messages": _Whole(1, _LONG),
    "flush.ms": _Whole(0, _LONG),
    "index.interval.bytes": _Whole(0, _INT),
    "local.retention.bytes": _Whole(-2, _LONG),
    "local.retention.ms": _Whole(-2, _LONG),
    "max.compaction.lag.ms": _Whole(1, _LONG),
    "max.message.bytes": _Whole(0, _INT),
    "message.timestamp.after.max.ms": _Whole(0, _LONG),
    "message.timestamp.before.max.ms": _Whole(0, _LONG),
    "message.timestamp.type": _one_of("CreateTime LogAppendTime"),
    "min.cleanable.dirty.ratio": _Ratio(),
    "min.compaction.lag.ms": _Whole(0, _LONG),
    "min.insync.replicas": _Whole(1, _MAX_REPLICAS),
    "preallocate": _Truth(),
    "remote.log.copy.disable": _Truth(),
    "remote.log.delete.on.disable": _Truth(),
    "remote.storage.enable": _Truth(),
    "retention.bytes": _Whole(-1, _LONG),
    "retention.ms": _Whole(-1, _LONG),
    "segment.bytes": _Whole(14, _INT),
    "segment.index.bytes": _Whole(4, _INT),
    "segment.jitter.ms": _Whole(0, _LONG),
    "segment.ms": _Whole(1, _LONG),
    "unclean.leader.election.enable": _Truth(),
}
"""Every topic config but the two of throttled replicas, which operators set for the length of a move."""


def read_topic_settings(document: Document, node: Node | None) -> TopicSettings | None:
    """The value of the property `kafka`; None where there is none. Every problem is noted in the document."""
    if node is None:
        return None
    members = document.members(node, "kafka", _MEMBERS)
    partitions = document.whole(members.get("partitions"), "kafka.partitions", least=1, most=_MAX_PARTITIONS)
    replicas = document.whole(members.get("replicationFactor"), "kafka.replicationFactor", least=1, most=_MAX_REPLICAS)
    config: dict[str, str] = {}
    config_nodes = document.members(members.get("config"), "kafka.config", TOPIC_CONFIGS)
    for name, value_node in config_nodes.items():
        value = _config(document, name, value_node)
        if value is not None:
            config[name] = value
    if replicas is not None and int(config.get("min.insync.replicas", "1")) > replicas:
        at = config_nodes["min.insync.replicas"]
        document.note(at, f"min.insync.replicas is more than replicationFactor {replicas}: nothing could be stored")
    return TopicSettings(partitions=partitions, replication_factor=replicas, config=config)


def _config(document: Document, name: str, node: Node) -> str | None:
    """The value as Kafka takes it: text."""
    what = f"kafka.config.{name}"
    match TOPIC_CONFIGS[name]:
        case _Whole(least, most):
            number = document.whole(node, what, least=least, most=most)
            return None if number is None else str(number)
        case _Truth():
            truth = document.truth(node, what)
            return None if truth is None else str(truth).lower()
        case _Ratio():
            ratio = document.number(node, what)
            if ratio is not None and not 0 <= ratio <= 1:
                document.note(node, f"{what} is not between 0 and 1")
                return None
            return None if ratio is None else str(ratio)
        case _OneOf(choices, several=False):
            return document.one_of(node, what, choices)
        case _OneOf(choices):
            return _list(document, node, what, choices)


def _list(document: Document, node: Node, what: str, choices: frozenset[str]) -> str | None:
    text = document.text(node, what)
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(set(parts)) == len(parts) and choices.issuperset(parts):
        return ",".join(parts)
    document.one_of(node, what, choices | {",".join(sorted(choices))})
    return None
