"""Rules compared: does a place's new set of keywords refuse what its old one took? Pure; called by `avro_producers`.

Exact for everything that counts or bounds. Patterns are compared by texts that the old one takes; where none tells, it is said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tidegate.contracts.avro.examples import texts_for
from tidegate.contracts.avro.keywords import Rule
from tidegate.contracts.patterns import matcher
from tidegate.contracts.rules import KEYWORDS

__all__ = ["Narrowed", "keywords_in", "narrowed"]

_LEAST = ("minLength", "minItems")
_MOST = ("maxLength", "maxItems")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A keyword that refuses more than before. `rule` is the finding's, `said` goes on after the field's name."""

    keyword: str
    rule: str
    said: str


def keywords_in(attributes: Mapping[str, object]) -> dict[str, object]:
    """The rule keywords among a schema's attributes."""
    return {name: value for name, value in attributes.items() if name in KEYWORDS}


def narrowed(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Narrowed]:
    """Each keyword of `new` that refuses a value which `old` took."""
    yield from _bound(old, new, "minimum", "exclusiveMinimum", 1)
    yield from _bound(old, new, "maximum", "exclusiveMaximum", -1)
    for names, sign in ((_LEAST, 1), (_MOST, -1)):
        for name in names:
            yield from _limit(old, new, name, sign)
    yield from _multiple(old, new)
    if new.get("uniqueItems") is True and old.get("uniqueItems") is not True:
        yield Narrowed("uniqueItems", "producer/rule-added", "must now have unique items")
    if "format" in new and new["format"] != old.get("format"):
        yield _changed("format", old, new)
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield _pattern(old, new)


def _number(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Fraction(str(value))


def _changed(name: str, old: Mapping[str, object], new: Mapping[str, object]) -> Narrowed:
    if name not in old:
        return Narrowed(name, "producer/rule-added", f"has a new rule, {name} {new[name]}")
    return Narrowed(name, "producer/rule-tightened", f"has {name} {new[name]}, and had {old[name]}")


def _limit(old: Mapping[str, object], new: Mapping[str, object], name: str, sign: int) -> Iterator[Narrowed]:
    before, after = _number(old.get(name)), _number(new.get(name))
    if after is not None and (before is None or after * sign > before * sign) and (name not in _LEAST or after > 0):
        yield _changed(name, old, new)


def _bound(
    old: Mapping[str, object], new: Mapping[str, object], closed: str, opened: str, sign: int
) -> Iterator[Narrowed]:
    """`closed` and `opened` bound the same side: the stricter of both counts, an open one more than a closed one."""

    def strictest(keywords: Mapping[str, object]) -> tuple[Fraction, int, str] | None:
        bounds = [(_number(keywords.get(name)), int(name == opened), name) for name in (closed, opened)]
        return max(((n * sign, o, name) for n, o, name in bounds if n is not None), default=None)

    before, after = strictest(old), strictest(new)
    if after is not None and (before is None or after[:2] > before[:2]):
        name = after[2]
        if before is None:
            yield Narrowed(name, "producer/rule-added", f"has a new rule, {name} {new[name]}")
        else:
            yield Narrowed(
                name, "producer/rule-tightened", f"has {name} {new[name]}, and had {before[2]} {old[before[2]]}"
            )


def _multiple(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[Narrowed]:
    before, after = _number(old.get("multipleOf")), _number(new.get("multipleOf"))
    if after and (before is None or (before / after).denominator != 1):
        yield _changed("multipleOf", old, new)


def _pattern(old: Mapping[str, object], new: Mapping[str, object]) -> Narrowed:
    if "pattern" not in old:
        return _changed("pattern", old, new)
    witness = _witness(old, new)
    if witness is None:
        said = f"has the pattern {new['pattern']}, and had {old['pattern']}: whether it takes less was not found out"
        return Narrowed("pattern", "producer/rule-changed", said)
    said = f'has the pattern {new["pattern"]}, which refuses "{witness}"; {old["pattern"]} took it'
    return Narrowed("pattern", "producer/rule-tightened", said)


def _witness(old: Mapping[str, object], new: Mapping[str, object]) -> str | None:
    """A text that the old pattern takes and the new one refuses, of those that are easily made up."""
    try:
        before, after = matcher(str(old["pattern"])), matcher(str(new["pattern"]))
    except ValueError:
        return None
    rules = [Rule(name, value, "") for name, value in old.items() if name in ("pattern", "minLength", "maxLength")]
    tries = [
        *texts_for(rules, "text"),
        *texts_for([Rule("pattern", old["pattern"], "")], "text"),
        "",
        "a",
        "A",
        "0",
        "-",
    ]
    for text in tries:
        if isinstance(text, str) and before(text.encode()) and not after(text.encode()):
            return text[:40]
    return None
