"""Golden records judged by the candidate: each event that a released version accepts must still be accepted.

Called by `examination` for both formats. What the newest release refuses already is an old break, and not told again.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tidegate.check.finding import Finding, from_broken
from tidegate.check.older import Candidate
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Rejected, Violation
from tidegate.repository.broken import Place, Problems
from tidegate.repository.golden import GoldenRecord, read_golden
from tidegate.repository.places import field_place

__all__ = ["goldens_refused"]


def goldens_refused(folder: Path, candidate: Candidate, compiled: CompiledVersion) -> Iterator[Finding]:
    """The golden records below `folder` that `compiled`, the candidate, refuses."""
    versions = {version.number: version for version in candidate.subject.versions}
    known: dict[int, CompiledVersion | None] = {}
    for number, source in versions.items():
        problems = Problems(f"released/{candidate.topic}/{number}", candidate.topic)
        for record in read_golden(folder, candidate.topic, number, problems):
            verdict = compiled.check(record.json)
            if isinstance(verdict, Rejected):
                newest = max(versions)
                by_own = _refusal(known, candidate, source, record)
                if by_own is not None:
                    yield _invalid(candidate, record, by_own)
                elif number == newest or _refusal(known, candidate, versions[newest], record) is None:
                    yield _refused(candidate, record, verdict.violations[0])
        yield from (replace(from_broken(row), rule="golden/invalid") for row in problems.rows)


def _refusal(
    known: dict[int, CompiledVersion | None], candidate: Candidate, source: VersionSource, record: GoldenRecord
) -> Violation | None:
    """Why a released version refuses a record; None where it accepts it, or does not compile (which is told elsewhere)."""
    if source.number not in known:
        try:
            known[source.number] = compile_version(candidate.topic, source)
        except ContractError:
            known[source.number] = None
    version = known[source.number]
    verdict = version.check(record.json) if version is not None else None
    return verdict.violations[0] if isinstance(verdict, Rejected) else None


def _refused(candidate: Candidate, record: GoldenRecord, why: Violation) -> Finding:
    said = f'golden record "{record.name}" of version {record.version} is refused: {why.pointer} {why.detail}'
    return Finding(
        place=field_place(candidate.topic, candidate.subject.copy, why.docs),
        rule="producer/golden",
        message=f"{said}: producers on version {record.version} are refused",
        topic=candidate.topic,
    )


def _invalid(candidate: Candidate, record: GoldenRecord, why: Violation) -> Finding:
    said = f"its own version {record.version} refuses it: {why.pointer} {why.detail}"
    return Finding(place=Place(file=record.file), rule="golden/invalid", message=said, topic=candidate.topic)
