"""Avro texts parsed once, though several checks look at one schema. Called by the Avro checks; schemas are never changed there."""

from functools import lru_cache

from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.schema import Schema

__all__ = ["parsed"]


@lru_cache(maxsize=32)  # one contract's versions: the next contract has others
def parsed(text: str) -> Schema:
    """The schema of a text. Raises `ContractError` as the parser does."""
    return parse_schema(text)
