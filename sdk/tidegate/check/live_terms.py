"""What a contract file says that no version freezes, compared with the git reference: what holds from the next reload, for every version.

Called by `examination`. What a version freezes is `contract_terms`'. Roles, limits and the status `retired` are their owner's to set
at any time, and not told.
"""

from collections.abc import Iterator

from tidegate.check.finding import Finding, Severity
from tidegate.check.older import Candidate
from tidegate.contracts.source import ContractSource
from tidegate.repository.broken import Place
from tidegate.repository.folder import contract_name

__all__ = ["live_tightened"]


def live_tightened(candidate: Candidate) -> Iterator[Finding]:
    """Requests that the reference's contract takes and this one does not."""
    if candidate.live is not None and candidate.live.source.status != "retired":
        before, label = candidate.live.source, candidate.live.label
        yield from _event_bytes(candidate, before, label)
        yield from _inputs(candidate, before, label)
        yield from _route(candidate, before, label)


def _event_bytes(candidate: Candidate, before: ContractSource, label: str) -> Iterator[Finding]:
    """What was accepted stays accepted, unless producers name their version: so an error, and a warning with `inputs: pinned`.

    A first bound is a warning: what held before is the gateway's, which no contract knows.
    """
    now = candidate.subject.contract.live
    was, most = before.max_event_bytes, now.max_event_bytes
    if most is None or (was is not None and was <= most):
        return
    then = f"{was:,} bytes" if was is not None else "the gateway's bound"
    said = (
        f"an event may have {most:,} bytes and had {then} in {label}: "
        f"larger events {'may be' if was is None else 'are'} refused, of every version"
    )
    sure = was is not None and now.inputs == "any"
    yield _finding(candidate, "maxEventBytes", "producer/event-bytes", said, "error" if sure else "warning")


def _inputs(candidate: Candidate, before: ContractSource, label: str) -> Iterator[Finding]:
    if before.inputs == "any" and candidate.subject.contract.live.inputs == "pinned":
        said = f"inputs were any in {label} and are pinned now: producers that name no version are refused"
        yield _finding(candidate, "inputs", "producer/pinned", said, "warning")


def _route(candidate: Candidate, before: ContractSource, label: str) -> Iterator[Finding]:
    now = candidate.subject.contract.live.route
    if before.route is not None and now != before.route:
        said = f"the route was {before.route} in {label} and is {now or 'none'} now: producers that post there get 404"
        yield _finding(candidate, "route", "producer/route", said, "warning")


def _finding(candidate: Candidate, name: str, rule: str, said: str, severity: Severity) -> Finding:
    place = candidate.subject.contract.places.get(name) or Place(file=contract_name(candidate.topic))
    return Finding(place=place, rule=rule, message=said, severity=severity, topic=candidate.topic)
