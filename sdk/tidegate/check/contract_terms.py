"""What a contract file itself says, compared: format, unknown fields, tombstones, key, event time. Called by `examination`."""

from collections.abc import Iterator

from tidegate.check.finding import Finding, Severity
from tidegate.check.older import Candidate, Older, named
from tidegate.contracts.source import VersionSource
from tidegate.repository.broken import Place
from tidegate.repository.folder import contract_name

__all__ = ["format_changed", "owner_missing", "terms_moved", "terms_tightened"]


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


def terms_moved(candidate: Candidate) -> Iterator[Finding]:
    """Where an event's record goes and which time it has, of another field than before: what consumers' order and windows stand on.

    A moved key also refuses the explicit keys that producers send, unless they name their version.
    """
    new, pinned = candidate.source, candidate.subject.contract.live.inputs == "pinned"
    lost = candidate.subject.copy.lost
    for older in candidate.in_use:
        old = older.source
        if old.key is not None and new.key not in lost and not _is_same_field(old, old.key, new, new.key):
            said = f'the key was "{old.key}" and is now {_path(new.key)}'
            if new.key is None or pinned:
                yield _finding(candidate, older, "key", "producer/key-moved", said, severity="warning")
            else:
                said += ", and an explicit key that differs is refused"
                yield _finding(candidate, older, "key", "producer/key-moved", said)
        before, after = old.event_time, new.event_time
        if after not in lost and not _is_same_field(old, before, new, after):
            said = f"the record's time was {_time(before)} and is now {_time(after)}"
            yield _finding(candidate, older, "eventTime", "compatibility/event-time", said, severity="warning")


def _is_same_field(old: VersionSource, before: str | None, new: VersionSource, after: str | None) -> bool:
    """Protobuf knows a field by two names, and a renamed one by its number."""
    if before == after or before is None or after is None or not old.format == new.format == "protobuf":
        return before == after
    from tidegate.check.protobuf_producers import field_numbers  # an extra

    numbers = field_numbers(old, before)
    return numbers is not None and numbers == field_numbers(new, after)


def _path(path: str | None) -> str:
    return f'"{path}"' if path is not None else "none"


def _time(path: str | None) -> str:
    return _path(path) if path is not None else "the event's own or its arrival"


def _finding(
    candidate: Candidate, older: Older, name: str, rule: str, said: str, *, severity: Severity = "error"
) -> Finding:
    contract = candidate.subject.contract
    place = contract.places.get(name) or Place(file=contract_name(candidate.topic))
    who = f": producers on {older.label} are refused" if severity == "error" else f" (since {older.label})"
    return Finding(place=place, rule=rule, message=said + who, severity=severity, topic=candidate.topic)
