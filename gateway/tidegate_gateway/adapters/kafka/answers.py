"""What a broker's answer to a produce request proves: stored, surely not, or nothing. A table; called by `flight`.

Numbers are the error codes of the Kafka protocol (`org.apache.kafka.common.protocol.Errors`).
"""

from types import MappingProxyType
from typing import Final

__all__ = ["DUPLICATE", "NOT_APPENDED", "PASSING", "STORED"]

DUPLICATE: Final = 46
"""DUPLICATE_SEQUENCE_NUMBER: stored by an earlier attempt, and the answer's offset is none."""

STORED: Final = frozenset({0, DUPLICATE})
"""NONE, and DUPLICATE_SEQUENCE_NUMBER: an earlier attempt of the same batch is stored."""

NOT_APPENDED: Final = MappingProxyType({
    2: "CORRUPT_MESSAGE",
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    5: "LEADER_NOT_AVAILABLE",
    10: "MESSAGE_TOO_LARGE",
    17: "INVALID_TOPIC_EXCEPTION",
    18: "RECORD_LIST_TOO_LARGE",
    19: "NOT_ENOUGH_REPLICAS",
    29: "TOPIC_AUTHORIZATION_FAILED",
    31: "CLUSTER_AUTHORIZATION_FAILED",
    32: "INVALID_TIMESTAMP",
    35: "UNSUPPORTED_VERSION",
    43: "UNSUPPORTED_FOR_MESSAGE_FORMAT",
    44: "POLICY_VIOLATION",
    45: "OUT_OF_ORDER_SEQUENCE_NUMBER",
    47: "INVALID_PRODUCER_EPOCH",
    59: "UNKNOWN_PRODUCER_ID",
    74: "FENCED_LEADER_EPOCH",
    76: "UNSUPPORTED_COMPRESSION_TYPE",
    87: "INVALID_RECORD",
})  # fmt: skip
"""Answers that a broker gives before it appends anything: that attempt stored nothing.

Missing on purpose: REQUEST_TIMED_OUT (7) and NOT_ENOUGH_REPLICAS_AFTER_APPEND (20), which come after;
NOT_LEADER_OR_FOLLOWER (6), which a broker that lost its leadership says of what it appended and still waits with for the
replicas (`kafka.cluster.Partition.checkEnoughReplicasReachOffset`, 4.3); and every code not known to come before.
"""

PASSING: Final = frozenset({2, 3, 5, 19, 74})
"""Those of NOT_APPENDED that pass by themselves: a leader that moves, replicas that lack, a frame that the network broke."""
