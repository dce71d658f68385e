"""The log lines of submissions, told by the intake and the doors: `RefusalLog` for production, `EventLog` for `dev`; and the
one that tells several. Chosen by `app`. No metric and no formatting may live here.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from msgspec import structs

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import shown, summary
from tidegate.errors import ERRORS, Code
from tidegate.wire.receipt import Stored
from tidegate_gateway.intake.ports import Observer
from tidegate_gateway.intake.submission import Admission, Line, Refusal

__all__ = ["EventLog", "Listener", "Observers", "RefusalLog", "place_of"]

_log = logging.getLogger("tidegate.events")
_PLACES = 5


class Listener(Observer, Protocol):
    """Hears of every submission: of the judged by the intake, of the others by their door."""

    def refused(self, topic: str, door: str, code: Code, events: int) -> None:
        """A submission stopped before its events were judged. `topic` is what the request named; empty: none."""
        ...


class Observers:
    """Several listeners as one, told in their order."""

    __slots__ = ("_all",)

    def __init__(self, *observers: Listener) -> None:
        self._all = observers

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        """Tell each."""
        for observer in self._all:
            observer.told(admission, lines, stored_times_ms, publish_s)

    def refused(self, topic: str, door: str, code: Code, events: int) -> None:
        """Tell each."""
        for observer in self._all:
            observer.refused(topic, door, code, events)


class RefusalLog:
    """One line for each submission that was not stored whole: how many, why, which rules and fields. Nothing sent is in it.

    Fields are named as the contract names them (the docs anchors), never as the sender wrote them.
    """

    def told(
        self, admission: Admission, lines: Sequence[Line], stored_times_ms: Sequence[int], publish_s: float | None
    ) -> None:
        """Log what was refused; nothing where everything was stored."""
        if len(stored_times_ms) == len(lines):
            return
        refusals = [line for line in lines if isinstance(line, Refusal)]
        if not refusals:
            return
        failed = sum(1 for refusal in refusals if ERRORS[refusal.code].retryable)
        violations = [violation for refusal in refusals for violation in refusal.violations]
        _log.log(
            logging.WARNING if failed else logging.INFO,
            "events not stored",
            extra={
                **_origin(admission),
                "events": len(lines),
                "stored": len(stored_times_ms),
                "rejected": len(refusals) - failed,
                "failed": failed,
                "codes": dict(Counter(str(refusal.code) for refusal in refusals)),
                "rules": dict(Counter(violation.rule for violation in violations).most_common(_PLACES)),
                "fields": [
                    field
                    for field, _ in Counter(violation.docs for violation in violations if violation.docs).most_common(
                        _PLACES
                    )
                ],
                "duration_ms": round(publish_s * 1000, 1) if publish_s is not None else None,
            },
        )

    def refused(self, topic: str, door: str, code: Code, events: int) -> None:
        """Nothing: these are counted, and a stranger's flood of them is no flood of lines."""


class EventLog:
    """A line for each event, good or bad; what is wrong in the words that the producer gets too, but for map keys: `*`.

    A submission that stopped before its events were judged has one line: nothing of it may be worth more.
    """

    def told(
        self,
        admission: Admission,
        lines: Sequence[Line],
        stored_times_ms: Sequence[int],  # noqa: ARG002 -- the port's signature
        publish_s: float | None,  # noqa: ARG002 -- the port's signature
    ) -> None:
        """Log every event of the submission."""
        topic = admission.contract.topic
        request_id = admission.request.id
        for line in lines:
            extra: dict[str, object] = {"event_id": line.id, "request_id": request_id}
            if isinstance(line, Refusal):
                what = "failed  " if ERRORS[line.code].retryable else "rejected"
                _log.info("%s %s %s: %s", what, topic, line.code, shown_detail(refusal_text(line)), extra=extra)
            elif isinstance(line, Stored):
                _log.info("stored   %s at %d/%d", topic, line.partition, line.offset, extra=extra)
            else:
                _log.info("valid    %s", topic, extra=extra)

    def refused(self, topic: str, door: str, code: Code, events: int) -> None:
        """Log one that stopped before: how many events it held, as far as is known."""
        row = ERRORS[code]
        what = "failed  " if row.retryable else "rejected"
        named = shown(topic) or "(no topic)"
        _log.info("%s %s %s: %s", what, named, code, row.title, extra={"door": door, "events": events})


def refusal_text(refusal: Refusal) -> str:
    """Why the event was refused; keys of maps, which are data of the sender's, are not in it."""
    if not refusal.violations:
        return refusal.detail
    judged = refusal.judged_by is not None
    named = [structs.replace(one, pointer=place_of(one, judged=judged)) for one in refusal.violations]
    return summary(named, refusal.omitted)


def place_of(violation: Violation, *, judged: bool = True) -> str:
    """The violation's pointer with `*` for every step that is no field of the contract's and no index.

    The docs anchor names the fields on the way. The name of an unknown field stays: it is what has to be mended. Where no version of the
    contract has `judged` the event, the first step is a member around its value (`value`, `key`, `headers`), and stays, too.
    """
    fields = iter([*violation.docs.split("."), ""])
    field = next(fields)
    steps = violation.pointer.removeprefix("#/").split("/")
    kept: list[str] = []
    for place, step in enumerate(steps, 1):
        if field and _folded(step) == _folded(field):
            field = next(fields)
            kept.append(step)
        elif (
            step.isdecimal()
            or (place == 1 and not judged)
            or (violation.rule == "unknown_field" and place == len(steps))
        ):
            kept.append(step)
        else:
            kept.append("*")
    return "#/" + "/".join(kept) if violation.pointer != "#" else "#"


def _folded(name: str) -> str:
    """Protobuf's names in their two spellings are one: `order_id`, `orderId`."""
    return name.replace("_", "").lower()


def shown_detail(detail: str) -> str:
    """A refusal's detail on one line, with its control characters escaped."""
    return " ".join(shown(word) for word in detail.split(" "))


def _origin(admission: Admission) -> dict[str, object]:
    request, principal = admission.request, admission.principal
    return {
        "request_id": request.id,
        "trace_id": request.traceparent[3:35] or None,
        "door": request.door,
        "client": request.client or None,
        "topic": admission.contract.topic,
        "principal": f"{principal.issuer}/{principal.subject}",
    }
