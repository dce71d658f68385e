"""Avro's variable-length integers (specification, "Binary Encoding"): zigzag, seven bits a byte, least significant first.

Called for every int, long, length and branch of every event: small numbers come from tables, fourteen bits at a time.
"""

__all__ = ["SMALL", "zigzag"]

_MORE = tuple(bytes((n & 0x7F | 0x80, n >> 7 | 0x80)) for n in range(1 << 14))
_LAST = tuple(bytes((n,)) if n < 1 << 7 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(1 << 14))


def zigzag(number: int, more: tuple[bytes, ...] = _MORE, last: tuple[bytes, ...] = _LAST) -> bytes:
    """The encoding of an integer of at most 64 bits. The tables are arguments to be local; callers give the number only."""
    rest = number << 1 if number >= 0 else ~(number << 1)
    if rest < 1 << 14:
        return last[rest]
    if rest < 1 << 28:
        return more[rest & 0x3FFF] + last[rest >> 14]
    if rest < 1 << 42:
        return more[rest & 0x3FFF] + more[rest >> 14 & 0x3FFF] + last[rest >> 28]
    parts = []
    while rest >= 1 << 14:
        parts.append(more[rest & 0x3FFF])
        rest >>= 14
    parts.append(last[rest])
    return b"".join(parts)


SMALL = tuple(_LAST[n << 1] for n in range(1 << 10))
"""`SMALL[n]` is `zigzag(n)` for 0 <= n < 1024."""
