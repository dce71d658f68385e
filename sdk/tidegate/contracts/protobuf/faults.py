"""What the walk over a decoded event found wrong, before it is said to anybody. Made by `structure` and its checks.

A fault's place is put together from the inside out, while the walk returns: a good event pays nothing for it. Texts that
cost (pointers, "did you mean") are made by `violation`, for the few faults that are listed.
"""

from collections.abc import Iterable

from tidegate.contracts.verdict import MAX_VIOLATIONS, Violation
from tidegate.contracts.wording import did_you_mean, found

__all__ = ["Fault", "Report"]

_NO_VALUE = object()


class Fault:
    """One thing that is wrong: `path` and `anchor` are innermost first until the walk has returned."""

    __slots__ = ("anchor", "at", "detail", "expected", "hint", "known", "path", "rule", "secret", "value")

    def __init__(
        self, rule: str, detail: str, expected: str, value: object, known: Iterable[str], hint: str, at: int | None
    ) -> None:
        self.rule = rule
        self.detail = detail
        self.expected = expected
        self.value = value
        self.known = known
        self.hint = hint
        self.at = at
        self.path: list[str | int] = []
        self.anchor: list[str] = []
        self.secret = False

    @property
    def docs(self) -> str:
        """The anchor of the place, once the walk has returned."""
        return ".".join(reversed(self.anchor))

    def violation(self, at: str, *, secret: bool) -> Violation:
        """The fault for people. `at` is its pointer; `secret`: nothing of the value is shown."""
        hint = self.hint
        if not hint and self.known and not secret:
            name = self.path[0] if self.rule == "unknown_field" else self.value
            hint = did_you_mean(name, self.known) if isinstance(name, str) else ""
        return Violation(
            pointer=at,
            rule=self.rule,
            detail=self.detail,
            expected=self.expected,
            found="" if self.value is _NO_VALUE else found(self.value, sensitive=secret),
            hint=hint,
            docs=self.docs,
            byte_offset=self.at,
        )


class Report:
    """The faults of one event: the first `MAX_VIOLATIONS` in document order, and the count of all.

    `keys` counts the members of all objects that the walk saw: of all objects there are, where it found no fault.
    `dropped` counts the unknown fields left out, `values` the items and entries of a binary event.
    """

    __slots__ = ("count", "dropped", "faults", "keys", "values")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.count = 0
        self.dropped = 0
        self.keys = 0
        self.values = 0

    def add(
        self,
        rule: str,
        detail: str,
        expected: str = "",
        value: object = _NO_VALUE,
        *,
        known: Iterable[str] = (),
        hint: str = "",
        at: int | None = None,
    ) -> bool:
        """Notes a fault at the place that the walk is at. Always True: the answer of a check that found something.

        `at` is the byte of a binary event.
        """
        self.count += 1
        if len(self.faults) < MAX_VIOLATIONS:
            self.faults.append(Fault(rule, detail, expected, value, known, hint, at))
        return True

    def step(self, mark: int, name: str | int, anchor: str = "", *, secret: bool = False, at: int | None = None) -> int:
        """Puts `name` before the path of every fault since `mark`, and `anchor`; answers the next mark.

        Faults that know no byte of their own get `at`.
        """
        for fault in self.faults[mark:]:
            fault.path.append(name)
            if fault.at is None:
                fault.at = at
            if anchor:
                fault.anchor.append(anchor)
            if secret:
                fault.secret = True
        return len(self.faults)

    def locate(self, mark: int, at: int | None) -> int:
        """As `step` for what has no name in JSON: only the byte is noted."""
        for fault in self.faults[mark:]:
            if fault.at is None:
                fault.at = at
        return len(self.faults)
