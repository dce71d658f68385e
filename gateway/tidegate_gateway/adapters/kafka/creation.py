"""Creating the topics that the catalogue has and Kafka lacks: what is asked, what the answers mean, when to ask again.

Pure but for the question itself, which `cluster` carries. Only with `[kafka] create_topics`; topics that exist are left alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateTopicsRequest

from tidegate_gateway.adapters.kafka.topics import WantedTopic

__all__ = ["Creation"]

_BROKER_MS = 5_000
_BACKOFF_S = (2.0, 5.0, 15.0, 60.0)
_DONE = {0, 36}
"""NONE, and TOPIC_ALREADY_EXISTS: another gateway was first."""


class Creation:
    """Which topics were asked for and refused. `refusals`: why, by topic, in the broker's own words."""

    def __init__(self) -> None:
        self.refusals: Mapping[str, str] = {}
        self._failures: dict[str, tuple[int, float]] = {}

    def due(self, missing: Iterable[str], now_s: float) -> tuple[str, ...]:
        """Of the missing topics those that should be asked for now; what is no longer missing is forgotten."""
        still = tuple(missing)
        self._failures = {name: self._failures[name] for name in still if name in self._failures}
        self.refusals = {name: why for name, why in self.refusals.items() if name in still}
        return tuple(name for name in still if self._failures.get(name, (0, now_s))[1] <= now_s)

    def request(self, names: Sequence[str], wanted: Mapping[str, WantedTopic]) -> CreateTopicsRequest:
        """The question to the controller."""
        rows: list[tuple[object, ...]] = [
            (name, plan.partitions, plan.replication_factor, [], list(plan.config.items()))
            for name, plan in ((name, wanted[name]) for name in names)
        ]
        return CreateTopicsRequest(rows, _BROKER_MS, validate_only=False)

    def note(self, answers: Iterable[tuple[str, int, str | None]], now_s: float) -> tuple[str, ...]:
        """Take in name, error code and message of each; the topics that exist now."""
        refusals = dict(self.refusals)
        there = []
        for name, code, message in answers:
            if code in _DONE:
                there.append(name)
                refusals.pop(name, None)
                self._failures.pop(name, None)
                continue
            failures = self._failures.get(name, (0, 0.0))[0]
            self._failures[name] = failures + 1, now_s + _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            error = for_code(code)
            kind = error.message if error.errno == code else f"error {code}"
            refusals[name] = f"{kind} ({message.rstrip('.')})" if message else kind
        self.refusals = refusals
        return tuple(there)
