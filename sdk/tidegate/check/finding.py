"""What `tidegate check` says: findings as values, and the words of each rule's hint. Made by every check, shown by the command.

Nothing is judged here. A rule is `<area>/<what>`; buf's own rules are `buf/<RULE>`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from tidegate.repository.broken import Broken, Place

__all__ = ["HINTS", "CannotRun", "Finding", "Severity", "from_broken", "in_order"]

Severity = Literal["error", "warning"]

_INPUTS = "keep accepting it, or make producers name their version: inputs: pinned"
_SCHEMA = "CONTRACTS.md, 'Rules', for keywords and expressions; Avro's specification or protobuf.dev for the rest"
_COMPATIBLE = "give the field a default, keep the old name or type, or publish to a new topic"
_CALLED = "services are live: keep it while producers call it, and add a method of another name beside it"
_RESTORE = "restore it from git; a change is released as a new version"

HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contract/invalid": "CONTRACTS.md lists every name and value of a contract file",
        "contract/removed": "set status: retired instead; versions that were released are never taken back",
        "contract/draft": "set status: deprecated or retired instead; a draft is served by `dev` alone",
        "schema/invalid": _SCHEMA,
        "released/invalid": _RESTORE,
        "released/changed": _RESTORE,
        "released/removed": _RESTORE,
        "lock/invalid": "`tidegate release` alone writes it: restore it from git, or in a merge run `tidegate release --renumber`",
        "lock/changed": "lines of released.lock are only ever appended; restore the line from git",
        "lock/conflict": "merge or rebase onto it, then `tidegate release --renumber`",
        "backward/NAME_MISMATCH": "keep the old name, or give the type an alias",
        "forward/NAME_MISMATCH": "keep the old name: consumers on the old schema know no alias for the new one",
        "backward/FIXED_SIZE_MISMATCH": "a fixed keeps its size; add a field with a type of another name",
        "forward/FIXED_SIZE_MISMATCH": "a fixed keeps its size; add a field with a type of another name",
        "backward/MISSING_ENUM_SYMBOLS": "keep the symbols, or give the enum a default",
        "forward/MISSING_ENUM_SYMBOLS": "old consumers do not know the new symbol: release a default for the enum first",
        "backward/READER_FIELD_MISSING_DEFAULT_VALUE": "give the new field a default",
        "forward/READER_FIELD_MISSING_DEFAULT_VALUE": "keep the field: old consumers have no default for it",
        "backward/TYPE_MISMATCH": _COMPATIBLE,
        "forward/TYPE_MISMATCH": _COMPATIBLE,
        "backward/MISSING_UNION_BRANCH": "keep the branch",
        "forward/MISSING_UNION_BRANCH": "old consumers do not know the new branch; add a field for it instead",
        "compatibility/ambiguous": "remove the alias, or the field that it names",
        "compatibility/format": "a topic keeps its format: make a new topic",
        "compatibility/message": "a topic keeps its message: make a new topic",
        "compatibility/bytes-string": "the verdict is that both read each other; code that was generated for one breaks",
        "compatibility/logical": "Java's verdict ignores logical types: keep scale and unit, or give the new meaning a new field",
        "compatibility/namespace": "Java's verdict ignores namespaces, and most decoders do not: keep the namespace, or add an alias",
        "compatibility/event-time": "consumers' windows, retention by time and joins see another time: tell them before",
        "compatibility/decoder": "Java's verdict calls it compatible, and Java's own decoder does not: avoid it",
        "compatibility/oneof-field-removed": "keep the field: a consumer could not tell an unknown member from none",
        "compatibility/message-removed": "keep the message, or mark it deprecated",
        "producer/golden": _INPUTS,
        "producer/field-removed": _INPUTS,
        "producer/field-required": "give the field a default, or make producers name their version: inputs: pinned",
        "producer/default-removed": "keep the default, or make producers name their version: inputs: pinned",
        "producer/type-narrowed": _INPUTS,
        "producer/symbol-removed": _INPUTS,
        "producer/rule-added": _INPUTS,
        "producer/rule-tightened": _INPUTS,
        "producer/rule-changed": "nobody can compare such rules: a golden record for each case that must stay accepted tells",
        "producer/unknown-fields": _INPUTS,
        "producer/tombstones": _INPUTS,
        "producer/key": _INPUTS,
        "producer/key-moved": "events of one entity go to other partitions than before, and compact apart: keep the key, or make a new topic",
        "producer/event-bytes": "the bound is live, so that it holds from the next reload: let it be as large as what producers send",
        "producer/pinned": "wanted where a new version refuses what an old one takes: tell producers to name their version first",
        "producer/route": "keep it while producers use it: the topic's own path takes the same events",
        "golden/invalid": "a golden record is an event that its own version accepts, as JSON",
        "lint/name": "names that every language takes save a rename later",
        "lint/doc": "say what the field means: the topic's page and the generated models show it",
        "lint/owner": "give team and support: every refusal names them",
        "lint/default": "put the default's branch first: readers before Avro 1.12 take no other",
        "lint/example": "an example is a value that the field's own rules accept",
        "registry/first-message": "kafkajs takes the first message of a file: declare the contract's first",
        "registry/nested-message": "clients count nested messages differently: declare it at the top level",
        "registry/long": "give it a maximum of 9007199254740991, or send it as a string",
        "registry/nanos": "Node's numbers hold no nanoseconds since 1970: use timestamp-micros",
        "service/invalid": 'CONTRACTS.md, "Services of your own", says what can be served',
        "service/removed": _CALLED,
        "service/method-removed": _CALLED,
        "service/streaming": _CALLED,
        "service/request": _CALLED,
        "service/response": _CALLED,
        "service/response-field": "keep number, type and option of what producers read; a new field takes a new number",
        "service/topic": _CALLED,
        "check/fault": "please report it, with the contract",
    }
)
"""What to do about a finding of each rule."""


class CannotRun(Exception):
    """The check could not be made: exit code 2. `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong (error) or that will bite (warning), at its place in the folder.

    `place.file` is relative to the schemas folder. `topic` is the contract it is about, None where it is not one's. `guide` is
    the page that explains a rule which is not ours.
    """

    place: Place
    rule: str
    message: str
    severity: Severity = "error"
    topic: str | None = None
    guide: str = ""

    @property
    def hint(self) -> str:
        """What to do about it."""
        return HINTS.get(self.rule, self.guide)


def from_broken(row: Broken) -> Finding:
    """What the repository's readers found, under the rule of the file that it is in."""
    if row.file.startswith("released/"):
        rule = "released/invalid"
    elif row.file.endswith(".lock"):
        rule = "lock/invalid"
    elif row.file.startswith("contracts"):
        rule = "contract/invalid"
    else:
        rule = "schema/invalid"
    return Finding(
        place=Place(file=row.file, line=row.line, column=row.column), rule=rule, message=row.detail, topic=row.topic
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By file, line and column; each once."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (f.place.file, f.place.line, f.place.column, f.rule, f.message)))
