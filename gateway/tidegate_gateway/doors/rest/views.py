"""A contract as `reads` answers it in JSON: what a producer needs to know before the first event. Values and their making.

The bundle is another thing: `contracts.source`'s own encoding, for programs that judge by themselves.
"""

import msgspec

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import (
    ContractSource,
    Format,
    Limits,
    Owner,
    ServiceLevel,
    Status,
    Support,
    Tombstones,
    UnknownFields,
)

__all__ = ["Links", "TopicList", "TopicRow", "TopicView", "VersionRow", "newest_first", "row_of", "topic_view"]


class Links(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where to go from a topic; whole addresses. `route` is the contract's own, where it names one."""

    self: str
    events: str
    batch: str
    validate: str
    contract: str
    bundle: str
    schema: str
    docs: str
    route: str | None = None


class TopicRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One topic of the list. `version` is the newest schema version (0: a working copy that is not released)."""

    topic: str
    name: str
    status: Status
    domain: str
    purpose: str
    version: int
    owner: Owner
    links: Links


class TopicList(msgspec.Struct, frozen=True, kw_only=True):
    """The topics that the caller may see, by name."""

    topics: tuple[TopicRow, ...]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One version: its number (0: a working copy), the id in the Confluent frame, and where its schema is."""

    version: int
    schema_id: int
    fingerprint: str
    format: Format
    schema: str


class TopicView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A contract for a producer. `key` and `eventTime` are field paths; `example` is an event that is accepted.

    `limits` bound one principal, `topicLimits` all together; `roles` may publish (none: scopes alone decide).
    """

    topic: str
    id: str
    name: str
    status: Status
    contract_version: str
    domain: str
    purpose: str
    owner: Owner
    support: tuple[Support, ...]
    service_levels: tuple[ServiceLevel, ...]
    roles: tuple[str, ...]
    compatibility: str
    inputs: str
    unknown_fields: UnknownFields
    tombstones: Tombstones
    media_types: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    example: msgspec.Raw
    links: Links
    key: str | None = None
    event_time: str | None = None
    max_event_bytes: int | None = None
    limits: Limits | None = None
    topic_limits: Limits | None = None


def newest_first(contract: CompiledContract) -> list[CompiledVersion]:
    """All versions; a working copy before the released ones."""
    return [contract.versions[number] for number in sorted(contract.versions, key=lambda n: -n if n else -(2**31))]


def row_of(contract: CompiledContract, base_url: str) -> TopicRow:
    """The contract as a row of the list."""
    source = contract.source
    return TopicRow(
        topic=source.topic,
        name=source.name,
        status=source.status,
        domain=source.domain,
        purpose=source.purpose,
        version=contract.newest.number,
        owner=source.owner,
        links=_links(source, base_url),
    )


def topic_view(contract: CompiledContract, base_url: str) -> TopicView:
    """The contract whole, newest version first."""
    source, newest = contract.source, contract.newest
    links = _links(source, base_url)
    return TopicView(
        topic=source.topic,
        id=source.id,
        name=source.name,
        status=source.status,
        contract_version=source.version,
        domain=source.domain,
        purpose=source.purpose,
        owner=source.owner,
        support=source.support,
        service_levels=source.service_levels,
        roles=source.roles,
        compatibility=source.compatibility,
        inputs=source.inputs,
        unknown_fields=newest.source.unknown_fields,
        tombstones=newest.source.tombstones,
        media_types=tuple(sorted(newest.media_types)),
        versions=tuple(
            VersionRow(
                version=version.number,
                schema_id=version.schema_id,
                fingerprint=version.source.fingerprint,
                format=version.source.format,
                schema=f"{links.self}/schemas/{version.number}",
            )
            for version in newest_first(contract)
        ),
        example=msgspec.Raw(newest.codec.example()),
        links=links,
        key=newest.source.key,
        event_time=newest.source.event_time,
        max_event_bytes=source.max_event_bytes,
        limits=source.limits,
        topic_limits=source.topic_limits,
    )


def _links(source: ContractSource, base_url: str) -> Links:
    here = f"{base_url}/v1/topics/{source.topic}"
    return Links(
        self=here,
        events=f"{here}/events",
        batch=f"{here}/events:batch",
        validate=f"{here}/events:validate",
        contract=f"{here}/contract",
        bundle=f"{here}/bundle",
        schema=f"{here}/schemas/latest",
        docs=f"{base_url}/docs/topics/{source.topic}",
        route=f"{base_url}{source.route}" if source.route else None,
    )
