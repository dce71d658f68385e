"""Every way a request or an event can fail: one table. Nobody else maps a code to a status or decides what may be retried.

Read by the doors (statuses), the docs pages (meaning, what to do) and the SDK (retries). Standard library only.
The rows are http.md's "Answers"; a test proves that the table is total.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["ERRORS", "Code", "ErrorRow", "Retry", "row"]


class Code(StrEnum):
    """The machine-readable name of a failure; stable, lower snake case."""

    AFTER_FAILURE = "after_failure"
    MALFORMED = "malformed"
    CONTRACT_VIOLATION = "contract_violation"
    UNKNOWN_VERSION = "unknown_version"
    VERSION_NOT_HERE_YET = "version_not_here_yet"
    RETIRED = "retired"
    TIMEOUT = "timeout"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    UNKNOWN_TOPIC = "unknown_topic"
    IN_PROGRESS = "in_progress"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    ID_REUSED = "id_reused"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    BROKER_UNAVAILABLE = "broker_unavailable"
    INTERNAL = "internal"
    OUTCOME_UNKNOWN = "outcome_unknown"


class Retry(StrEnum):
    """Whether to try again. Every retry of an event keeps its id."""

    NEVER = "never"
    ALWAYS = "always"
    AFTER_WAIT = "after_wait"
    AFTER_REFRESH = "after_refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """One row: what a code means and what every protocol says of it.

    `http` is the status; `http_also` are further statuses of the same code for situations that HTTP tells apart (405 is a
    malformed request, 431 a head that is too large). `grpc` is the name of the gRPC status. `title` is RFC 9457's,
    constant for the code; `meaning` and `remedy` are for the code's docs page.
    """

    code: Code
    http: int
    grpc: str
    retry: Retry
    title: str
    meaning: str
    remedy: str
    http_also: tuple[int, ...] = ()

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later (after a wait, or once more after a new token)."""
        return self.retry is not Retry.NEVER


