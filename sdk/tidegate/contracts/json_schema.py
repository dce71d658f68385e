"""Pieces of JSON Schema (draft 2020-12, as OpenAPI 3.1 has it) that the descriptions of both formats share. Values only.

Used by `avro/described` and `protobuf/described`.
"""

import re
from typing import Final

__all__ = ["BASE64", "Json", "JsonSchema", "date_time", "ecma_pattern", "local_time"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonSchema = dict[str, Json]

BASE64: Final[JsonSchema] = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?$",
}
"""Base64, standard or url-safe, padded or not."""

_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_OFFSET = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_only_in_re2 = re.compile(r"\(\?(?!:)|\\[pPAzQCaG]|\[\[:").search


def date_time(digits: int, example: str) -> JsonSchema:
    """An RFC 3339 date-time with at most so many digits of a second."""
    pattern = rf"^{_DATE}T{_TIME}(\.[0-9]{{1,{digits}}})?{_OFFSET}$"
    return {"type": "string", "format": "date-time", "pattern": pattern, "examples": [example]}


def local_time(digits: int, example: str, *, with_date: bool) -> JsonSchema:
    """A time without offset, with its date or without."""
    day = f"{_DATE}T" if with_date else ""
    return {"type": "string", "pattern": rf"^{day}{_TIME}(\.[0-9]{{1,{digits}}})?$", "examples": [example]}


def ecma_pattern(pattern: str) -> JsonSchema:
    """A RE2 pattern as `pattern` where ECMA 262 reads it alike, else in words."""
    if _only_in_re2(pattern):
        return {"$comment": f"matches {pattern} (RE2)"}
    return {"pattern": pattern}
