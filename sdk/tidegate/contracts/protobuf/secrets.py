"""What of an event is never shown: the values of sensitive fields, and the names that a sender chose inside of them.

Used by `answers`, `judgement` and `fields`. What is sensitive is said by the contract file (paths) and the schema (`debug_redact`).
"""

from collections.abc import Sequence
from typing import Final

from protobuf import DescFieldValueMap

from tidegate.contracts.protobuf.structure import MessageCheck
from tidegate.contracts.wording import pointer

__all__ = ["Secrets", "is_below"]

_ANY_KEY: Final = "*"


def is_below(anchor: str, sensitive: frozenset[str]) -> bool:
    """Whether the field at `anchor`, or one that it lies in, is sensitive."""
    if not sensitive:
        return False
    while anchor:
        if anchor in sensitive:
            return True
        anchor = anchor.rpartition(".")[0]
    return False


class Secrets:
    """The sensitive fields of one contract version. `some` says whether there are any."""

    __slots__ = ("_root", "_sensitive", "some")

    def __init__(self, root: MessageCheck, sensitive: frozenset[str], *, some: bool) -> None:
        self._root = root
        self._sensitive = sensitive
        self.some = some

    def cover(self, anchor: str) -> bool:
        """Whether the contract file calls the field at `anchor`, or one around it, sensitive."""
        return is_below(anchor, self._sensitive)

    def pointer(self, path: Sequence[str | int]) -> str:
        """The pointer of a path, `*` for each map key and unknown name inside a sensitive field."""
        return pointer(self._shown(path) if self.some else path)

    def _shown(self, path: Sequence[str | int]) -> list[str | int]:
        shown: list[str | int] = []
        message: MessageCheck | None = self._root
        anchor, secret, at_key = "", False, False
        for step in path:
            field = message.by_name.get(step) if message is not None and isinstance(step, str) and not at_key else None
            if field is not None:
                anchor = f"{anchor}.{field.anchor}" if anchor else field.anchor
                secret = secret or field.secret or self.cover(anchor)
                message, at_key = field.inner, isinstance(field.desc.value, DescFieldValueMap)
                shown.append(step)
            else:
                shown.append(_ANY_KEY if secret and isinstance(step, str) else step)
                at_key = False
        return shown
