"""A .proto text that a client sends, compiled. Called by the registry's lookups, through `app`.

protoc is a process of its own, bounded by the system in time, memory and what it writes: a text of 30 KB can make it complain
for a minute, half a gigabyte of it. One text is compiled at a time (`doors.registry.resolving`), and what was compiled lately is
kept: a fleet sends the same text over and over.
"""

import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from tidegate.contracts.fingerprint import descriptor_files
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.protoc import Bounds, run_protoc

__all__ = ["compile_proto_text"]

_KEPT = 64
_NAME = "schema.proto"
_BOUNDS = Bounds(processor_s=4, time_s=10.0, memory_bytes=2**30, written_bytes=2**24)


def compile_proto_text(text: str, imports: Mapping[str, str]) -> bytes:
    """The serialised FileDescriptorProto of `text`. `imports` are the files it may import, by path.

    Raises ValueError with protoc's first complaint.
    """
    return _compiled(text, tuple(sorted(imports.items())))


@lru_cache(maxsize=_KEPT)
def _compiled(text: str, imports: tuple[tuple[str, str], ...]) -> bytes:
    problems = Problems(_NAME)
    with tempfile.TemporaryDirectory(prefix="tidegate-lookup-") as folder:
        proto = Path(folder, "proto")
        proto.mkdir()
        for name, content in imports:
            if name.startswith("google/protobuf/") or not _inside(name):
                continue
            path = proto / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        own = proto / "tidegate-asked" / _NAME
        own.parent.mkdir()
        own.write_bytes(text.encode("utf-8", "replace"))
        try:
            made = run_protoc(Path(folder), [f"proto/tidegate-asked/{_NAME}"], Place(file=_NAME), problems, _BOUNDS)
        except Refused:
            raise ValueError(problems.rows[0].detail) from None
    return bytes(descriptor_files(made)[-1].bare)


def _inside(name: str) -> bool:
    """Whether an import's path stays below the folder."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
