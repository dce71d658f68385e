"""protoc on files below proto/: a serialised FileDescriptorSet, or its complaints at their places. Called by `proto_files` and `services`.

protoc runs as a process of its own: in process it writes its messages to the real stderr, where nobody can read them.
`buf/validate/validate.proto` comes out of the installed protovalidate package, the well-known types out of grpcio-tools, and
tidegate's own out of this package, so that a folder need hold none of them.
"""

import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tidegate.contracts.fingerprint import DescriptorFile, descriptor_files, is_bundled
from tidegate.contracts.wording import shown
from tidegate.repository.broken import Place, Problems, Refused

__all__ = ["OPTIONS_PROTO", "Bounds", "joined_files", "run_protoc"]

OPTIONS_PROTO = "tidegate/options/v1/options.proto"
"""What a contract's own service imports."""

_SHIPPED = (OPTIONS_PROTO, "tidegate/ingest/v1/ingest.proto")
"""What this package brings: options, and the EventReceipt that a method may answer."""

_TIMEOUT_S = 60
_MAX_MESSAGES_BYTES = 65_536
_error_line = re.compile(r"(?P<file>[^:\n]+\.proto):(?:(?P<line>\d+):(?P<column>\d+):)? *(?P<detail>.+)").fullmatch
_MISSING = "needs the extras tidegate[cli,protobuf]"
_BOUNDED = """
import resource, runpy, signal, sys
processor_s, memory_bytes, written_bytes = map(int, sys.argv[1:4])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
for bound, most in (("CPU", processor_s), ("AS", memory_bytes), ("FSIZE", written_bytes), ("CORE", 0)):
    resource.setrlimit(getattr(resource, f"RLIMIT_{bound}"), (most, most))
del sys.argv[1:4]
runpy.run_module("grpc_tools.protoc", run_name="__main__", alter_sys=True)
"""
"""protoc under the system's bounds: a short text can make it complain, or compute, for hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What protoc may take for the text of a stranger: seconds of the processor and of the clock, memory, bytes of a file it writes."""

    processor_s: int
    time_s: float
    memory_bytes: int
    written_bytes: int


def run_protoc(
    folder: Path, names: Sequence[str], place: Place, problems: Problems, bounds: Bounds | None = None
) -> bytes:
    """The files `names` (`proto/...`) and all their imports as a serialised FileDescriptorSet, imports first.

    Source info (comments, places) is kept for the project's own files only. `place` is who asks, for what has no place of
    its own. `bounds` hold for a text that is not the project's own. Raises `Refused`, every complaint noted.
    """
    try:
        validate = _validate_descriptors()
    except ImportError as error:
        problems.refuse(f"a Protobuf contract {_MISSING} ({error.name} is not installed)", place)
    with tempfile.TemporaryDirectory(prefix="tidegate-protoc-") as scratch:
        given, made, include = Path(scratch, "validate.binpb"), Path(scratch, "made.binpb"), Path(scratch, "include")
        given.write_bytes(validate)
        for name in _SHIPPED:
            package, _, file = name.rpartition("/")
            (include / package).mkdir(parents=True)
            (include / name).write_bytes(files(package.replace("/", ".")).joinpath(file).read_bytes())
        arguments = [
            f"--descriptor_set_in={given}",
            f"-I{folder / 'proto'}",
            f"-I{include}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={made}",
            *(name.removeprefix("proto/") for name in names),
        ]
        code, messages = _run(arguments, Path(scratch, "messages"), place, problems, bounds)
        if code != 0 or not made.is_file():
            if code < 0 and bounds is not None:
                problems.refuse("protoc needs more time or memory for it than it may take", place)
            _note_errors(messages.replace(f"{folder / 'proto'}/", ""), place, problems)
            raise Refused(names[0])
        return joined_files(descriptor_files(made.read_bytes()))


def _run(
    arguments: Sequence[str], messages: Path, place: Place, problems: Problems, bounds: Bounds | None
) -> tuple[int, str]:
    """protoc's exit code (below 0: the signal that ended it), and the beginning of what it said, which goes to a file."""
    command = [sys.executable, "-P", "-m", "grpc_tools.protoc"]
    time_s: float = _TIMEOUT_S
    if bounds is not None:
        numbers = (bounds.processor_s, bounds.memory_bytes, bounds.written_bytes)
        command = [sys.executable, "-P", "-c", _BOUNDED, *map(str, numbers)]
        time_s = bounds.time_s
    try:
        with messages.open("wb") as said:
            done = subprocess.run(  # noqa: S603 -- this interpreter, and arguments that are no shell's
                [*command, *arguments],
                stdout=said,
                stderr=said,
                timeout=time_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
    except OSError as error:
        problems.refuse(f"protoc could not run: {error}", place)
    except subprocess.TimeoutExpired:
        problems.refuse(f"protoc was not done after {time_s:g} s", place)
    with messages.open("rb") as said:
        return done.returncode, said.read(_MAX_MESSAGES_BYTES).decode(errors="replace")


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


def joined_files(files: Iterable[DescriptorFile]) -> bytes:
    """Files as a serialised FileDescriptorSet; source info is kept for the project's own only."""
    out = bytearray()
    for file in files:
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
