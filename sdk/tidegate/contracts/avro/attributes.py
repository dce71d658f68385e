"""Misspelt attributes of a schema that is served: `maxLenght` beside a field would be a rule that nobody checks.

Called by the compiler for every place. The parser takes any attribute, as Java's does (Avro specification, "attributes not
defined in this document are permitted as metadata"); only what is nearly a name that would have a meaning is refused here.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache

from tidegate.contracts.avro.logical import LOGICAL_TYPES
from tidegate.contracts.codec import ContractError
from tidegate.contracts.rules import KEYWORDS

__all__ = ["check_attributes", "check_field_attributes", "check_references"]

_OPTIONAL = KEYWORDS | {
    "namespace", "doc", "aliases", "order", "default", "logicalType", "example", "examples", "confluent:tags",
    "confluent:rules",
}  # fmt: skip
_OF_DECIMALS = frozenset({"precision", "scale"})
_NEEDED = frozenset(
    {"type", "name", "fields", "symbols", "size", "items", "values"}
)  # misspelt, the parser misses them
_KNOWN = _OPTIONAL | _OF_DECIMALS | _NEEDED
_LOST_BESIDE_A_NAME = KEYWORDS | {"logicalType", "confluent:tags", "confluent:rules"}
_CUTOFF = (
    0.84  # `maxLenght` is 0.89 of maxLength; `orderId` 0.83 of order, `timestamp-seconds` 0.73 of timestamp-millis
)


def check_attributes(attributes: Mapping[str, object], pointer: str) -> None:
    """Raises `ContractError` for a name, or a logical type, that is a near miss of a known one.

    `attributes` are the members of one JSON object of the schema, `pointer` is its place.
    """
    logical = attributes.get("logicalType")
    names = _OPTIONAL | _OF_DECIMALS if "logicalType" in attributes else _OPTIONAL
    for name in attributes:
        if name not in _KNOWN and (meant := _near_miss(name, names)):
            at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            raise ContractError(f'"{name}" is no attribute that is known here; did you mean "{meant}"?', pointer=at)
    if isinstance(logical, str) and logical not in LOGICAL_TYPES and (meant := _near_miss(logical, LOGICAL_TYPES)):
        raise ContractError(
            f'"{logical}" is no logical type; did you mean "{meant}"?', pointer=f"{pointer}/logicalType"
        )


def check_field_attributes(attributes: Mapping[str, object], pointer: str) -> None:
    """`check_attributes` for a record's field, where a logical type has no meaning: Avro reads it inside of the type only."""
    check_attributes(attributes, pointer)
    if "logicalType" in attributes:
        raise ContractError(
            'logicalType beside a field is ignored by Avro: write it inside, "type": {"type": ..., "logicalType": ...}',
            pointer=f"{pointer}/logicalType",
        )


def check_references(tree: object, pointer: str = "") -> None:
    """Raises `ContractError` for a rule beside the name of a type that is defined elsewhere.

    `tree` is a schema's JSON, of a schema that the parser took. `{"type": "some.Named", "minimum": 1}` is the named type
    itself, here as in Java: the rule would be one that nobody checks.
    """
    if isinstance(tree, list):
        for index, branch in enumerate(tree):
            check_references(branch, f"{pointer}/{index}")
    if not isinstance(tree, dict):
        return
    match tree["type"]:
        case "record" | "error":
            for index, field in enumerate(tree["fields"]):
                check_references(field["type"], f"{pointer}/fields/{index}/type")
        case "array":
            check_references(tree["items"], f"{pointer}/items")
        case "map":
            check_references(tree["values"], f"{pointer}/values")
        case "enum" | "fixed" | "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string":
            pass
        case name:
            for lost in tree.keys() & _LOST_BESIDE_A_NAME:
                raise ContractError(
                    f'"{lost}" beside the type\'s name "{name}" would be ignored: write it where the type is defined, or at the field',
                    pointer=f"{pointer}/{lost}",
                )


@lru_cache(maxsize=1024)  # a name stands in many places of a schema
def _near_miss(name: str, known: frozenset[str]) -> str:
    """The known name that was meant: other case, separators or number, letters in another order, a slip. Empty: none."""
    plain = _plain(name)
    for one in sorted(known):
        meant = _plain(one)
        if sorted(plain) == sorted(meant) or meant in (plain + "s", plain + "es"):
            return one
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=_CUTOFF)), "")


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
