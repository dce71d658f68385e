"""Who publishes, and by what right: values and pure decisions (operations.md, "Who may publish")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault

__all__ = ["MTLS", "Principal", "authorize_publish", "authorize_roles", "certified", "check_topic_name", "may_read"]

MTLS = "mtls"
"""The issuer half of principals that a client certificate names; no issuer of tokens may be called so."""

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A verified producer: the pair of issuer (its configured name) and subject. Limits and metrics go by the pair.

    `scopes` and `roles` are what its token holds. `topics` and `prefixes` are the scopes' `publish:` grants, split once
    when the token was verified.
    """

    issuer: str
    subject: str
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, issuer: str, subject: str, scopes: frozenset[str], roles: frozenset[str]) -> "Principal":
        """The principal with its grants split: `publish:<topic>`, or `publish:<prefix>*`."""
        grants = [scope.removeprefix("publish:") for scope in scopes if scope.startswith("publish:")]
        return cls(
            issuer=issuer,
            subject=subject,
            scopes=scopes,
            roles=roles,
            topics=frozenset(grant for grant in grants if not grant.endswith("*")),
            prefixes=tuple(sorted(grant[:-1] for grant in grants if grant.endswith("*"))),
        )

    def covers(self, topic: str) -> bool:
        """Whether a `publish:` scope covers the topic's name, existing or not."""
        return topic in self.topics or (bool(self.prefixes) and topic.startswith(self.prefixes))


def certified(name: str, clients: Mapping[str, frozenset[str]]) -> Principal:
    """Whom a client certificate names. It carries no scopes: contracts whose `roles` name `client:mtls/<name>` decide.

    `clients` are those roles of every contract, with their topics. A topic that is not there and one that it may not write
    look the same to it.
    """
    return Principal(issuer=MTLS, subject=name, topics=clients.get(f"client:{MTLS}/{name}", frozenset()))


def check_topic_name(topic: str) -> None:
    """Raise `malformed` for what can be no topic's name. Kafka's own topics start with `__` and are never reached."""
    if not _TOPIC(topic) or topic.startswith("__") or topic in {".", ".."}:
        raise Fault(
            Code.MALFORMED, "the topic's name is not one: 1 to 249 letters, digits, dots, underscores and hyphens"
        )


def authorize_publish(principal: Principal, topic: str) -> None:
    """Raise `forbidden` where no scope covers the topic. Decided by name alone: no oracle on which topics exist."""
    if not principal.covers(topic) and principal.issuer == MTLS:
        raise Fault(Code.FORBIDDEN, f"no contract of {topic} names the client certificate as a writer", topic=topic)
    if not principal.covers(topic):
        raise Fault(Code.FORBIDDEN, f"the token has no scope publish:{topic}", scope=f"publish:{topic}", topic=topic)


def authorize_roles(principal: Principal, topic: str, writers: tuple[str, ...]) -> None:
    """Raise `forbidden` where the contract lists writers and the principal is none of them.

    A role passes when the token's roles claim holds it; `client:<issuer>/<subject>` names one principal and is never
    matched from a roles claim.
    """
    if not writers or f"client:{principal.issuer}/{principal.subject}" in writers:
        return
    if any(role in principal.roles for role in writers if not role.startswith("client:")):
        return
    wanted = ", ".join(role for role in writers if not role.startswith("client:"))
    raise Fault(
        Code.FORBIDDEN,
        "none of the token's roles may write this contract" + (f"; it takes {wanted}" if wanted else ""),
        scope=f"publish:{topic}",
        topic=topic,
    )


def may_read(principal: Principal, topic: str) -> bool:
    """Whether the principal may see the topic's contract: `contracts:read`, or any publish right on it."""
    return "contracts:read" in principal.scopes or principal.covers(topic)
