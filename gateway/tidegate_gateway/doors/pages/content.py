"""What the docs pages say, gathered from a compiled contract or the errors table. Values only: no HTML, no request.

Read by the templates; made by `router`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tidegate.contracts.changes import UNKNOWN_FIELDS, changes
from tidegate.contracts.codec import FieldDoc
from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.services import ServiceSource
from tidegate.contracts.source import ContractSource, Limits, Owner, ServiceLevel
from tidegate.errors import ERRORS, Code, ErrorRow, Retry
from tidegate_gateway.doors.pages.commands import Command, commands
from tidegate_gateway.doors.pages.methods import MethodEntry, ServiceEntry, methods, service_entries
from tidegate_gateway.doors.pages.shown import Shown
from tidegate_gateway.doors.rest.deps import GrpcAddress
from tidegate_gateway.doors.rest.views import newest_first

__all__ = [
    "EarlierFields",
    "ErrorEntry",
    "ErrorPage",
    "Fact",
    "FieldRow",
    "TopicEntry",
    "TopicPage",
    "VersionEntry",
    "error_entries",
    "error_page",
    "topic_entry",
    "topic_page",
]

_UNDERSCORED = re.compile(r"_+([a-z0-9])")
_NO_DUPLICATES_YET = "This build removes no duplicates: an event that is sent twice with one id may be stored twice."
_NOTES = {
    Code.IN_PROGRESS: "Not in this build: deduplication comes later.",
    Code.ID_REUSED: "Not in this build: deduplication comes later.",
    Code.OUTCOME_UNKNOWN: _NO_DUPLICATES_YET,
}
"""What this build does otherwise than the errors table says for all builds."""

_RETRY = {
    Retry.NEVER: "No: the same request will be refused again.",
    Retry.ALWAYS: "Yes, with the same id.",
    Retry.AFTER_WAIT: "Yes, after Retry-After (over gRPC: RetryInfo, or grpc-retry-pushback-ms), with the same id.",
    Retry.AFTER_REFRESH: "Once, with a new token.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row of the facts: a short name, its text, and what it means where that is not plain. `code`: text is literal."""

    name: str
    text: str
    note: str = ""
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicEntry:
    """One topic of the index."""

    topic: str
    name: str
    status: str
    domain: str
    purpose: str
    version: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One row of the fields. `anchor` is its id in the page: its path, once (two branches of a union may share one).

    `branch` is the type that holds the field where its parent may be of several; `example` is JSON, empty where none fits.
    """

    field: FieldDoc
    anchor: str
    branch: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """One version: what changed since the one before it, in words (none: it is the first)."""

    version: CompiledVersion
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFields:
    """Fields that only an earlier version has, so that a link to them still leads somewhere."""

    version: str
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """One code of the index. `note` is what this build does otherwise."""

    row: ErrorRow
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPage:
    """Everything of a topic's page. `key` and `event_time` are the field paths that are marked as such.

    `commands` are for a POSIX shell with $TOKEN set: one event by curl, the same in Python, then the other ways. `methods` are
    those of gRPC services that publish to the topic, which are `services`.
    """

    source: ContractSource
    version: str
    key: str
    event_time: str
    facts: tuple[Fact, ...]
    fields: tuple[FieldRow, ...]
    earlier: tuple[EarlierFields, ...]
    versions: tuple[VersionEntry, ...]
    commands: tuple[Command, ...]
    methods: tuple[MethodEntry, ...]
    services: tuple[ServiceEntry, ...]
    service_levels: tuple[ServiceLevel, ...]

    @property
    def mixed(self) -> bool:
        """Whether some field is of one branch of a union only."""
        return any(row.branch for row in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """Everything of a code's page. `statuses` are the HTTP statuses, the usual one first; `note` as in `ErrorEntry`."""

    row: ErrorRow
    statuses: tuple[int, ...]
    retry: str
    note: str
    others: tuple[ErrorRow, ...]


def topic_entry(contract: CompiledContract) -> TopicEntry:
    """The contract as an entry of the index."""
    source = contract.source
    return TopicEntry(
        topic=source.topic,
        name=source.name or source.topic,
        status=source.status,
        domain=source.domain,
        purpose=source.purpose,
        version=version_name(contract.newest),
        owner=_owner(source.owner),
    )


def topic_page(
    contract: CompiledContract,
    base_url: str,
    grpc: GrpcAddress | None = None,
    services: Iterable[ServiceSource] = (),
) -> TopicPage:
    """The contract's page: the newest version's fields, and those that only earlier versions have.

    `services` are those of the snapshot: what of them publishes to the topic is shown.
    """
    newest = contract.newest
    versions = tuple(newest_first(contract))
    seen: set[str] = set()
    return TopicPage(
        source=contract.source,
        version=version_name(newest),
        key=_as_documented(newest.source.key, newest),
        event_time=_as_documented(newest.source.event_time, newest),
        facts=tuple(_facts(contract)),
        fields=tuple(_rows(newest, newest.codec.fields(), seen)),
        earlier=tuple(_earlier(versions, seen)),
        versions=tuple(_entries(versions)),
        commands=commands(contract, base_url, grpc),
        methods=methods(contract, services, base_url, grpc) if grpc is not None else (),
        services=service_entries(contract, services, base_url) if grpc is not None else (),
        service_levels=contract.source.service_levels,
    )


