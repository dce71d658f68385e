"""The rule keywords of a place (contracts.md, "Rules"): read, judged for fit when a contract loads, made into checks.

Called by the compiler and the scalar writers' factories. A check is a predicate with the words for its failure.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, TypeVar

from tidegate.contracts.avro.faults import Answer, Explain, Fault, Faults, Place
from tidegate.contracts.codec import ContractError
from tidegate.contracts.formats import FORMATS
from tidegate.contracts.patterns import Matcher, matcher
from tidegate.contracts.rules import KEYWORDS
from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import did_you_mean

__all__ = [
    "ITEMS",
    "LENGTHS",
    "NUMBERS",
    "TEXT",
    "Check",
    "Number",
    "Rule",
    "bounds_text",
    "integer_range",
    "judge",
    "length_checks",
    "number_checks",
    "rules_in",
    "size_range",
    "text_checks",
]

Number: TypeAlias = int | float | Decimal
T = TypeVar("T")
Check: TypeAlias = tuple[Callable[[T], bool], Explain]

NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
LENGTHS = frozenset({"minLength", "maxLength"})
TEXT = LENGTHS | {"pattern", "format"}
ITEMS = frozenset({"minItems", "maxItems", "uniqueItems"})


class Rule:
    """One keyword with its value; `pointer` is its place in the schema."""

    __slots__ = ("keyword", "pointer", "value")

    def __init__(self, keyword: str, value: object, pointer: str) -> None:
        self.keyword = keyword
        self.value = value
        self.pointer = pointer

    def number(self) -> int | Decimal:
        """The value of a numeric keyword. Raises `ContractError`."""
        value = Decimal(repr(self.value)) if isinstance(self.value, float) else self.value
        if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
            return value
        raise ContractError(f"{self.keyword} must be a number", pointer=self.pointer)

    def size(self) -> int:
        """The value of a keyword that counts. Raises `ContractError`."""
        if type(self.value) is int and self.value >= 0:
            return self.value
        raise ContractError(f"{self.keyword} must be an integer, 0 or more", pointer=self.pointer)

    def text(self) -> str:
        """The value of `pattern` or `format`. Raises `ContractError`."""
        if isinstance(self.value, str):
            return self.value
        raise ContractError(f"{self.keyword} must be a string", pointer=self.pointer)


def rules_in(attributes: Mapping[str, object], pointer: str) -> tuple[Rule, ...]:
    """The keywords among a JSON object's members."""
    return tuple(Rule(name, value, f"{pointer}/{name}") for name, value in attributes.items() if name in KEYWORDS)


def judge(checks: Iterable[Check[T]], judged: T, value: object) -> Answer:
    """What `judged`, the meaning of the JSON value `value`, breaks of the rules; None: nothing."""
    broken = [Fault(explain, value, fits=True) for holds, explain in checks if not holds(judged)]
    if not broken:
        return None
    if len(broken) == 1:
        return broken[0]
    faults = Faults()
    faults.listed += broken
    return faults


def integer_range(rules: Iterable[Rule], low: int, high: int) -> tuple[int, int]:
    """The integers in low..high that the bounds leave, as a closed range."""
    for rule in rules:
        match rule.keyword:
            case "minimum":
                low = max(low, math.ceil(rule.number()))
            case "exclusiveMinimum":
                low = max(low, math.floor(rule.number()) + 1)
            case "maximum":
                high = min(high, math.floor(rule.number()))
            case "exclusiveMaximum":
                high = min(high, math.ceil(rule.number()) - 1)
    return low, high


_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "minimum": ("at least {} is allowed", "is under the minimum of {}", "at least {}"),
    "maximum": ("at most {} is allowed", "is over the maximum of {}", "at most {}"),
    "exclusiveMinimum": ("only more than {} is allowed", "is not more than {}", "more than {}"),
    "exclusiveMaximum": ("only less than {} is allowed", "is not less than {}", "less than {}"),
    "multipleOf": ("only multiples of {} are allowed", "is no multiple of {}", "a multiple of {}"),
}


def number_checks(
    rules: Iterable[Rule], place: Place, of: Callable[[Number], Number] = lambda n: n
) -> list[Check[Number]]:
    """Checks of the numeric keywords. `of` makes a bound comparable with the values that are checked."""
    checks: list[Check[Number]] = []
    for rule in rules:
        bound = rule.number()
        if rule.keyword == "multipleOf" and bound <= 0:
            raise ContractError("multipleOf must be more than 0", pointer=rule.pointer)
        try:
            comparable = of(bound)
        except OverflowError:
            raise ContractError(f"{rule.keyword} is out of the type's range", pointer=rule.pointer) from None
        checks.append((_predicate(rule.keyword, bound, comparable), _bound_words(rule.keyword, bound, place)))
    return checks


