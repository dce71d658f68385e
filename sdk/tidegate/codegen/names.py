"""Names of Python for names of schemas: PEP 8, no keyword, no name that the text itself uses. Called by the shapes' makers and by `writing`. Pure.

The same schema gives the same names in every run. A name that two would share goes to the one that is called so, else
to the first in document order; the next gets a number.
"""

import builtins
import keyword
import re
from collections.abc import Callable, Iterable
from typing import Final

__all__ = ["attributes", "class_names", "module_name", "quoted", "snake", "symbol_names"]

_TAKEN_BY_STYLES: Final = frozenset(
    # pydantic's BaseModel, msgspec's and the standard library's own: a member of that name would hide them
    {
        "copy",
        "json",
        "schema",
        "schema_json",
        "validate",
        "construct",
        "parse_obj",
        "parse_raw",
        "parse_file",
        "from_orm",
        "update_forward_refs",
    }
)
_TYPES: Final = frozenset(
    # what the text itself says, and what methods call their first argument
    {
        "dt",
        "typing",
        "str",
        "int",
        "float",
        "bool",
        "bytes",
        "list",
        "dict",
        "object",
        "tuple",
        "set",
        "type",
        "property",
        "self",
        "cls",
    }
)
_CONSTANTS: Final = frozenset({"TOPIC", "VERSION"})
_ENUM_OWN: Final = frozenset({"mro", "name", "value"})
_word = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]+")


def snake(name: str) -> str:
    """`placedAt`, `PlacedAt` and `placed-at` as `placed_at`; never empty, never a keyword."""
    words = [found.lower() for part in re.split(r"[^A-Za-z0-9]+", name) for found in _parts(part)]
    text = "_".join(words) or "field"
    if text[0].isdigit():
        text = f"field_{text}"
    return f"{text}_" if _reserved(text) else text


def _parts(text: str) -> list[str]:
    """Digits stay with the word before them: `line2` is one."""
    found: list[str] = []
    for match in _word.finditer(text):
        if found and match.group().isdigit():
            found[-1] += match.group()
        else:
            found.append(match.group())
    return found


def _reserved(text: str) -> bool:
    return keyword.iskeyword(text) or text in _TYPES or text in _TAKEN_BY_STYLES or text.startswith("model_")


def attributes(names: Iterable[str]) -> dict[str, str]:
    """The attribute of each field of one class, by the field's name."""
    return _unique(names, snake)


def class_names(full_names: Iterable[str]) -> dict[str, str]:
    """The class of each type of one module, by its full name."""
    return _unique(full_names, _class_name)


def _class_name(full_name: str) -> str:
    words = [part for part in re.split(r"[^A-Za-z0-9]+", full_name.rpartition(".")[2]) if part]
    text = "".join(word[0].upper() + word[1:] for word in words) or "Model"
    if text[0].isdigit():
        text = f"Model{text}"
    taken = hasattr(builtins, text) or keyword.iskeyword(text) or text in _CONSTANTS
    return f"{text}Model" if taken else text


def symbol_names(symbols: Iterable[str]) -> dict[str, str]:
    """The member of each symbol of one enum. Symbols are kept as they are wherever Python takes them."""
    return _unique(symbols, _symbol)


def _symbol(symbol: str) -> str:
    if symbol.startswith("_"):
        return f"V{symbol}" if symbol.strip("_") else f"V{len(symbol)}"
    return f"{symbol}_" if keyword.iskeyword(symbol) or symbol in _ENUM_OWN else symbol


def module_name(topic: str) -> str:
    """A topic's module: `customer.order-status` is `customer_order_status`."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", topic).strip("_").lower() or "topic"
    if text[0].isdigit():
        text = f"topic_{text}"
    return f"{text}_" if keyword.iskeyword(text) else text


def quoted(text: str) -> str:
    """A string literal in double quotes."""
    inner = repr("'" + text)[2:-1]  # a single quote inside makes repr choose double quotes, where it can
    return f'"{inner}"' if repr("'" + text).startswith('"') else repr(text)


def _unique(names: Iterable[str], made: Callable[[str], str]) -> dict[str, str]:
    """A name that needs no change keeps it: were it another one's, an alias would mean two members."""
    wanted = {name: made(name) for name in names}
    taken = {name for name, text in wanted.items() if name == text}
    found: dict[str, str] = {}
    for name, first in wanted.items():
        text, number = first, 2
        while text in taken and name != text:
            text, number = f"{first.rstrip('_')}_{number}", number + 1
        found[name] = text
        taken.add(text)
    return found
