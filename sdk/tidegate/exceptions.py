"""What the SDK raises, one tree, and what it means for the caller. Built at the edge from outcomes; inside, outcomes are values.

    TidegateError
    ├── NotAccepted                  nothing was sent
    │   ├── QueueFull                no room, by the policy or within the timeout
    │   └── Closed                   the client is closed
    ├── Refused                      the same event would be refused again
    │   ├── ContractViolation        breaks its contract: `violations` lists everything
    │   ├── Malformed                is not what it says it is
    │   ├── TooLarge
    │   ├── UnknownVersion
    │   ├── Retired                  the topic takes no more events
    │   ├── UnknownTopic, NotFound
    │   ├── UnsupportedMedia
    │   ├── IdReused                 the id belongs to another event
    │   ├── Forbidden                the token lacks the right
    │   └── Unauthenticated          the token is not good, also after a refresh
    ├── Unavailable                  not delivered within the deadline; not stored
    │   ├── RateLimited
    │   ├── Overloaded, BrokerUnavailable, AfterFailure, InProgress, VersionNotHereYet, TimedOut, InternalFault
    │   └── NotDelivered             given up by this client: dropped for room, or left at close
    └── OutcomeUnknown               may be stored or not: send again with the same id

Every code of the errors table has its class (a test says so); `error.code` is the code, `error.problem` the gateway's words.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import summary
from tidegate.errors import Code
from tidegate.outgoing import Undelivered
from tidegate.wire.problem import Problem

__all__ = [
    "BY_CODE",
    "AfterFailure",
    "BrokerUnavailable",
    "Closed",
    "ContractViolation",
    "Forbidden",
    "IdReused",
    "InProgress",
    "InternalFault",
    "Malformed",
    "NotAccepted",
    "NotDelivered",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "QueueFull",
    "RateLimited",
    "Refused",
    "Retired",
    "TidegateError",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnknownTopic",
    "UnknownVersion",
    "UnsupportedMedia",
    "VersionNotHereYet",
    "error_of",
]


class TidegateError(Exception):
    """Anything that went wrong with an event.

    `topic` and `event_id` say which. `code` is the errors table's, None where nobody answered. `problem` is the gateway's answer.
    """

    code: Code | None = None

    def __init__(
        self,
        message: str,
        *,
        topic: str = "",
        event_id: str = "",
        problem: Problem | None = None,
        code: Code | None = None,
    ) -> None:
        super().__init__(message)
        self.topic = topic
        self.event_id = event_id
        self.problem = problem
        if code is not None:
            self.code = code

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What is wrong with the event, where the gateway or the local verdict listed it (at most 25)."""
        return self.problem.errors if self.problem is not None else ()


class NotAccepted(TidegateError):
    """The event was not taken into the queue: nothing was sent."""


class QueueFull(NotAccepted):
    """There was no room in the queue."""


class Closed(NotAccepted):
    """The client is closed."""


class Refused(TidegateError):
    """The same event would be refused again."""


class ContractViolation(Refused):
    """The event breaks its contract; `violations` lists everything that is wrong, `omitted` counts those beyond 25."""

    code = Code.CONTRACT_VIOLATION

    @property
    def omitted(self) -> int:
        """Violations beyond those that are listed."""
        return (self.problem.omitted or 0) if self.problem is not None else 0


class Malformed(Refused):
    """The bytes are not what they say they are."""

    code = Code.MALFORMED


class UnknownVersion(Refused):
    """The contract has no such version."""

    code = Code.UNKNOWN_VERSION


class Retired(Refused):
    """The topic takes no more events."""

    code = Code.RETIRED


class Unauthenticated(Refused):
    """The gateway refused the token, also after it was fetched anew."""

    code = Code.UNAUTHENTICATED


class Forbidden(Refused):
    """The token does not allow to publish here, or there is no such topic."""

    code = Code.FORBIDDEN


