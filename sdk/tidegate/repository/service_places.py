"""Where in its .proto file a service, a method or a field stands, and the comment above it.

Called by `service_rules` and `service_replies`, and by `tidegate check` for what changed.

Paths are those of google.protobuf.SourceCodeInfo: field numbers of descriptor.proto, and indexes.
"""

from typing import TYPE_CHECKING

from tidegate.repository.broken import Place

if TYPE_CHECKING:
    from protobuf import DescFile, DescMessage

__all__ = ["INPUT", "OPTIONS", "OUTPUT", "PUBLISH_NUMBER", "STREAMS_OUT", "Declared", "message_declared"]

INPUT, OUTPUT, OPTIONS, STREAMS_OUT = 2, 3, 4, 6
"""Of a method (MethodDescriptorProto): its request, its response, its options, whether the response is a stream."""

PUBLISH_NUMBER = 51730
"""Of `tidegate.options.v1.publish` among a method's options."""

_MESSAGE, _NESTED = 4, 3  # FileDescriptorProto.message_type, DescriptorProto.nested_type

Path = tuple[int, ...]


class Declared:
    """One declaration of a file, by its source path."""

    __slots__ = ("_comments", "_file", "_path", "_spans")

    def __init__(self, file: "DescFile") -> None:
        """The file itself."""
        self._file = f"proto/{file.name}"
        self._path: Path = ()
        self._spans: dict[Path, tuple[int, int]] = {}
        self._comments: dict[Path, str] = {}
        info = file.proto.source_code_info
        for location in info.location if info is not None else ():
            path = tuple(location.path)
            self._spans.setdefault(path, (location.span[0] + 1, location.span[1] + 1))
            parts = [location.leading_comments, location.trailing_comments]
            lines = [line.strip() for part in parts if part for line in part.strip().splitlines()]
            self._comments[path] = "\n".join(line for line in lines if not line.startswith("buf:lint:")).strip()

    def below(self, *steps: int) -> "Declared":
        """A part of this declaration."""
        part = object.__new__(Declared)
        part._file, part._spans, part._comments = self._file, self._spans, self._comments
        part._path = (*self._path, *steps)
        return part

    def place(self, *steps: int) -> Place:
        """The place of a part of this declaration, or of the nearest thing around it that has one."""
        path = (*self._path, *steps)
        while path and path not in self._spans:
            path = path[:-1]
        line, column = self._spans.get(path, (1, 1)) if path else (1, 1)
        return Place(file=self._file, line=line, column=column)

    def comment(self) -> str:
        """The comment of this declaration, leading before trailing; empty where there is none."""
        return self._comments.get(self._path, "")


def message_declared(message: "DescMessage") -> Declared:
    """Where a message stands in its file."""
    if message.parent is not None:
        siblings = [one.name for one in message.parent.proto.nested_type]
        return message_declared(message.parent).below(_NESTED, siblings.index(message.name))
    names = [one.name for one in message.file.proto.message_type]
    return Declared(message.file).below(_MESSAGE, names.index(message.name))
