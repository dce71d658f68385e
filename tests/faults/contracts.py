"""The contracts of the fault tests: topics that differ in how they are kept, one small Avro record for all. Called by `rig`."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tidegate.repository.release import release

__all__ = ["LONELY", "ONE", "ORDERS", "ROLE", "STRICT", "TOPICS", "FaultTopic", "make_topics", "write_contracts"]

ROLE = "fault-producer"
_CREATE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultTopic:
    """A topic of the tests. `replicas` 0: as many as there are nodes, at most 3."""

    name: str
    partitions: int
    replicas: int = 0
    config: dict[str, str] = field(default_factory=dict)


ORDERS = FaultTopic(name="faults.orders", partitions=3)
"""What most of the load goes to."""

LONELY = FaultTopic(name="faults.lonely", partitions=1, replicas=1)
"""One copy: without a leader while its node is away."""

STRICT = FaultTopic(name="faults.strict", partitions=1, config={"min.insync.replicas": "3"})
"""All three copies or nothing: NOT_ENOUGH_REPLICAS while a node is away."""

ONE = FaultTopic(name="faults.one", partitions=1, config={"max.message.bytes": "100000"})
"""One partition, and a limit of Kafka's below the contract's."""

TOPICS = (ORDERS, LONELY, STRICT, ONE)

_SCHEMA = {
    "type": "record",
    "name": "Step",
    "namespace": "faults",
    "doc": "One step of a producer under faults.",
    "fields": [
        {"name": "producer", "type": "string", "doc": "Who sent it, and the record's key."},
        {"name": "number", "type": "long", "doc": "Which of the producer's events it is, from 0."},
        {"name": "pad", "type": "string", "default": "", "doc": "Weight."},
    ],
}
_CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: urn:tidegate:{name}
name: Steps under faults
version: 1.0.0
status: active
domain: faults
description: {{purpose: "What the fault tests send."}}
team: {{name: tests}}
support: [{{channel: tests@tidegate.example, tool: email}}]
roles: [{{role: {role}, access: write}}]
schema:
  - name: Step
    physicalName: {name}
    physicalType: topic
    authoritativeDefinitions:
      - {{type: avro, url: avro/step.avsc}}
    customProperties:
      - {{property: key, value: producer}}
"""


def write_contracts(folder: Path) -> Path:
    """A schemas folder with a released contract for each of TOPICS, in `folder`; its path."""
    schemas = folder / "schemas"
    (schemas / "contracts").mkdir(parents=True)
    (schemas / "avro").mkdir()
    (schemas / "avro" / "step.avsc").write_text(json.dumps(_SCHEMA), "utf-8")
    for topic in TOPICS:
        text = _CONTRACT.format(name=topic.name, role=ROLE)
        (schemas / "contracts" / f"{topic.name}.yaml").write_text(text, "utf-8")
        release(schemas, topic.name)
    return schemas


def make_topics(bootstrap: str, nodes: int) -> None:
    """Create TOPICS on a cluster of so many nodes. STRICT asks for three copies and is left as Kafka's default on fewer.

    The one copy of LONELY is on the last node.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = []
    for topic in TOPICS:
        config = {name: value for name, value in topic.config.items() if nodes >= 3 or name != "min.insync.replicas"}
        if topic.replicas == 1:
            wanted.append(
                NewTopic(topic.name, topic.partitions, replica_assignment=[[nodes]] * topic.partitions, config=config)
            )
        else:
            wanted.append(NewTopic(topic.name, topic.partitions, min(3, nodes), config=config))
    for future in admin.create_topics(wanted, operation_timeout=_CREATE_S).values():
        future.result(_CREATE_S)
