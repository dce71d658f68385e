"""When a deflated body is a bomb: said by how much comes out of how little. Used by the reader of container files and by the gateway's.

zlib takes 2 ms a megabyte for the runs that bombs are made of, so a limit on what comes out (eight megabytes) is a late one.
zstd needs no such rule: it takes a tenth of that. Pure.
"""

__all__ = ["FIRST_BYTES", "MAX_RATIO", "is_bomb"]

MAX_RATIO = 400
"""Deflate gives at most 1,032 bytes for one (RFC 1951: 258 for two bits). The same event a thousand times gives 300."""

FIRST_BYTES = 262_144
"""So much may come out of whatever: the ratio of a small body says nothing, and it costs half a millisecond."""


def is_bomb(taken_bytes: int, given_bytes: int) -> bool:
    """Whether so many compressed bytes that gave so many are no data that anybody means."""
    return given_bytes > FIRST_BYTES and given_bytes > taken_bytes * MAX_RATIO
