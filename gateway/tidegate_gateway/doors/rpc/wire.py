"""How often a field stands in an encoded message, without decoding it (Protobuf encoding, "Message Structure"). Pure.

Asked by `reading`, so that a request is bounded before its decoder makes objects of it.
"""

__all__ = ["count_fields", "first_field"]

_MOST_OTHERS = 1_000
"""Fields of other numbers that are stepped over: a few are a newer client's, and 8 MB of them are seconds."""
_VARINT = 0
_LENGTH_DELIMITED = 2
_FIXED_BYTES = {1: 8, 5: 4}


def count_fields(body: bytes, number: int, most: int) -> int:
    """How many length-delimited fields `number` stand at the top, counted up to `most`.

    Other fields are stepped over, and bytes that end too early end the count: their decoder refuses them. -1 for groups and
    wire types that do not exist, behind which nothing could be counted, and where other fields are more than a thousand.
    """
    count = others = at = 0
    size = len(body)
    wanted = number << 3 | _LENGTH_DELIMITED
    while at < size and count < most:
        tag, at = _varint(body, at)
        kind = tag & 7
        if tag != wanted:
            others += 1
            if others > _MOST_OTHERS:
                return -1
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(body, at)
            at += length
            count += tag == wanted
        elif kind == _VARINT:
            _, at = _varint(body, at)
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        else:
            return -1
    return count


def first_field(body: bytes, number: int) -> bytes:
    """The length-delimited field `number`, where it is the very first, as encoders that keep the order write it; else nothing."""
    tag, at = _varint(body, 0)
    if tag != number << 3 | _LENGTH_DELIMITED:
        return b""
    length, at = _varint(body, at)
    return body[at : at + length]


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it; past the end, or past ten bytes, the end."""
    value = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, len(body)
