"""Logical types: which combinations are valid. An invalid one is ignored, as the specification and Java's parser do.

Called by `parsing`. What a logical type means for a value is not said here.
"""

from collections.abc import Mapping

from tidegate.contracts.avro.schema import Logical

__all__ = ["LOGICAL_TYPES", "UnsupportedLogicalType", "logical_of"]

_ON = {
    "date": "int",
    "time-millis": "int",
    "time-micros": "long",
    "timestamp-millis": "long",
    "timestamp-micros": "long",
    "timestamp-nanos": "long",
    "local-timestamp-millis": "long",
    "local-timestamp-micros": "long",
    "local-timestamp-nanos": "long",
}
LOGICAL_TYPES = frozenset(_ON) | {"uuid", "duration", "decimal", "big-decimal"}
"""The logical types of Avro 1.12."""
_UUID_BYTES = 16
_DURATION_BYTES = 12


class UnsupportedLogicalType(ValueError):
    """A valid logical type whose values this product cannot judge."""


def logical_of(kind: str, size: int | None, attributes: Mapping[str, object]) -> Logical | None:
    """The logical type of an underlying type (`kind`; `size` in bytes of a fixed), or None where there is no valid one.

    Raises `UnsupportedLogicalType` for big-decimal (contracts.md, fine print).
    """
    name = attributes.get("logicalType")
    if not isinstance(name, str):
        return None
    if name == "big-decimal" and kind == "bytes":
        raise UnsupportedLogicalType("the logical type big-decimal is not served: use decimal with precision and scale")
    if _ON.get(name) == kind:
        return Logical(name=name)
    if name == "uuid" and (kind == "string" or size == _UUID_BYTES):
        return Logical(name=name)
    if name == "duration" and size == _DURATION_BYTES:
        return Logical(name=name)
    if name == "decimal" and kind in ("bytes", "fixed"):
        return _decimal(size, attributes)
    return None


def _decimal(size: int | None, attributes: Mapping[str, object]) -> Logical | None:
    precision, scale = attributes.get("precision"), attributes.get("scale", 0)
    if type(precision) is not int or type(scale) is not int:
        return None
    if precision <= 0 or not 0 <= scale <= precision:
        return None
    if size is not None and precision > max_precision(size):
        return None
    return Logical(name="decimal", precision=precision, scale=scale)


def max_precision(size: int) -> int:
    """How many decimal digits a two's-complement integer of `size` bytes always holds."""
    return len(str(2 ** (8 * size - 1) - 1)) - 1 if size else 0
