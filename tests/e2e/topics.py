"""coffeeco's topics on a Kafka that has none yet."""

from confluent_kafka.admin import AdminClient, NewTopic

__all__ = ["TOPICS", "create_topics"]

TOPICS = {"customer.orders": {}, "customer.order-status": {}, "customer.profiles": {"cleanup.policy": "compact"}}


def create_topics(bootstrap: str, partitions: int = 3) -> None:
    """Create them; what exists stays."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    existing = admin.list_topics(timeout=20).topics
    wanted = [NewTopic(name, partitions, 1, config=config) for name, config in TOPICS.items() if name not in existing]
    for future in admin.create_topics(wanted, operation_timeout=20).values() if wanted else ():
        future.result(30)
