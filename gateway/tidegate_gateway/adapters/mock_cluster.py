"""The process behind the embedded broker: librdkafka's mock cluster, which the confluent-kafka wheel carries.

Started by `embedded` as `python -m tidegate_gateway.adapters.mock_cluster`, and by nobody else. It prints its bootstrap
address as its first line and lives until its stdin ends. It is real Kafka protocol on loopback and keeps little, in memory:
no DescribeConfigs, no CreateTopics, no check of sequence numbers; a topic appears when its metadata is asked for.
"""

import ctypes
import signal
import sys

from confluent_kafka import KafkaException, Producer

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_WAIT_S = 10.0


def main() -> int:
    """Serve until stdin ends. Exit code 1: the cluster did not start."""
    _die_with_parent()
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 3})
    try:
        brokers = producer.list_topics(timeout=_WAIT_S).brokers.values()
    except KafkaException as error:
        print(f"the embedded broker did not start: {error}", file=sys.stderr)
        return 1
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.buffer.read()
    return 0


def _die_with_parent() -> None:
    """Linux: SIGKILL when the parent ends, however it ends. Elsewhere the end of stdin must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
