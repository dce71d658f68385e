"""The .proto files below proto/ as descriptors, through protoc. Called by `folder` for working copies; nothing released needs it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.contracts.fingerprint import DescriptorFile, descriptor_files
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.files import read_text
from tidegate.repository.protoc import joined_files, run_protoc

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

    def prepare(self, names: Iterable[str]) -> None:
        """Compiles several files with one protoc, which is most of what one costs. Where that fails, each is read by itself.

        What `read` then gives is the same: the file's own imports, in protoc's order.
        """
        missing = [
            name for name in dict.fromkeys(names) if name not in self._compiled and (self._folder / name).is_file()
        ]
        if len(missing) < 2:
            return
        try:
            made = run_protoc(self._folder, missing, Place(file=missing[0]), Problems(missing[0]))
        except Refused:
            return  # one of them is broken, or two define one name: whose fault it is shows when each is read
        files = {file.name: file for file in descriptor_files(made)}
        imports = _imports(files)
        for name in missing:
            self._compiled[name] = _set_of(name.removeprefix("proto/"), files, imports)

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


def _imports(files: Mapping[str, DescriptorFile]) -> dict[str, list[str]]:
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorProto

    return {name: list(FileDescriptorProto.from_binary(file.bare).dependency) for name, file in files.items()}


def _set_of(target: str, files: Mapping[str, DescriptorFile], imports: Mapping[str, list[str]]) -> bytes:
    """The FileDescriptorSet of one file: its imports first, depth first in the order in which they are named, as protoc does."""
    ordered: dict[str, None] = {}
    met: set[str] = set()
    todo = [(target, False)]
    while todo:
        name, left = todo.pop()
        if left:
            ordered[name] = None
        elif name not in met:
            met.add(name)
            todo.append((name, True))
            todo += [(inner, False) for inner in reversed(imports[name])]
    return joined_files(files[name] for name in ordered)


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
