"""What a candidate is compared with: released versions and the git reference, and which of them a compatibility level asks for.

Used by the Avro, Protobuf and producers' checks. Values and one decision; nothing is read here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.check.refusal import OF_CONTRACT
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.repository.broken import Place
from tidegate.repository.places import place_of
from tidegate.repository.survey import Subject

__all__ = ["Candidate", "Live", "Older", "asked_for", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """A schema that is out there. `label` names it: "version 2", or the git reference."""

    label: str
    source: VersionSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the git reference's contract file says that no version freezes. `label` is the reference's name."""

    label: str
    source: ContractSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A contract's schema as it is edited, with all that it may be compared with.

    `released` are the versions older than the candidate (oldest first; the newest is left out where the candidate is that one),
    `reference` what the git reference holds and no release does, `live` its contract file, where that differs or may.
    """

    subject: Subject
    released: tuple[Older, ...]
    reference: Older | None = None
    live: Live | None = None

    @property
    def source(self) -> VersionSource:
        """The candidate itself."""
        return self.subject.copy.source

    @property
    def topic(self) -> str:
        """The contract's topic."""
        return self.subject.topic

    def place(self, pointer: str) -> Place:
        """The place of a pointer into the candidate's schema (see `Refusal`), in the file that people edit."""
        if pointer.startswith(OF_CONTRACT):
            return self.subject.copy.rule_places[pointer.removeprefix(OF_CONTRACT)]
        return place_of(self.topic, self.source, self.subject.copy, pointer)

    @property
    def news(self) -> bool:
        """Whether the candidate is something that was not released as it is."""
        return self.subject.changed or self.reference is not None

    @property
    def newest(self) -> Older | None:
        """What producers and consumers use now, where the candidate differs from it."""
        if self.subject.changed and self.released:
            return self.released[-1]
        return None

    @property
    def in_use(self) -> tuple[Older, ...]:
        """What producers may be using now that is not the candidate: the newest version, and what the reference holds."""
        return tuple(filter(None, (self.newest, self.reference)))


def asked_for(candidate: Candidate, *, every: bool) -> tuple[Older, ...]:
    """With what a level compares: `every` version (transitive), or the last one; and with the git reference."""
    released = candidate.released if every else candidate.released[-1:]
    return released if candidate.reference is None else (*released, candidate.reference)


def named(labels: Sequence[str] | Iterable[str]) -> str:
    """Several labels in words: "versions 1 and 2 and main"."""
    numbers = [label.removeprefix("version ") for label in labels if label.startswith("version ")]
    others = [label for label in labels if not label.startswith("version ")]
    words = [f"version{'s' if len(numbers) > 1 else ''} {_listed(numbers)}"] if numbers else []
    return " and ".join(words + others)


def _listed(numbers: list[str]) -> str:
    return numbers[0] if len(numbers) == 1 else f"{', '.join(numbers[:-1])} and {numbers[-1]}"
