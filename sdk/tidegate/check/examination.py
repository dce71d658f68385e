"""`tidegate check` as straight lines: read the folder, read the reference, judge each contract, put the findings in order.

Called by the command and by `release`. Each step is a module of its own beside this one; nothing is printed here.
"""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tidegate.check.asked import check_asked
from tidegate.check.avro_consumers import consumers_broken
from tidegate.check.avro_lint import avro_lint
from tidegate.check.avro_producers import avro_refusals
from tidegate.check.before import Before
from tidegate.check.buf_config import lint_section
from tidegate.check.contract_terms import format_changed, owner_missing, terms_moved, terms_tightened
from tidegate.check.finding import CannotRun, Finding, from_broken, in_order
from tidegate.check.goldens import goldens_refused
from tidegate.check.history import Now, history_broken, without_git
from tidegate.check.live_terms import live_tightened
from tidegate.check.older import Candidate, Older
from tidegate.check.parsed import parsed
from tidegate.check.processes import spread
from tidegate.check.protobuf_consumers import protobuf_broken
from tidegate.check.protobuf_lint import protobuf_lint
from tidegate.check.refusal import Refusal
from tidegate.check.services import services_broken
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import compile_version
from tidegate.repository.folder import compile_problems
from tidegate.repository.git import Reference, open_reference
from tidegate.repository.git_revision import GitFailure
from tidegate.repository.survey import Subject, survey

__all__ = ["Examined", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found in a folder, in the order of its files; `contracts` are the topics looked at."""

    findings: tuple[Finding, ...]
    contracts: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether anything is wrong; warnings are not."""
        return any(finding.severity == "error" for finding in self.findings)


def examine(folder: Path, topics: Collection[str] = (), against: str | None = None) -> Examined:
    """Everything that is wrong with the contracts below `folder` (`topics`: with those only), and what will bite.

    `against` names a commit. Raises `CannotRun`, with a hint, where the question cannot be answered.
    """
    check_asked(folder, topics)
    try:
        reference = open_reference(folder, against) if against is not None else None
        return _examined(folder, topics, reference)
    except GitFailure as failure:
        raise CannotRun(str(failure), failure.hint) from None


def _examined(folder: Path, topics: Collection[str], reference: Reference | None) -> Examined:
    found = survey(folder, topics)
    findings = [from_broken(row) for row in found.broken]
    drafts = {one.topic: one.contract.places["status"] for one in found.subjects if one.contract.live.status == "draft"}
    now = Now(lock=found.lock, topics=frozenset(found.topics), drafts=drafts)
    findings += history_broken(folder, reference, now) if reference is not None else without_git(now)
    with tempfile.TemporaryDirectory(prefix="tidegate-check-") as scratch:
        kept = Path(scratch, "reference")
        before = Before(folder, reference, kept, found.subjects) if reference is not None else None
        if not topics:  # a service may publish to several
            findings += services_broken(folder, found, before)
        candidates = list(_candidates(found.subjects, before))
        findings += protobuf_broken(candidates, Path(scratch), lint_section(folder))
    findings += spread(lambda candidate: _guarded(folder, candidate), candidates)
    if topics:
        findings = [one for one in findings if one.topic is None or one.topic in topics]
    return Examined(
        findings=in_order(findings), contracts=tuple(one for one in found.topics if not topics or one in topics)
    )


def _candidates(subjects: Sequence[Subject], before: Before | None) -> Iterator[Candidate]:
    """Each contract with what it is compared with."""
    for subject in subjects:
        released = tuple(Older(label=f"version {one.number}", source=one) for one in subject.versions)
        if released and not subject.changed:
            released = released[:-1]
        live, older = before.of(subject) if before is not None else (None, None)
        yield Candidate(subject=subject, released=released, reference=older, live=live)


def _guarded(folder: Path, candidate: Candidate) -> list[Finding]:
    """One contract; a fault of ours is a finding of that one, and the others are judged."""
    found: list[Finding] = []
    try:
        found += _judged(folder, candidate)
    except Exception as error:
        said = f"cannot be judged, by a fault of Tidegate: {error!r}"
        place = candidate.subject.contract.definition.place
        found.append(Finding(place=place, rule="check/fault", message=said, topic=candidate.topic))
    return found


def _judged(folder: Path, candidate: Candidate) -> Iterator[Finding]:
    """One contract. Where it does not compile, what can be compared is compared all the same."""
    subject = candidate.subject
    source = subject.copy.known_source
    live = msgspec.structs.replace(subject.contract.live, versions=(source,))
    compiled = None
    try:
        compiled = compile_version(subject.topic, source, frozenset(live.sensitive))
    except (ContractError, RecursionError):
        yield from map(from_broken, compile_problems(live, subject.copy))
    yield from owner_missing(candidate)
    yield from format_changed(candidate)
    yield from terms_moved(candidate)
    yield from live_tightened(candidate)
    if candidate.source.format == "avro":
        try:
            parsed(candidate.source.schema)
        except (ContractError, RecursionError):
            return  # told above
        if compiled is not None:
            yield from avro_lint(candidate, compiled)
        yield from consumers_broken(candidate)
    else:
        yield from protobuf_lint(candidate)
    if live.inputs == "any":
        yield from _producers(candidate)
        if compiled is not None:
            yield from goldens_refused(folder, candidate, compiled)


def _producers(candidate: Candidate) -> Iterator[Finding]:
    """Unless producers name their version, what was accepted stays accepted."""
    told: set[str] = set()
    for older in candidate.in_use:
        yield from terms_tightened(candidate, older)
        for refusal in _refusals(candidate, older):
            if refusal.pointer + refusal.said not in told:
                told.add(refusal.pointer + refusal.said)
                unsure = refusal.rule == "producer/rule-changed"
                yield Finding(
                    place=candidate.place(refusal.pointer),
                    rule=refusal.rule,
                    message=f"{refusal.said}: producers on {older.label} {'may be' if unsure else 'are'} refused",
                    severity="warning" if unsure else "error",
                    topic=candidate.topic,
                )


def _refusals(candidate: Candidate, older: Older) -> list[Refusal]:
    if older.source.format != candidate.source.format:
        return []
    if candidate.source.format == "avro":
        return avro_refusals(older.source, candidate.source)
    from tidegate.check.protobuf_producers import protobuf_refusals  # an extra

    return protobuf_refusals(older.source, candidate.source)
