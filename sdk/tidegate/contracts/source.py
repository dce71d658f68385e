"""A contract as one serialisable value: what the repository reads, the gateway compiles and the bundle carries.

Frozen in each version (and covered by its fingerprint): schema, rules, key, eventTime, unknownFields, tombstones.
Live, shared by all versions: everything else. Nothing here reads a file.
"""

from typing import Any, Literal

import msgspec

__all__ = [
    "ContractSource",
    "FieldRules",
    "Limits",
    "Owner",
    "ServiceLevel",
    "Support",
    "TopicSettings",
    "UnknownFields",
    "VersionSource",
    "decode_source",
    "encode_source",
]

Format = Literal["avro", "protobuf"]
UnknownFields = Literal["reject", "drop", "keep"]
Tombstones = Literal["reject", "allow"]
Status = Literal["draft", "active", "deprecated", "retired"]


class FieldRules(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Constraints that the contract file adds to one field in ODCS form (`logicalTypeOptions`).

    `path` is dotted, without indexes (`items.boldness`: of every item). `keywords` holds JSON Schema keywords
    (`minimum`, `maxLength`, `pattern`, ...) as the schema itself would.
    """

    path: str
    keywords: dict[str, Any]


class VersionSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One version of a contract's schema with all that its verdict depends on.

    `number` counts from 1; 0 is a working copy that is not released (served by `dev` only). `schema_id` is the id in the
    Confluent frame (1 to 2^31-1). `schema` is the text: self-contained Avro JSON, or the .proto file. For Protobuf
    `descriptors` is a serialised FileDescriptorSet with every import, `message` the full name and `message_index` its
    path in its file. `key` and `event_time` are dotted field paths.
    """

    number: int
    schema_id: int
    format: Format
    schema: str
    descriptors: bytes = b""
    message: str = ""
    message_index: tuple[int, ...] = ()
    key: str | None = None
    event_time: str | None = None
    unknown_fields: UnknownFields = "reject"
    tombstones: Tombstones = "reject"
    rules: tuple[FieldRules, ...] = ()
    fingerprint: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A token bucket of events and one of bytes. Rates are per second; the burst is rate times `burst_seconds`."""

    events_per_second: float | None = None
    bytes_per_second: float | None = None
    burst_seconds: float = 2.0


class Owner(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whom to ask: the team and its first support channel, with a URL where there is one."""

    team: str = ""
    channel: str = ""
    url: str = ""


class Support(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One way to reach the owner."""

    channel: str
    url: str = ""


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One row of `slaProperties`, for people."""

    property: str
    value: str
    unit: str = ""


class TopicSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How the topic is made where it is created from its contract; None and absent configs: the brokers' defaults.

    `config` holds Kafka's topic configs by their own names, values as Kafka's text.
    """

    partitions: int | None = None
    replication_factor: int | None = None
    config: dict[str, str] = {}


class ContractSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The promise about one topic, whole.

    `roles` are the roles with `access: write`; empty means that scopes alone decide. `sensitive` are dotted paths whose
    values are never shown (added to what the schemas tag themselves). `limits` bound one principal, `topic_limits` all
    together. `max_event_bytes` bounds the larger of input and encoded record. `route` is a path of its own that takes single
    events (`/v1/customer/order`). `document` is the contract file's text.
    `descriptions` maps dotted field paths to the contract file's descriptions. `compatibility_set`: the file names the level
    itself, where it could have taken the default.
    """

    topic: str
    id: str
    version: str = ""
    name: str = ""
    status: Status = "active"
    domain: str = ""
    purpose: str = ""
    owner: Owner = Owner()
    support: tuple[Support, ...] = ()
    service_levels: tuple[ServiceLevel, ...] = ()
    roles: tuple[str, ...] = ()
    compatibility: str = "FULL_TRANSITIVE"
    compatibility_set: bool = False
    inputs: Literal["any", "pinned"] = "any"
    limits: Limits | None = None
    topic_limits: Limits | None = None
    max_event_bytes: int | None = None
    route: str | None = None
    kafka: TopicSettings | None = None
    sensitive: tuple[str, ...] = ()
    descriptions: dict[str, str] = {}
    document: str = ""
    versions: tuple[VersionSource, ...]


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(ContractSource)


def encode_source(source: ContractSource) -> bytes:
    """The source as JSON, byte for byte the same for equal sources (its ETag is taken over these bytes)."""
    return _encoder.encode(source)


def decode_source(text: bytes) -> ContractSource:
    """The source out of `encode_source`'s JSON. Raises `msgspec.ValidationError` where the text is not one."""
    return _decoder.decode(text)
