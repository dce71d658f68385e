"""The .proto files below proto/ as descriptors, through protoc. Called by `folder` for working copies; nothing released needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.contracts.fingerprint import descriptor_files
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Place, Problems
from tidegate.repository.files import read_text
from tidegate.repository.protoc import run_protoc

__all__ = ["ProtoFiles", "ProtoSchema", "message_index"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtoSchema:
    """A compiled .proto file: its text, the serialised FileDescriptorSet with every import, where its message stands in it.

    Source info (comments, places) is kept for the project's own files only.
    """

    text: str
    descriptors: bytes
    message_index: tuple[int, ...]


class ProtoFiles:
    """One reading of proto/. Each file is compiled once, however many contracts take a message from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._compiled: dict[str, bytes] = {}

    def read(self, name: str, message: str, place: Place, problems: Problems) -> ProtoSchema:
        """The file `name` (`proto/...`) and the message in it. `place` is where the contract names both. Raises `Refused`."""
        text = read_text(self._folder, name, problems, place=place)
        if name not in self._compiled:
            self._compiled[name] = run_protoc(self._folder, [name], place, problems)
        descriptors = self._compiled[name]
        index, known = message_index(descriptors, message)
        if index is None:
            hint = did_you_mean(message, known) or (f"it declares {', '.join(known)}" if known else "it declares none")
            problems.refuse(f'{name} has no message "{shown(message)}"; {hint}', place)
        return ProtoSchema(text=text, descriptors=descriptors, message_index=index)


def message_index(descriptors: bytes, message: str) -> tuple[tuple[int, ...] | None, list[str]]:
    """The path of a message in the last file of a set, and the full names of all messages there. Map entries are none."""
    from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, FileDescriptorProto

    file = FileDescriptorProto.from_binary(descriptor_files(descriptors)[-1].bare)

    def walk(
        messages: list[DescriptorProto], prefix: str, path: tuple[int, ...]
    ) -> Iterator[tuple[str, tuple[int, ...]]]:
        for step, inner in enumerate(messages):
            if inner.options is not None and inner.options.map_entry:
                continue
            name = f"{prefix}.{inner.name}" if prefix else inner.name
            yield name, (*path, step)
            yield from walk(list(inner.nested_type), name, (*path, step))

    found = dict(walk(list(file.message_type), file.package, ()))
    return found.get(message), list(found)
