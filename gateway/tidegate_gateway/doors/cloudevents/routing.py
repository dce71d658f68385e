"""Which contract a CloudEvent is for. Called by `door` with one snapshot of the catalogue; pure.

`dataschema` wins where it is a link to one of our schemas, for it names the version too; else `type` is the topic, or the
contract's id. What the caller may not publish to is refused alike, there or not.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.doors.cloudevents.attributes import Attributes
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.principal import Principal

__all__ = ["Route", "Router"]

_SCHEMA = re.compile(r"/v1/topics/(?P<topic>[^/]+)/schemas/(?P<version>latest|[1-9][0-9]{0,9})/?$").search
_MAX_VERSION = 2**31 - 1
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an event goes: the topic, and the version where one was named."""

    topic: str
    version: int | None = None


class Router:
    """Finds topics in one snapshot; contracts' ids are gathered once for it."""

    __slots__ = ("_ids", "catalogue")

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._ids = {contract.source.id: topic for topic, contract in catalogue.contracts.items()}

    def route(self, attributes: Attributes, principal: Principal) -> Route:
        """Where the event goes; whether there is such a topic is the intake's to say. Raises `malformed`, `forbidden`."""
        link = _link(attributes.get("dataschema"))
        kind = attributes["type"]
        named = self._of_type(kind, principal)
        if link is None:
            if named is None:
                raise Fault(Code.FORBIDDEN, "the event's type names no topic or contract that the token may publish to")
            return Route(topic=named)
        topic = unquote(link["topic"])
        if named is not None and named != topic and named in self.catalogue.contracts and principal.covers(named):
            raise _wrong_link(
                "is a schema of another topic than the type names", f"a schema of {named}, or no dataschema"
            )
        version = None if link["version"] == "latest" else int(link["version"])
        if version is not None and version > _MAX_VERSION:
            raise _wrong_link("names a version that no contract can have", f"a version of at most {_MAX_VERSION}")
        return Route(topic=topic, version=version)

    def _of_type(self, kind: str, principal: Principal) -> str | None:
        """The topic that a type names. A contract's id is known to those who may publish to its topic."""
        topic = self._ids.get(kind)
        if topic is not None and kind not in self.catalogue.contracts and principal.covers(topic):
            return topic
        return kind if _TOPIC(kind) else None


def _wrong_link(detail: str, expected: str) -> Fault:
    violation = Violation(pointer="#/dataschema", rule="malformed", detail=detail, expected=expected)
    return Fault(Code.MALFORMED, f"dataschema {detail}", violations=(violation,))


def _link(schema: str | None) -> re.Match[str] | None:
    """What a link to one of our schemas names; None for another place, and for what is no link at all."""
    try:
        return _SCHEMA(urlsplit(schema).path) if schema is not None else None
    except ValueError:
        return None
