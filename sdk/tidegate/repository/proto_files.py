"""The .proto files below proto/ as descriptors, through protoc. Called by `folder` for working copies; nothing released needs it.

protoc runs as a process of its own: in process it writes its messages to the real stderr, where nobody can read them.
`buf/validate/validate.proto` comes out of the installed protovalidate package, the well-known types out of grpcio-tools.
"""

import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.contracts.fingerprint import descriptor_files, is_bundled
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.files import read_text

__all__ = ["ProtoFiles", "ProtoSchema", "message_index"]

_TIMEOUT_S = 60
_error_line = re.compile(r"(?P<file>[^:\n]+\.proto):(?:(?P<line>\d+):(?P<column>\d+):)? *(?P<detail>.+)").fullmatch
_MISSING = "needs the extras tidegate[cli,protobuf]"


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
            self._compiled[name] = self._compile(name, place, problems)
        descriptors = self._compiled[name]
        index, known = message_index(descriptors, message)
        if index is None:
            hint = did_you_mean(message, known) or (f"it declares {', '.join(known)}" if known else "it declares none")
            problems.refuse(f'{name} has no message "{shown(message)}"; {hint}', place)
        return ProtoSchema(text=text, descriptors=descriptors, message_index=index)

    def _compile(self, name: str, place: Place, problems: Problems) -> bytes:
        try:
            validate = _validate_descriptors()
        except ImportError as error:
            problems.refuse(f"a Protobuf contract {_MISSING} ({error.name} is not installed)", place)
        with tempfile.TemporaryDirectory(prefix="tidegate-protoc-") as scratch:
            given, made = Path(scratch, "validate.binpb"), Path(scratch, "made.binpb")
            given.write_bytes(validate)
            arguments = [
                f"--descriptor_set_in={given}",
                f"-I{self._folder / 'proto'}",
                "--include_imports",
                "--include_source_info",
                f"--descriptor_set_out={made}",
                name.removeprefix("proto/"),
            ]
            try:
                done = subprocess.run(  # noqa: S603 -- this interpreter, and arguments that are no shell's
                    [sys.executable, "-P", "-m", "grpc_tools.protoc", *arguments],
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                    stdin=subprocess.DEVNULL,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                problems.refuse(f"protoc could not run: {error}", place)
            if done.returncode != 0 or not made.is_file():
                messages = done.stderr.decode(errors="replace").replace(f"{self._folder / 'proto'}/", "")
                _note_errors(messages, place, problems)
                raise Refused(name)
            return _without_bundled_source_info(made.read_bytes())


def _note_errors(messages: str, place: Place, problems: Problems) -> None:
    """protoc's own lines, `file:line:column: text`, as problems; warnings are left out."""
    for line in messages.splitlines():
        found = _error_line(line.strip())
        if found and found["detail"].startswith("warning:"):
            continue
        if found and found["line"]:
            where = Place(file=f"proto/{found['file']}", line=int(found["line"]), column=int(found["column"]))
            problems.note(found["detail"], where)
        elif found:
            problems.note(found["detail"], Place(file=f"proto/{found['file']}"))
        elif "No module named" in line:
            problems.note(f"a Protobuf contract {_MISSING} ({line.rpartition(': ')[2]})", place)
    if not problems:
        problems.note(f"protoc refused it: {shown(' '.join(messages.split()))}", place)


@functools.cache
def _validate_descriptors() -> bytes:
    """A FileDescriptorSet of buf/validate/validate.proto and its imports, out of the installed protovalidate package."""
    from protobuf import DescFile
    from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet
    from protovalidate import ViolationPb  # 150 ms, and only Protobuf working copies need it

    files: dict[str, DescFile] = {}

    def add(file: DescFile) -> None:
        if file.name not in files:
            for imported in file.dependencies:
                add(imported)
            files[file.name] = file

    add(ViolationPb.desc().file)
    return FileDescriptorSet(file=[file.proto for file in files.values()]).to_binary()


def _without_bundled_source_info(descriptors: bytes) -> bytes:
    out = bytearray()
    for file in descriptor_files(descriptors):
        content = file.bare if is_bundled(file.name) else file.whole
        out += b"\x0a" + _varint(len(content)) + content
    return bytes(out)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


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
