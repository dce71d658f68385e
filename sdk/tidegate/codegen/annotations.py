"""Shapes and defaults as Python text. Called by `writing`. Modules that the text uses are imported with a leading underscore, or as `dt` and `typing`: no field is called so."""

from collections.abc import Mapping

from tidegate.codegen.names import quoted
from tidegate.codegen.shapes import NONE, Choice, DefaultValue, DictOf, ListOf, Reference, Scalar, Shape

__all__ = ["Names", "annotation", "is_fresh", "value_text"]

_TEXTS: Mapping[str, str] = {
    "Decimal": "_decimal.Decimal",
    "UUID": "_uuid.UUID",
    "date": "dt.date",
    "timedelta": "dt.timedelta",
}


class Names:
    """The classes of a module by full name, and the members of its enums by symbol."""

    __slots__ = ("classes", "symbols")

    def __init__(self, classes: Mapping[str, str], symbols: Mapping[str, Mapping[str, str]]) -> None:
        self.classes = classes
        self.symbols = symbols


def annotation(shape: Shape, names: Names) -> str:
    """The annotation of a value."""
    match shape:
        case Scalar():
            if shape.kind.startswith(("Time", "Local")):
                return f"_models.{shape.kind}"
            return _TEXTS.get(shape.kind, shape.kind)
        case Reference():
            return names.classes[shape.name]
        case ListOf():
            return f"list[{annotation(shape.items, names)}]"
        case DictOf():
            return f"dict[{shape.keys}, {annotation(shape.values, names)}]"
        case Choice():
            return _choice(shape, names)


def _choice(choice: Choice, names: Names) -> str:
    """None stands last, as people write it."""
    tags = choice.tags or ("",) * len(choice.branches)
    found: list[str] = []
    for branch, tag in zip(choice.branches, tags, strict=True):
        if branch != NONE:
            text = annotation(branch, names)
            found.append(f'typing.Annotated[{text}, _models.Tag("{tag}")]' if tag else text)
    return " | ".join((*found, "None") if NONE in choice.branches else found)


def is_fresh(default: DefaultValue) -> bool:
    """Whether the value is made when a model is: it can be changed, its class stands further down, or making it is a call."""
    return default.kind in ("list", "dict", "record") or default.text.endswith(")")


def value_text(default: DefaultValue, names: Names) -> str:
    """The expression of a default."""
    match default.kind:
        case "text":
            return default.text
        case "symbol":
            return f"{names.classes[default.of]}.{names.symbols[default.of][default.text]}"
        case "list":
            return f"[{', '.join(value_text(item, names) for _, item in default.items)}]"
        case "dict":
            return f"{{{', '.join(f'{quoted(key)}: {value_text(item, names)}' for key, item in default.items)}}}"
        case "record":
            given = ", ".join(f"{key}={value_text(item, names)}" for key, item in default.items)
            return f"{names.classes[default.of]}({given})"
