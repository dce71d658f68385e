"""The live sections of a contract file: owner, support, service levels, roles, limits. Called by `contract_file`.

Live means: shared by all versions and changed without a release. Every problem is noted in the document.
"""

import re

import tidegate.repository.vocabulary as names
from tidegate.contracts.source import Limits, Owner, ServiceLevel, Support
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.nodes import Document, Node

__all__ = [
    "check_unused",
    "read_limits",
    "read_owner",
    "read_purpose",
    "read_roles",
    "read_service_levels",
    "read_support",
]


def read_purpose(document: Document, node: Node | None) -> str:
    """What the data is for: `description.purpose`, empty where it is not given."""
    members = document.members(node, "description", names.DESCRIPTION)
    return document.text(members.get("purpose"), "description.purpose", empty=True) or ""


def read_owner(document: Document, node: Node | None, support: tuple[Support, ...]) -> Owner:
    """The team, reached through its first support channel."""
    members = document.members(node, "team", names.TEAM)
    for row in document.rows(members.get("members"), "team.members"):
        document.members(row, "a team member", names.TEAM_MEMBER)
    team = document.text(members.get("name"), "team.name") or ""
    first = support[0] if support else Support(channel="")
    return Owner(team=team, channel=first.channel, url=first.url)


def read_support(document: Document, node: Node | None) -> tuple[Support, ...]:
    """Every way to reach the owner, in the file's order."""
    found: list[Support] = []
    for row in document.rows(node, "support"):
        members = document.members(row, "a support channel", names.SUPPORT)
        if "channel" not in members:
            document.note(row, "a support channel has a channel")
        channel = document.text(members.get("channel"), "channel")
        url = document.text(members.get("url"), "url")
        if channel is not None:
            found.append(Support(channel=channel, url=url or ""))
    return tuple(found)


def read_service_levels(document: Document, node: Node | None) -> tuple[ServiceLevel, ...]:
    """The rows of `slaProperties`, values as text."""
    found: list[ServiceLevel] = []
    for row in document.rows(node, "slaProperties"):
        members = document.members(row, "a service level", names.SERVICE_LEVEL)
        name = document.text(members.get("property"), "property")
        if "property" not in members or "value" not in members:
            document.note(row, "a service level has a property and a value")
        elif name is not None:
            value = document.plain(members["value"], "value")
            unit = document.text(members.get("unit"), "unit") or ""
            shown_value = str(value).lower() if isinstance(value, bool) else str(value)
            found.append(ServiceLevel(property=name, value=shown_value, unit=unit))
    return tuple(found)


def read_roles(document: Document, node: Node | None) -> tuple[str, ...]:
    """The roles that may write, each once."""
    found: list[str] = []
    for row in document.rows(node, "roles"):
        members = document.members(row, "a role", names.ROLE)
        role = document.text(members.get("role"), "role")
        access = document.one_of(members.get("access"), "access", names.ACCESS)
        if "role" not in members or "access" not in members:
            document.note(row, "a role has a role (its name) and an access (read or write)")
        elif role is not None and role.startswith("client:") and not re.fullmatch(r"client:[^/]+/.+", role):
            document.note(members["role"], "a client's role is client:<issuer name>/<subject>")
        elif role is not None and access == "write":
            found.append(role)
    return tuple(dict.fromkeys(found))


def read_limits(document: Document, node: Node | None, what: str) -> Limits | None:
    """A `limits` value, called `what` in messages."""
    if node is None:
        return None
    members = document.members(node, what, names.LIMITS)
    events = document.positive(members.get("eventsPerSecond"), f"{what}.eventsPerSecond")
    size = document.positive(members.get("bytesPerSecond"), f"{what}.bytesPerSecond")
    burst = document.positive(members.get("burstSeconds"), f"{what}.burstSeconds")
    if not {"eventsPerSecond", "bytesPerSecond"} & set(members):
        document.note(node, f"{what} bounds nothing: give eventsPerSecond, bytesPerSecond or both")
    return Limits(events_per_second=events, bytes_per_second=size, burst_seconds=burst if burst is not None else 2.0)


def check_unused(document: Document, top: dict[str, Node]) -> None:
    """Sections that only other tools read: their names are held to the standard's lists, so that slips show."""
    for row in document.rows(top.get("servers"), "servers"):
        document.members(row, "a server", names.SERVER)
    document.members(top.get("price"), "price", names.PRICE)
    for row in document.rows(top.get("authoritativeDefinitions"), "authoritativeDefinitions"):
        document.members(row, "an authoritative definition", names.DEFINITION)
    for row in document.rows(top.get("customProperties"), "customProperties"):
        members = document.members(row, "a custom property", names.CUSTOM_PROPERTY)
        name = document.text(members.get("property"), "property") or ""
        ours = names.CUSTOM_PROPERTIES | names.NOT_SERVED
        if name in ours or did_you_mean(name, ours):
            document.note(
                members["property"],
                f'"{shown(name)}": the gateway\'s options belong into schema[0].customProperties',
            )