def error_page(code: Code) -> ErrorPage:
    """The page of a code."""
    row = ERRORS[code]
    return ErrorPage(
        row=row,
        statuses=(row.http, *row.http_also),
        retry=_RETRY[row.retry],
        note=_NOTES.get(code, ""),
        others=tuple(ERRORS.values()),
    )


def error_entries() -> list[ErrorEntry]:
    """Every code for the index."""
    return [ErrorEntry(row=row, note=_NOTES.get(code, "")) for code, row in ERRORS.items()]


def version_name(version: CompiledVersion) -> str:
    """A version for people."""
    return f"version {version.number}" if version.number else "working copy"


def _facts(contract: CompiledContract) -> list[Fact]:
    source, newest = contract.source, contract.newest.source
    key = (
        Fact(
            name="Key",
            text=_as_documented(newest.key, contract.newest),
            code=True,
            note="Events of one key keep their order.",
        )
        if newest.key
        else Fact(name="Key", text="none", note="Each event may bring its own.")
    )
    time = (
        Fact(name="Event time", text=_as_documented(newest.event_time, contract.newest), code=True)
        if newest.event_time
        else Fact(name="Event time", text="the event's own time, else its arrival")
    )
    route = (
        [Fact(name="Route", text=f"POST {source.route}", code=True, note="Takes single events.")]
        if source.route
        else []
    )
    rows = [
        *route,
        key,
        time,
        Fact(name="Format", text={"avro": "Avro", "protobuf": "Protobuf"}[newest.format]),
        Fact(name="Send as", text=", ".join(sorted(contract.newest.media_types)), code=True),
        Fact(
            name="Unknown fields",
            text=UNKNOWN_FIELDS[newest.unknown_fields],
        ),
        Fact(
            name="Tombstones",
            text={"reject": "refused", "allow": "allowed: the value null with a key"}[newest.tombstones],
        ),
        Fact(name="Compatibility", text=source.compatibility, code=True),
        Fact(name="Who may publish", text=_writers(source)),
        Fact(name="Limit for you", text=_limits(source.limits)),
    ]
    if source.topic_limits is not None:
        rows.append(Fact(name="Limit for all", text=_limits(source.topic_limits)))
    if source.max_event_bytes is not None:
        rows.append(Fact(name="Largest event", text=f"{source.max_event_bytes:,} bytes"))
    if source.inputs == "pinned":
        rows.append(Fact(name="Version", text="every event must name its version"))
    return rows


def _as_documented(path: str | None, version: CompiledVersion) -> str:
    """The contract's path as the fields are named: a Protobuf contract may name `order_id` what is JSON's `orderId`."""
    if path is None:
        return ""
    documented = {field.path for field in version.codec.fields()}
    named = ".".join(_UNDERSCORED.sub(lambda match: match[1].upper(), step) for step in path.split("."))
    return named if path not in documented and named in documented else path


def _rows(version: CompiledVersion, fields: Iterable[FieldDoc], seen: set[str]) -> Iterator[FieldRow]:
    """The fields with their anchors, each given once; `seen` grows by them."""
    shown = Shown(version)
    for field in fields:
        yield FieldRow(
            field=field,
            anchor=field.path if field.path not in seen else "",
            branch=shown.branch(field.path),
            example=shown.example(field.path),
        )
        seen.add(field.path)


def _entries(versions: tuple[CompiledVersion, ...]) -> Iterator[VersionEntry]:
    """Newest first, each with what changed since the one that follows."""
    for place, version in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        yield VersionEntry(version=version, changes=changes(before, version) if before is not None else ())


def _earlier(versions: tuple[CompiledVersion, ...], seen: set[str]) -> Iterator[EarlierFields]:
    for version in versions[1:]:
        gone = tuple(_rows(version, [field for field in version.codec.fields() if field.path not in seen], seen))
        if gone:
            yield EarlierFields(version=version_name(version), fields=gone)


def _writers(source: ContractSource) -> str:
    scope = f"a token with the scope publish:{source.topic}"
    return f"{scope} and one of the roles {', '.join(source.roles)}" if source.roles else scope


def _limits(limits: Limits | None) -> str:
    if limits is None:
        return "the gateway's own"
    rates = [
        f"{rate:,.10g} {unit} a second"
        for rate, unit in ((limits.events_per_second, "events"), (limits.bytes_per_second, "bytes"))
        if rate is not None
    ]
    return f"{' and '.join(rates)}, in bursts of {limits.burst_seconds:g} s" if rates else "none"


def _owner(owner: Owner) -> str:
    return " · ".join(part for part in (owner.team, owner.channel) if part)
