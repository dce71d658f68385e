"""Do consumers keep reading? Protobuf contracts by buf's rules, all versions in one call; and what buf's categories leave open.

Called by `examination` once for all contracts. buf compares messages of one name only, so a message or package that is
gone, and a oneof that lost a member, are judged here: Confluent's registry refuses those, and we are no looser.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.check.buf import BufRow, breaking, lint
from tidegate.check.finding import Finding
from tidegate.check.images import image_of, is_judged, moved_files
from tidegate.check.older import Candidate, Older, asked_for, named
from tidegate.contracts.fingerprint import descriptor_files
from tidegate.repository.broken import Place

if TYPE_CHECKING:
    from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto

__all__ = ["protobuf_broken"]

_CATEGORIES = ("FILE", "PACKAGE", "WIRE_JSON", "WIRE")
_BATCH = 250
_LINT = "https://buf.build/docs/lint/rules/"
_BREAKING = "https://buf.build/docs/breaking/rules/"
"""Pairs of versions in one call: buf takes most of a megabyte for each, and a call takes a quarter of a second."""
_moved = re.compile(r"tidegatepair(\d+)[./]")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A candidate and one older version of it."""

    candidate: Candidate
    older: Older


def protobuf_broken(
    candidates: Sequence[Candidate], scratch: Path, lint_section: Mapping[str, object]
) -> Iterator[Finding]:
    """What buf says of the Protobuf contracts among `candidates`, and our own rules. Raises `CannotRun`."""
    protobuf = [candidate for candidate in candidates if candidate.source.format == "protobuf"]
    if not protobuf:
        return
    yield from _linted(protobuf, scratch, lint_section)
    groups: dict[str, list[_Pair]] = {}
    for candidate in protobuf:
        for pair in _pairs(candidate):
            groups.setdefault(_category(candidate), []).append(pair)
    for category, pairs in groups.items():
        for begin in range(0, len(pairs), _BATCH):
            yield from _broken(pairs[begin : begin + _BATCH], scratch, category)
        yield from _gathered(pairs)


def _category(candidate: Candidate) -> str:
    """The contract's own category of buf; Avro's levels ask for WIRE_JSON, since producers send JSON."""
    level = candidate.subject.contract.live.compatibility
    return level if level in _CATEGORIES else "WIRE_JSON"


def _pairs(candidate: Candidate) -> Iterator[_Pair]:
    level = candidate.subject.contract.live.compatibility
    if level == "NONE":
        return
    own = _bare(candidate.source.descriptors)
    for older in asked_for(candidate, every=level in _CATEGORIES or level.endswith("_TRANSITIVE")):
        if older.source.format == "protobuf" and _bare(older.source.descriptors) != own:
            yield _Pair(candidate, older)


def _bare(descriptors: bytes) -> list[bytes]:
    return [file.bare for file in descriptor_files(descriptors) if is_judged(file.name)]


def _linted(candidates: Iterable[Candidate], scratch: Path, section: Mapping[str, object]) -> Iterator[Finding]:
    files = (
        (file.name, file.whole) for candidate in candidates for file in descriptor_files(candidate.source.descriptors)
    )
    topics: dict[str, str] = {}
    for candidate in candidates:
        for file in descriptor_files(candidate.source.descriptors):
            topics.setdefault(file.name, candidate.topic)
    for row in lint(image_of(files), scratch, section):
        place = Place(file=f"proto/{row.path}", line=max(row.start_line, 1), column=max(row.start_column, 1))
        yield Finding(place=place, rule=f"buf/{row.type}", message=row.message, topic=topics.get(row.path), guide=_LINT)


def _broken(pairs: Sequence[_Pair], scratch: Path, category: str) -> Iterator[Finding]:
    new = (one for n, pair in enumerate(pairs) for one in moved_files(pair.candidate.source.descriptors, n))
    old = (one for n, pair in enumerate(pairs) for one in moved_files(pair.older.source.descriptors, n))
    found: dict[tuple[str, Place, str, str], list[str]] = {}
    for row in breaking(image_of(new), image_of(old), scratch, [category]):
        match = _moved.match(row.path) or _moved.search(row.message)
        pair = pairs[int(match[1])] if match else pairs[0]
        key = (pair.candidate.topic, _place(pair, row), f"buf/{row.type}", _moved.sub("", row.message))
        found.setdefault(key, []).append(pair.older.label)
    for (topic, place, rule, message), labels in found.items():
        said = f"{message.rstrip('.')}: consumers and producers on {named(labels)} break"
        yield Finding(place=place, rule=rule, message=said, topic=topic, guide=_BREAKING)


def _place(pair: _Pair, row: BufRow) -> Place:
    """Where the candidate's file breaks; what is gone with its file has no place there."""
    name = _moved.sub("", row.path)
    own = {file.name for file in descriptor_files(pair.candidate.source.descriptors)}
    if name not in own:
        return pair.candidate.subject.contract.definition.place
    return Place(file=f"proto/{name}", line=max(row.start_line, 1), column=max(row.start_column, 1))


def _gathered(pairs: Sequence[_Pair]) -> Iterator[Finding]:
    """Our own rules, equal findings of several versions as one."""
    found: dict[tuple[str, str, str, str], tuple[_Pair, list[str]]] = {}
    for pair in pairs:
        for rule, name, said in _shape_broken(pair):
            found.setdefault((pair.candidate.topic, rule, name, said), (pair, []))[1].append(pair.older.label)
    for (topic, rule, name, said), (pair, labels) in found.items():
        definition = pair.candidate.subject.contract.definition.place
        place = definition if rule == "compatibility/message" else pair.candidate.place(name)
        message = f"{said}: consumers on {named(labels)} break"
        yield Finding(place=place, rule=rule, message=message, topic=topic)


def _shape_broken(pair: _Pair) -> Iterator[tuple[str, str, str]]:
    """Rule, the full name of the place, and the words."""
    old, new = pair.older.source, pair.candidate.source
    if old.message != new.message:
        yield "compatibility/message", "", f"the message was {old.message} and is {new.message}"
        return
    now = _messages(new.descriptors)
    for name, message in _messages(old.descriptors).items():
        if name not in now:
            outer = name.rpartition(".")[0]
            yield "compatibility/message-removed", outer, f"the message {name} is gone"
            continue
        numbers = {field.number for field in now[name].field}
        for field in message.field:
            inside = field.has_field("oneof_index") and not field.proto3_optional
            if inside and field.number not in numbers:
                said = f'the member "{field.name}" of a oneof of {name} is gone'
                yield "compatibility/oneof-field-removed", name, said


def _messages(descriptors: bytes) -> "dict[str, DescriptorProto]":
    """Every message of the project's own files by full name, map entries left out."""
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorProto

    found: dict[str, DescriptorProto] = {}
    for described in descriptor_files(descriptors):
        if is_judged(described.name):
            file = FileDescriptorProto.from_binary(described.bare)
            todo = [(message, file.package) for message in file.message_type]
            while todo:
                message, outer = todo.pop()
                if message.options is not None and message.options.map_entry:
                    continue
                name = f"{outer}.{message.name}" if outer else message.name
                found[name] = message
                todo += [(nested, name) for nested in message.nested_type]
    return found
