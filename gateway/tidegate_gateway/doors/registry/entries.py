"""What the registry serves, as values: subjects, their versions, ids. Made by `snapshot`, read by `answers` and `lookup`."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

__all__ = ["AVRO", "PROTOBUF", "Entry", "Reference", "Snapshot", "derived_id"]

AVRO = "AVRO"
PROTOBUF = "PROTOBUF"

_DERIVED_FROM = 1_000_000_000
_DERIVED = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An import of a Protobuf file: its path there, and the subject and version it is found under."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One version of a subject. `topics` are those whose contracts it belongs to: who may read one of them may read it.

    `serialized` is base64 of a FileDescriptorProto, empty for Avro; `compared` what a client's schema is compared with:
    a Protobuf file's comparable descriptor, an Avro schema's text.
    """

    subject: str
    version: int
    id: int
    type: str
    schema: str
    topics: frozenset[str]
    references: tuple[Reference, ...] = ()
    serialized: str = ""
    compared: bytes = b""

    @property
    def guid(self) -> str:
        """A name of the content, the same on every replica: same type, text and references, same name."""
        content = "\0".join((self.type, self.schema, *(f"{r.name}\0{r.subject}\0{r.version}" for r in self.references)))
        return str(UUID(bytes=sha256(content.encode("utf-8", "surrogatepass")).digest()[:16], version=5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything at one moment: each subject's entries by ascending version, and the same by id and by guid.

    `levels` are the compatibility levels of contracts that set one, by subject; `imports` the newest version of each file
    that is imported, by its path.
    """

    subjects: Mapping[str, tuple[Entry, ...]]
    by_id: Mapping[int, tuple[Entry, ...]]
    by_guid: Mapping[str, tuple[Entry, ...]]
    levels: Mapping[str, str]
    imports: Mapping[str, Entry]


def derived_id(schema: str) -> int:
    """The id of a schema that no release gave one: keys, and files that are only imported. Made of its text.

    So that it is the same on every replica; above every released id (counted from 1) and below those of working copies.
    """
    return (
        _DERIVED_FROM + int.from_bytes(sha256(schema.encode("utf-8", "surrogatepass")).digest()[:8], "big") % _DERIVED
    )
