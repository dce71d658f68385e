"""Something that producers could send and cannot any more. Made by the producers' checks of both formats, told by `examination`."""

from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_REFUSALS", "Refusal"]

MAX_REFUSALS: Final = 200
"""How many of one comparison are told."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`pointer` is the place in the new schema: a JSON pointer (Avro) or a full name (Protobuf). `rule` is the finding's."""

    pointer: str
    rule: str
    said: str