def _predicate(keyword: str, exact: int | Decimal, bound: Number) -> Callable[[Number], bool]:
    match keyword:
        case "minimum":
            return lambda n: n >= bound
        case "maximum":
            return lambda n: n <= bound
        case "exclusiveMinimum":
            return lambda n: n > bound
        case "exclusiveMaximum":
            return lambda n: n < bound
        case _:
            step = Fraction(exact)
            return lambda n: (Fraction(repr(n) if isinstance(n, float) else n) / step).denominator == 1


def _bound_words(keyword: str, bound: int | Decimal, place: Place) -> Explain:
    said, hidden, _ = (text.format(bound) for text in _BOUNDS[keyword])

    def explain(value: object, pointer: str) -> Violation:
        shows = isinstance(value, (int, float, Decimal)) and not place.sensitive and len(str(value)) <= _SHOWN
        return place.violation(pointer, keyword, f"is {value}, {said}" if shows else hidden, value)

    return explain


_SHOWN = 40


def length_checks(rules: Iterable[Rule], place: Place, unit: str, length: Callable[[object], int]) -> list[Check[int]]:
    """Checks of the keywords that count; `unit` is `character`, `byte` or `item`; `length` counts a faulty value's."""
    checks: list[Check[int]] = []
    for rule in rules:
        least, size = rule.keyword.startswith("min"), rule.size()
        words = _length_words(rule.keyword, size, "at least" if least else "at most", place, unit, length)
        checks.append((_at_least(size) if least else _at_most(size), words))
    return checks


def size_range(rules: Iterable[Rule]) -> tuple[int, int]:
    """The lengths or counts that the bounds leave, as a closed range."""
    low, high = 0, 1 << 62
    for rule in rules:
        if rule.keyword.startswith("min"):
            low = max(low, rule.size())
        else:
            high = min(high, rule.size())
    return low, high


def _at_least(size: int) -> Callable[[int], bool]:
    return lambda count: count >= size


def _at_most(size: int) -> Callable[[int], bool]:
    return lambda count: count <= size


def _length_words(
    keyword: str, size: int, bound: str, place: Place, unit: str, length: Callable[[object], int]
) -> Explain:
    word = "needed" if bound == "at least" else "allowed"
    wanted = f"{bound} {size} {'is' if size == 1 else 'are'} {word}"

    def explain(value: object, pointer: str) -> Violation:
        if place.sensitive:
            detail = f"has {'fewer' if bound == 'at least' else 'more'} than {size} {unit}{'' if size == 1 else 's'}"
        else:
            count = length(value)
            detail = f"has {count} {unit}{'' if count == 1 else 's'}, {wanted}"
        return place.violation(pointer, keyword, detail, value)

    return explain


def text_checks(rules: Iterable[Rule], place: Place) -> list[Check[str]]:
    """Checks of `pattern` and `format`. Raises `ContractError` for a pattern or format that is none."""
    checks: list[Check[str]] = []
    for rule in rules:
        text = rule.text()
        if rule.keyword == "pattern":
            try:
                occurs = matcher(text)
            except ValueError as error:
                raise ContractError(f"the pattern is not valid: {error}", pointer=rule.pointer) from None
            checks.append((_found_in(occurs), _says("pattern", f"does not match the pattern {text}", place)))
        elif text in FORMATS:
            checks.append((FORMATS[text], _says("format", f"is not of the format {text}", place)))
        else:
            hint = did_you_mean(text, FORMATS)
            raise ContractError(
                f'unknown format "{text}", known are {", ".join(FORMATS)}{"; " + hint if hint else ""}',
                pointer=rule.pointer,
            )
    return checks


def _found_in(occurs: Matcher) -> Callable[[str], bool]:
    return lambda text: occurs(text.encode())


def _says(keyword: str, detail: str, place: Place) -> Explain:
    return lambda value, pointer: place.violation(pointer, keyword, detail, value)


def bounds_text(rules: Iterable[Rule], unit: str = "") -> str:
    """The rules as they go on after a type's name: `, 1 to 10`, `, at most 40 characters, matching ^a`."""
    given = {rule.keyword: rule for rule in rules}
    parts: list[str] = []
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        of = f" {unit}" if unit and low != "minimum" else ""
        one = {rule.value for name, rule in given.items() if name in (low, high)} == {1}
        of = of.removesuffix("s") if one else of
        if low in given and high in given:
            parts.append(f"{given[low].value} to {given[high].value}{of}")
        elif low in given:
            parts.append(f"at least {given[low].value}{of}")
        elif high in given:
            parts.append(f"at most {given[high].value}{of}")
    parts += [
        _BOUNDS[keyword][2].format(given[keyword].value)
        for keyword in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        if keyword in given
    ]
    if "pattern" in given:
        parts.append(f"matching {given['pattern'].value}")
    if "format" in given:
        parts.append(f"format {given['format'].value}")
    if "uniqueItems" in given and given["uniqueItems"].value is True:
        parts.append("no two equal")
    return "".join(f", {part}" for part in parts)