class NotFound(Refused):
    """Nothing is at the path: the client's URL is not a gateway's."""

    code = Code.NOT_FOUND


class UnknownTopic(Refused):
    """There is no contract for the topic."""

    code = Code.UNKNOWN_TOPIC


class TooLarge(Refused):
    """The event is too large."""

    code = Code.TOO_LARGE


class UnsupportedMedia(Refused):
    """The contract does not take this media type."""

    code = Code.UNSUPPORTED_MEDIA


class IdReused(Refused):
    """Another event was stored under this id."""

    code = Code.ID_REUSED


class Unavailable(TidegateError):
    """The event was not delivered before its deadline, and no attempt of it can have been stored."""


class TimedOut(Unavailable):
    """The gateway did not get the request in time."""

    code = Code.TIMEOUT


class VersionNotHereYet(Unavailable):
    """No gateway knew the version before the deadline."""

    code = Code.VERSION_NOT_HERE_YET


class InProgress(Unavailable):
    """An event with this id was in flight all the time."""

    code = Code.IN_PROGRESS


class RateLimited(Unavailable):
    """Over the limit until the deadline."""

    code = Code.RATE_LIMITED


class Overloaded(Unavailable):
    """The gateway had no room until the deadline."""

    code = Code.OVERLOADED


class BrokerUnavailable(Unavailable):
    """Kafka was away until the deadline."""

    code = Code.BROKER_UNAVAILABLE


class AfterFailure(Unavailable):
    """An earlier event of the same key could not be stored until the deadline."""

    code = Code.AFTER_FAILURE


class InternalFault(Unavailable):
    """The gateway had a fault of its own until the deadline."""

    code = Code.INTERNAL


class NotDelivered(Unavailable):
    """This client gave the event up: it was dropped for room, or left when the client closed."""


class OutcomeUnknown(TidegateError):
    """The event may be stored or not. Sending it again is safe with the same id."""

    code = Code.OUTCOME_UNKNOWN


BY_CODE: Final[Mapping[Code, type[TidegateError]]] = MappingProxyType(
    {
        Code.AFTER_FAILURE: AfterFailure,
        Code.MALFORMED: Malformed,
        Code.CONTRACT_VIOLATION: ContractViolation,
        Code.UNKNOWN_VERSION: UnknownVersion,
        Code.VERSION_NOT_HERE_YET: VersionNotHereYet,
        Code.RETIRED: Retired,
        Code.TIMEOUT: TimedOut,
        Code.UNAUTHENTICATED: Unauthenticated,
        Code.FORBIDDEN: Forbidden,
        Code.NOT_FOUND: NotFound,
        Code.UNKNOWN_TOPIC: UnknownTopic,
        Code.IN_PROGRESS: InProgress,
        Code.TOO_LARGE: TooLarge,
        Code.UNSUPPORTED_MEDIA: UnsupportedMedia,
        Code.ID_REUSED: IdReused,
        Code.RATE_LIMITED: RateLimited,
        Code.OVERLOADED: Overloaded,
        Code.BROKER_UNAVAILABLE: BrokerUnavailable,
        Code.INTERNAL: InternalFault,
        Code.OUTCOME_UNKNOWN: OutcomeUnknown,
    }
)
"""The class of each code; total over `Code`."""


def error_of(outcome: Undelivered, topic: str, event_id: str) -> TidegateError:
    """The exception for an event without a receipt."""
    problem, code = outcome.problem, outcome.code
    message = f"{topic}: {outcome.reason}"
    if problem is not None and problem.errors:
        message = f"{topic}: {summary(problem.errors, problem.omitted or 0)}"
    kind: type[TidegateError]
    if outcome.maybe_stored:
        kind = OutcomeUnknown
    elif code is not None:
        kind = BY_CODE[code]
    elif outcome.given_up:
        kind = NotDelivered
    else:
        kind = Refused if problem is not None and not problem.retryable else Unavailable
    return kind(message, topic=topic, event_id=event_id, problem=problem, code=code)
