"""Something that producers could send and cannot any more. Made by the producers' checks of both formats, told by `examination`."""

from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_REFUSALS", "OF_CONTRACT", "Refusal"]

MAX_REFUSALS: Final = 200
"""How many of one comparison are told."""

OF_CONTRACT: Final = "contract:"
"""Begins a pointer to the rules that the contract file itself adds to a field; its dotted path follows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`pointer` is the place in the new schema: a JSON pointer (Avro), a full name (Protobuf), or `OF_CONTRACT` and a path. `rule` is the finding's."""

    pointer: str
    rule: str
    said: str
