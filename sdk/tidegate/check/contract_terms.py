"""What a contract file itself says, compared: format, unknown fields, tombstones, the key. Called by `examination`."""

from collections.abc import Iterator

from tidegate.check.finding import Finding, Severity
from tidegate.check.older import Candidate, Older, named
from tidegate.repository.broken import Place
from tidegate.repository.folder import contract_name

__all__ = ["format_changed", "owner_missing", "terms_tightened"]


def owner_missing(candidate: Candidate) -> Iterator[Finding]:
    """A contract that names nobody to ask."""
    owner = candidate.subject.contract.live.owner
    if not owner.team or not owner.channel:
        said = f"names no {'team' if not owner.team else 'support channel'} to ask"
        place = Place(file=contract_name(candidate.topic))
        yield Finding(place=place, rule="lint/owner", message=said, severity="warning", topic=candidate.topic)


def format_changed(candidate: Candidate) -> Iterator[Finding]:
    """Versions in another schema language than the candidate's."""
    contract = candidate.subject.contract
    older = (*candidate.released, *([candidate.reference] if candidate.reference else []))
    others = [one.label for one in older if one.source.format != candidate.source.format]
    if others and contract.live.compatibility != "NONE":
        was, now = ("Protobuf", "Avro") if candidate.source.format == "avro" else ("Avro", "Protobuf")
        said = f"is {now} now and was {was}: consumers cannot read events of {named(others)} with one schema"
        yield Finding(place=contract.definition.place, rule="compatibility/format", message=said, topic=candidate.topic)


def terms_tightened(candidate: Candidate, older: Older) -> Iterator[Finding]:
    """What the candidate's contract file refuses and the older version took."""
    old, new = older.source, candidate.source
    if old.unknown_fields != "reject" and new.unknown_fields == "reject":
        said = f"unknown fields were {'kept' if old.unknown_fields == 'keep' else 'dropped'} and are now rejected"
        yield _finding(candidate, older, "unknownFields", "producer/unknown-fields", said)
    if old.tombstones == "allow" and new.tombstones == "reject":
        said = "tombstones were allowed and are now rejected"
        yield _finding(candidate, older, "tombstones", "producer/tombstones", said)
    if new.key is not None and old.key is None:
        said = f'the key is now taken from "{new.key}", and an explicit key that differs is refused'
        yield _finding(candidate, older, "key", "producer/key", said)
    elif new.key != old.key:
        now = f'"{new.key}"' if new.key is not None else "none"
        said = f'the key was "{old.key}" and is now {now}'
        yield _finding(candidate, older, "key", "producer/key-moved", said, severity="warning")


def _finding(
    candidate: Candidate, older: Older, name: str, rule: str, said: str, *, severity: Severity = "error"
) -> Finding:
    contract = candidate.subject.contract
    place = contract.places.get(name) or Place(file=contract_name(candidate.topic))
    who = f": producers on {older.label} are refused" if severity == "error" else f" (since {older.label})"
    return Finding(place=place, rule=rule, message=said + who, severity=severity, topic=candidate.topic)
