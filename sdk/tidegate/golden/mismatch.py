"""What a golden record's test finds, as values. Made by the readers and by `judging`, printed by `plugin`."""

from dataclasses import dataclass

__all__ = ["Difference", "Mismatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not read as it was written. `path` is empty for the whole record."""

    path: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Why a record fails. `changes` are the changes of the schema that caused it, in words, or all there are where none can be named."""

    record: str
    reader: str
    differences: tuple[Difference, ...]
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [f"{self.record}, read by {self.reader}:"]
        rows += [f"  {one.path or 'the record'}: {one.detail}" for one in self.differences]
        if self.changes:
            rows += ["what changed between the two versions:", *(f"  {change}" for change in self.changes)]
        return "\n".join(rows)