_ROWS: Final = (
    ErrorRow(
        code=Code.MALFORMED,
        http=400,
        http_also=(405,),
        grpc="INVALID_ARGUMENT",
        retry=Retry.NEVER,
        title="The request cannot be read",
        meaning="The bytes are not what they say they are: JSON that does not parse, a duplicate key, nesting deeper than 64, a bad or reserved header, a method that the path does not have. Nothing was judged against a contract.",
        remedy="Mend what `errors` points at (pointer or byte offset) and send the event again.",
    ),
    ErrorRow(
        code=Code.CONTRACT_VIOLATION,
        http=400,
        grpc="INVALID_ARGUMENT",
        retry=Retry.NEVER,
        title="The event does not satisfy its contract",
        meaning="The event was read and breaks one or more rules of its topic's contract. `errors` lists every violation, at most 25; `omitted` counts the rest.",
        remedy="Mend each field that `errors` names; its `docs` link shows the rule, `owner` whom to ask. The same event will be refused again.",
    ),
    ErrorRow(
        code=Code.UNKNOWN_VERSION,
        http=400,
        http_also=(404,),
        grpc="INVALID_ARGUMENT",
        retry=Retry.NEVER,
        title="The contract has no such version",
        meaning="The event names a version of the contract that was never released.",
        remedy="Name a released version, or none: then the newest is taken.",
    ),
    ErrorRow(
        code=Code.VERSION_NOT_HERE_YET,
        http=503,
        grpc="UNAVAILABLE",
        retry=Retry.AFTER_WAIT,
        title="The version is newer than any known here",
        meaning="The event names a version above the newest that this gateway knows. During a rolling release that is normal for a short time.",
        remedy="Send the event again after Retry-After, with the same id.",
    ),
    ErrorRow(
        code=Code.RETIRED,
        http=410,
        grpc="FAILED_PRECONDITION",
        retry=Retry.NEVER,
        title="The contract is retired",
        meaning="The topic takes no more events.",
        remedy="Ask the contract's owner where events of this kind go now.",
    ),
    ErrorRow(
        code=Code.TIMEOUT,
        http=408,
        grpc="DEADLINE_EXCEEDED",
        retry=Retry.ALWAYS,
        title="The request did not arrive in time",
        meaning="The request's head or body did not arrive before the server's deadline. Nothing was stored.",
        remedy="Send it again, with the same id, on a connection that is fast enough.",
    ),
    ErrorRow(
        code=Code.UNAUTHENTICATED,
        http=401,
        grpc="UNAUTHENTICATED",
        retry=Retry.AFTER_REFRESH,
        title="A valid token is needed",
        meaning="There was no token, or one that does not pass: signature, issuer, audience, times or form. The answer is the same whatever was wrong, so that nobody can probe.",
        remedy="Get a new token from your issuer and try once more. If that fails too, the gateway's log says why, under the request's id.",
    ),
    ErrorRow(
        code=Code.FORBIDDEN,
        http=403,
        grpc="PERMISSION_DENIED",
        retry=Retry.NEVER,
        title="The token does not allow this",
        meaning="The token is good and lacks the scope `publish:<topic>` (for reading: `contracts:read`), or none of its roles may write this contract. A topic that does not exist answers the same.",
        remedy="Ask your issuer for the scope that WWW-Authenticate names, or the contract's owner for the role.",
    ),
    ErrorRow(
        code=Code.NOT_FOUND,
        http=404,
        grpc="UNIMPLEMENTED",
        retry=Retry.NEVER,
        title="There is nothing at this path",
        meaning="The path is none that this gateway serves.",
        remedy="Compare the path with /openapi.json.",
    ),
    ErrorRow(
        code=Code.UNKNOWN_TOPIC,
        http=404,
        grpc="NOT_FOUND",
        retry=Retry.NEVER,
        title="There is no contract for this topic",
        meaning="The token covers the topic's name, and no contract of that name is served here.",
        remedy="Check the name against GET /v1/topics. A contract that is broken is not served: readyz names it.",
    ),
    ErrorRow(
        code=Code.IN_PROGRESS,
        http=409,
        grpc="ABORTED",
        retry=Retry.AFTER_WAIT,
        title="The same event is being published",
        meaning="An event with this id is in flight and its outcome not known yet.",
        remedy="Wait for Retry-After and send it again with the same id: the answer will be its receipt.",
    ),
    ErrorRow(
        code=Code.TOO_LARGE,
        http=413,
        http_also=(431,),
        grpc="RESOURCE_EXHAUSTED",
        retry=Retry.NEVER,
        title="The request or an event is too large",
        meaning="An event, a batch or the request's head is over its limit, counted after decompression; or a batch costs more than the limit's whole burst.",
        remedy="Send smaller events, or fewer in a batch: `maxEvents` says how many where it is known.",
    ),
    ErrorRow(
        code=Code.UNSUPPORTED_MEDIA,
        http=415,
        grpc="INVALID_ARGUMENT",
        retry=Retry.NEVER,
        title="The media type or encoding is not taken here",
        meaning="Content-Type or Content-Encoding names a format that this contract or endpoint does not take.",
        remedy="Use one of those that the answer lists in `accepted`.",
    ),
    ErrorRow(
        code=Code.ID_REUSED,
        http=422,
        grpc="FAILED_PRECONDITION",
        retry=Retry.NEVER,
        title="The id belongs to another event",
        meaning="An event with the same id and another payload was stored before.",
        remedy="Give every event an id of its own; a retry must send the very same bytes.",
    ),
    ErrorRow(
        code=Code.RATE_LIMITED,
        http=429,
        grpc="RESOURCE_EXHAUSTED",
        retry=Retry.AFTER_WAIT,
        title="Over the limit",
        meaning="The allowance of this principal for this topic, or of the topic as a whole, is spent. RateLimit-Policy says what it is, RateLimit what is left.",
        remedy="Wait for Retry-After, then send again with the same id.",
    ),
    ErrorRow(
        code=Code.OVERLOADED,
        http=503,
        grpc="UNAVAILABLE",
        retry=Retry.AFTER_WAIT,
        title="The gateway has no room now",
        meaning="The gateway's memory for events in flight is taken, or it is shutting down. The event was not stored.",
        remedy="Send it again after Retry-After, with the same id.",
    ),
    ErrorRow(
        code=Code.BROKER_UNAVAILABLE,
        http=503,
        grpc="UNAVAILABLE",
        retry=Retry.AFTER_WAIT,
        title="Kafka is away",
        meaning="Kafka did not take the event: no leader, too few replicas, or no connection. The event was not stored.",
        remedy="Send it again after Retry-After, with the same id.",
    ),
    ErrorRow(
        code=Code.AFTER_FAILURE,
        http=503,
        grpc="UNAVAILABLE",
        retry=Retry.AFTER_WAIT,
        title="An earlier event of the same key failed",
        meaning="An earlier event of this request with the same key was not stored and may be retried, so this one was not attempted: the order of a key holds.",
        remedy="Send the failed events again, in their order, with the same ids.",
    ),
    ErrorRow(
        code=Code.INTERNAL,
        http=500,
        grpc="INTERNAL",
        retry=Retry.ALWAYS,
        title="A fault of the gateway",
        meaning="Something broke in the gateway. Its log holds the details under the request's id.",
        remedy="Send it again with the same id; if it stays, tell the platform team the `instance` of the answer.",
    ),
    ErrorRow(
        code=Code.OUTCOME_UNKNOWN,
        http=504,
        grpc="DEADLINE_EXCEEDED",
        retry=Retry.ALWAYS,
        title="Kafka did not acknowledge in time",
        meaning="The event was sent to Kafka and no acknowledgement came before the deadline. It may be stored or not.",
        remedy="Send it again with the same id: consumers can tell the copies by the header `tidegate-id`.",
    ),
)

ERRORS: Final = MappingProxyType({entry.code: entry for entry in _ROWS})
"""The table, by code; total over `Code`."""


def row(code: Code) -> ErrorRow:
    """The row of a code."""
    return ERRORS[code]
