"""A problem (RFC 9457): what every refusal says, alone or as the `error` of one result in a receipt."""

import msgspec

from tidegate.contracts.source import Owner
from tidegate.contracts.verdict import Violation

__all__ = ["ContractRef", "Problem"]


class ContractRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The version of the contract that judged: its number (0: a working copy), schema id and fingerprint."""

    version: int
    schema_id: int
    fingerprint: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One refusal, for a person and for a program.

    `type` links to the code's docs page; `title` is constant for the code, `detail` is of this occurrence. `status` is
    the HTTP status. `instance` is `urn:uuid:<request id>`, which the gateway's log carries too. `errors` lists
    violations, `omitted` counts those beyond 25 (there whenever `errors` is, also as 0). `max_events` says how large a batch may be, `accepted` which media
    types, `retry_after_s` how many seconds to wait at least.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    instance: str = ""
    topic: str = ""
    contract: ContractRef | None = None
    errors: tuple[Violation, ...] = ()
    omitted: int | None = None
    max_events: int | None = None
    accepted: tuple[str, ...] = ()
    retry_after_s: int | None = None
    owner: Owner | None = None
    docs: str = ""
