"""Produce requests without some of their batches, and answers as aiokafka should see them. Pure; called by `generation`.

The one module that knows how aiokafka spells the two.
"""

from collections.abc import Collection
from typing import Any

from aiokafka.protocol.produce import ProduceRequest

from tidegate_gateway.adapters.kafka.accumulator import Place

__all__ = ["answered_for", "only", "places_in"]

_VERSIONS = {ProduceRequest.API_KEY: (3, 7)}
_REFUSED = 42
"""INVALID_REQUEST: aiokafka does not try such a batch again by itself."""


def places_in(request: ProduceRequest) -> list[Place]:
    """The partitions that the request has a batch for."""
    return [(topic, number) for topic, batches in request.prepare(_VERSIONS).topics for number, _ in batches]


def only(request: ProduceRequest, places: Collection[Place]) -> ProduceRequest:
    """The request with the batches of these partitions alone."""
    asked = request.prepare(_VERSIONS)
    kept = [(topic, [one for one in batches if (topic, one[0]) in places]) for topic, batches in asked.topics]
    return ProduceRequest(
        transactional_id=asked.transactional_id,
        required_acks=asked.required_acks,
        timeout=asked.timeout,
        topics=[(topic, batches) for topic, batches in kept if batches],
    )


def answered_for(response: Any, refused: Collection[Place], left_out: Collection[Place]) -> list[tuple[str, list[Any]]]:
    """The response's topics where those refused and those that were never sent have failed for good."""
    rest = (-1, -1, -1) if response.API_VERSION >= 5 else (-1, -1)
    topics: list[tuple[str, list[Any]]] = [
        (topic, [(one[0], _REFUSED, *rest) if (topic, one[0]) in refused else one for one in answers])
        for topic, answers in response.topics
    ]
    topics.extend((topic, [(partition, _REFUSED, *rest)]) for topic, partition in left_out)
    return topics
