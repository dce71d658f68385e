"""Who reads, and what they may see: contracts, schemas, bundles, docs pages, the API description (operations.md).

Asked by `rest` (`reads`, `documents`), `pages`, `registry` and `rpc.contracts`.
Publishing does not come this way: `intake.path` decides that.
"""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request

from tidegate.contracts.compiled import CompiledContract
from tidegate.errors import Code
from tidegate_gateway.doors.heads import Head, read_head
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.catalogue import unknown_topic
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.path import Intake
from tidegate_gateway.intake.principal import Principal, check_topic_name, may_read

__all__ = ["Serving", "Viewer", "readable", "viewer_of"]


class Serving(Protocol):
    """As much of what a door is given as its readers need."""

    @property
    def intake(self) -> Intake: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """One reader. `everything`: contracts are public here. Without a principal, else nothing is seen."""

    principal: Principal | None = None
    everything: bool = False

    def sees(self, topic: str) -> bool:
        """Whether the topic's contract may be shown; decided by its name alone, existing or not."""
        return self.everything or (self.principal is not None and may_read(self.principal, topic))


async def viewer_of(deps: RestDeps, request: Request, *, basic: bool = False, anonymous: bool = False) -> Viewer:
    """Who sends this request. Raises `unauthenticated`, or `too_large` for a head past its bounds.

    `basic`: the token may also be the password of Basic authentication (RFC 7617), which browsers can send.
    `anonymous`: without a token there is a viewer too, who sees nothing that is not public.
    """
    head = read_head(request.scope)
    if deps.public:
        return Viewer(everything=True)
    token = head.token
    if token is None and basic:
        token = _password(head)
    if token is None and head.certificate is None and anonymous:
        return Viewer()
    return Viewer(principal=await deps.intake.authenticate(token, head.certificate))


def readable(deps: Serving, viewer: Viewer, topic: str) -> CompiledContract:
    """The topic's contract in the snapshot of now. Raises `malformed` (name), `forbidden`, `unknown_topic`."""
    check_topic_name(topic)
    if not viewer.sees(topic):
        raise Fault(
            Code.FORBIDDEN, f"the token may not read the contract of {topic}", scope="contracts:read", topic=topic
        )
    catalogue = deps.intake.catalogue.current
    contract = catalogue.contracts.get(topic)
    if contract is None:
        raise unknown_topic(catalogue, topic, viewer.sees)
    return contract


def _password(head: Head) -> str | None:
    """The password of Basic credentials; the empty token, which is never good, for what cannot be read."""
    scheme, _, credentials = (head.authorization or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        _, colon, password = b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if colon and head.twice != "authorization" else ""
