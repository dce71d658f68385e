"""Typed routes: which path a contract may name as its own, and who keeps one that two contracts name.

Called by `contract_file` and `folder`. Paths are text here; the gateway's REST door serves them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["RESERVED", "Claim", "route_fault", "route_owners"]

Claim = tuple[str, str]
"""A topic and the route that its contract names."""

RESERVED: Final = frozenset({"topics", "events"})
"""What stands after /v1/ in the gateway's own paths."""

_MAX_CHARACTERS = 200
_PREFIX = "/v1/"
_is_segment = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII).fullmatch
"""The unreserved characters of RFC 3986, section 2.3: no client or proxy writes them in another way."""


def route_fault(path: str) -> str:
    """Why a path can be no typed route; empty where it can."""
    if not path.startswith(_PREFIX) or len(path) > _MAX_CHARACTERS:
        return f"a route begins with {_PREFIX} and has at most {_MAX_CHARACTERS} characters, like /v1/customer/order"
    segments = path[len(_PREFIX) :].split("/")
    if not all(_is_segment(segment) and segment.strip(".") for segment in segments):
        return "between its slashes stand letters, digits, and . _ ~ - (no empty part, and none of dots alone)"
    if segments[0] in RESERVED:
        return f"{_PREFIX}{segments[0]} is the gateway's own"
    return ""


def route_owners(claims: Iterable[Claim], served: Mapping[str, str]) -> dict[str, str]:
    """The topic that keeps each route: the one that serves it now (`served`: topics by route), else the first claim."""
    owners: dict[str, str] = {}
    for topic, route in claims:
        if served.get(route) == topic:
            owners[route] = topic
        else:
            owners.setdefault(route, topic)
    return owners
