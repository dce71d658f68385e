"""Example values: what a place's rules allow, the smallest that is still telling. Called by the compiler, for docs only."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import InvalidOperation

from tidegate.contracts.avro.keywords import Rule
from tidegate.contracts.formats import EXAMPLES

__all__ = ["LONGEST_EXAMPLE", "NO_EXAMPLE", "NoExample", "given_examples", "numbers_for", "texts_for"]


LONGEST_EXAMPLE = 65_536
"""Characters or bytes of a text that is made up: a schema may ask for gigabytes."""


class NoExample:
    """The type of `NO_EXAMPLE`: no valid value was found (null is a value)."""

    __slots__ = ()


NO_EXAMPLE = NoExample()


def given_examples(attributes: Mapping[str, object]) -> list[object]:
    """What the schema itself offers: its attribute `example`, or those of `examples`."""
    many = attributes.get("examples")
    one = [attributes["example"]] if "example" in attributes else []
    return one + (list(many) if isinstance(many, list) else [])


def numbers_for(rules: Iterable[Rule], whole: int) -> list[object]:
    """Integers worth trying for numeric rules; `whole` where nothing is asked."""
    given = {rule.keyword: rule.number() for rule in rules if rule.keyword not in ("pattern", "format")}
    step = given.get("multipleOf", 1)
    tries: list[object] = [whole, 1, 0]
    for bound in (given.get("minimum"), given.get("exclusiveMinimum")):
        if bound is not None:
            tries.append(_plain(bound))
            with suppress(InvalidOperation):  # more digits than Decimal divides
                first = -(-bound // step) * step
                tries += [_plain(first), _plain(first + step)]
    for bound in (given.get("maximum"), given.get("exclusiveMaximum")):
        if bound is not None:
            tries.append(_plain(bound))
            with suppress(InvalidOperation):
                last = bound // step * step
                tries += [_plain(last), _plain(last - step)]
    low, high = (
        given.get(k, given.get(e)) for k, e in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
    )
    if low is not None and high is not None:
        tries.append(_plain((low + high) / 2))
    return tries


def _plain(number: object) -> object:
    return number if isinstance(number, int) else float(str(number))


def texts_for(rules: Iterable[Rule], name: str) -> list[object]:
    """Strings worth trying for text rules; `name` where nothing is asked."""
    given = {rule.keyword: rule for rule in rules}
    low = given["minLength"].size() if "minLength" in given else 0
    high = given["maxLength"].size() if "maxLength" in given else max(low, len(name))
    if low > LONGEST_EXAMPLE:
        return []
    tries: list[object] = []
    if "format" in given:
        tries.append(EXAMPLES.get(given["format"].text(), ""))
    if "pattern" in given:
        for repeats in (0, 1, 2, low, high):
            tries += [_from_pattern(given["pattern"].text(), min(repeats, 1000))]
    text = name[:high]
    tries += [text.ljust(low, "x"), text, "x" * low]
    return tries


_groups = re.compile(r"\(\?(?:[a-zA-Z]+\)|[a-zA-Z]*:|P?<\w+>)")


def _from_pattern(pattern: str, repeats: int) -> str:
    """A text that a pattern might match: each repetition as often as `repeats` where it may. Tried, never trusted."""
    atoms = re.compile(r"\\d|\\w|\\s|\\.|\[(?:\\.|[^\]\\])*\]|\.|[()|^$]|\{(\d+)(,?)(\d*)\}|[*+?]|[^\\]", re.DOTALL)
    out: list[str] = []
    skip = 0
    for match in atoms.finditer(_groups.sub(lambda group: "" if group[0].endswith(")") else "(", pattern)):
        atom = match[0]
        if skip:
            skip += (atom == "(") - (atom == ")")
        elif atom == "|":
            skip = 1
        elif match[1] and out:
            high = int(match[3]) if match[3] else (10**6 if match[2] else int(match[1]))
            out.append(out.pop()[:1] * max(int(match[1]), min(repeats, high)))
        elif atom in "*+?" and out:
            many = min(repeats, 1) if atom == "?" else max(repeats, int(atom == "+"))
            out.append(out.pop()[:1] * many)
        elif atom not in "()^$":
            out.append(_one_of(atom))
    return "".join(out)


def _one_of(atom: str) -> str:
    if atom in ("\\d", "\\w", "."):
        return "1"
    if atom == "\\s":
        return " "
    if atom.startswith("["):
        try:
            one = re.compile(atom)
        except re.error:
            return "a"
        return next((c for c in "Aa1-_ .:/@" + "".join(map(chr, range(33, 127))) if one.fullmatch(c)), "a")
    return atom[-1]
