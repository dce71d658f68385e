"""The rejections of the Protobuf codec, put together: order, number, and what is no matter of one field. Pure."""

import re
from collections.abc import Sequence
from operator import itemgetter

from tidegate.contracts.jsontext import Broken
from tidegate.contracts.protobuf.faults import Fault
from tidegate.contracts.protobuf.judgement import Judged
from tidegate.contracts.protobuf.places import Positions
from tidegate.contracts.protobuf.secrets import Secrets
from tidegate.contracts.protobuf.wire import Unreadable
from tidegate.contracts.verdict import MAX_VIOLATIONS, Rejected, Violation

__all__ = ["NULL", "REFUSED", "TOO_DEEP", "malformed", "rejected", "unjudged", "unreadable", "wrong_frame"]

_evaluated = re.compile(r"error evaluating (.+?): ")

NULL = Rejected(
    violations=(Violation(pointer="#", rule="tombstone", detail="is null", expected="object", found="null"),)
)
REFUSED = Rejected(
    violations=(
        Violation(pointer="#", rule="type", detail="cannot be read as the contract's message", expected="object"),
    )
)
TOO_DEEP = Rejected(
    violations=(
        Violation(
            pointer="#",
            rule="depth",
            detail="nests so deep that its binary form could not be read back",
            hint="an object or array in free-form JSON counts up to three times",
        ),
    )
)


def malformed(secrets: Secrets, *broken: Broken) -> Rejected:
    """The answer for a body that is not strict JSON."""
    return Rejected(
        violations=tuple(
            Violation(
                pointer=secrets.pointer(one.path),
                rule=one.rule,
                detail=one.detail,
                expected="strict JSON (RFC 8259)",
                byte_offset=one.byte_offset,
            )
            for one in broken
        ),
        malformed=True,
    )


def unreadable(secrets: Secrets, broken: Unreadable) -> Rejected:
    """The answer for bytes that are no message."""
    violation = Violation(
        pointer=secrets.pointer(broken.path[::-1]),
        rule=broken.rule,
        detail=broken.detail,
        expected="Protobuf binary",
        byte_offset=broken.at,
    )
    return Rejected(violations=(violation,), malformed=True)


def wrong_frame(frame: bytes) -> Rejected:
    """The answer for a body that does not begin with this version's and message's Confluent frame."""
    violation = Violation(
        pointer="#",
        rule="encoding",
        detail="does not begin with the Confluent frame of this version and message",
        expected=f"the bytes {frame.hex(' ')}",
        byte_offset=0,
    )
    return Rejected(violations=(violation,), malformed=True)


def unjudged(error: Exception) -> Rejected:
    """The answer where a rule's expression fails on an event (a division by zero, a missing map key)."""
    named = _evaluated.match(str(error))
    rule = named[1] if named is not None else "type"
    return Rejected(
        violations=(
            Violation(
                pointer="#",
                rule=rule,
                detail="cannot be judged: the rule's expression fails for these values",
                hint="the contract's owner can mend the rule",
            ),
        )
    )


def rejected(
    positions: Positions, faults: Sequence[Fault], judged: Sequence[Judged], secrets: Secrets, omitted: int
) -> Rejected:
    """Structural faults (in the document's order) and rules' violations as one list in the document's order."""
    if not judged:
        return Rejected(violations=tuple(_said(fault, secrets) for fault in faults), omitted=omitted)
    placed: list[tuple[tuple[int, ...], Fault | Judged]] = [
        (positions.of(tuple(fault.path[::-1])), fault) for fault in faults
    ]
    placed += [(one.position, one) for one in judged]
    placed.sort(key=itemgetter(0))
    listed = [_said(one, secrets) if isinstance(one, Fault) else one.violation() for _, one in placed[:MAX_VIOLATIONS]]
    return Rejected(violations=tuple(listed), omitted=omitted + len(placed) - len(listed))


def _said(fault: Fault, secrets: Secrets) -> Violation:
    return fault.violation(secrets.pointer(fault.path[::-1]), secret=fault.secret or secrets.cover(fault.docs))
