"""What a contract says of one event: values, never exceptions.

Made by `compiled` and the codecs; read by the SDK, the gateway's intake and its doors. No text for a protocol here.
"""

import msgspec

__all__ = ["MAX_VIOLATIONS", "Encoded", "Rejected", "Verdict", "Violation"]

MAX_VIOLATIONS = 25
"""How many violations a rejection lists; the rest is counted in `Rejected.omitted`."""


class Violation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """One thing that is wrong with one event, said so that a person can mend it.

    `pointer` is an RFC 6901 JSON pointer as a URI fragment (`#/items/1/boldness`), names as the sender wrote them.
    `rule` is one of the closed list of `rules.RULES`, an Avro keyword, a CEL rule's name or a protovalidate rule id.
    `expected` names the type and its bounds; `found` the type and, for numbers, booleans and enum symbols that are not
    sensitive, the value: never a string's content. `docs` is the anchor of the field in its topic's page (dotted path
    without indexes; empty: the page itself). `byte_offset` counts from the body's first byte, where it is known.
    """

    pointer: str
    rule: str
    detail: str
    expected: str = ""
    found: str = ""
    hint: str = ""
    docs: str = ""
    byte_offset: int | None = None


class Encoded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The event satisfies its contract.

    `value` is the Kafka record's value, framed (Confluent wire format), or None: a tombstone. `key` is the record's key.
    `time_ms` is the event time, milliseconds since 1970 UTC: the contract's `eventTime` field, else the event's own
    `time`, else None (the arrival decides). `dropped` counts unknown fields left out under `unknownFields: drop`.
    """

    value: bytes | None
    key: bytes | None
    time_ms: int | None
    dropped: int = 0


class Rejected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The event is refused, with every reason (the first `MAX_VIOLATIONS`, in the order of the document).

    `malformed`: the bytes are not what their media type says (syntax, depth, duplicate keys, encoding), so that
    nothing was judged against the contract.
    """

    violations: tuple[Violation, ...]
    omitted: int = 0
    malformed: bool = False


Verdict = Encoded | Rejected
