"""Parsing Canonical Form (Avro specification) and the fingerprints over it: two schemas that decode alike are equal here.

Tells whether a foreign schema, that of a container file for one, is that of a version; a released version is told by
`contracts.fingerprint`, which covers rules too. Takes parsed schemas only.
"""

import hashlib

import msgspec

from tidegate.contracts.avro.schema import Array, Enum, Fixed, Map, Primitive, Record, Schema, Union

__all__ = ["canonical_form", "crc64_avro", "sha256_fingerprint"]

_EMPTY = 0xC15D213AA4D7A795


def canonical_form(schema: Schema) -> str:
    """The canonical text: full names, no attributes but name, type, fields, symbols, items, values, size, no white space."""
    return _form(schema, set())


def _form(schema: Schema, defined: set[str]) -> str:
    match schema:
        case Primitive():
            return _quoted(schema.name)
        case Array():
            return f'{{"type":"array","items":{_form(schema.items, defined)}}}'
        case Map():
            return f'{{"type":"map","values":{_form(schema.values, defined)}}}'
        case Union():
            return "[" + ",".join(_form(branch, defined) for branch in schema.branches) + "]"
        case _:
            if schema.name in defined:
                return _quoted(schema.name)
            defined.add(schema.name)
            return f'{{"name":{_quoted(schema.name)},{_body(schema, defined)}}}'


def _body(schema: Fixed | Enum | Record, defined: set[str]) -> str:
    match schema:
        case Fixed():
            return f'"type":"fixed","size":{schema.size}'
        case Enum():
            return '"type":"enum","symbols":[' + ",".join(map(_quoted, schema.symbols)) + "]"
        case Record():
            fields = (f'{{"name":{_quoted(f.name)},"type":{_form(f.type, defined)}}}' for f in schema.fields)
            return '"type":"record","fields":[' + ",".join(fields) + "]"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def sha256_fingerprint(schema: Schema) -> bytes:
    """SHA-256 over the canonical form, 32 bytes."""
    return hashlib.sha256(canonical_form(schema).encode()).digest()


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_EMPTY & -(byte & 1))
    return byte


_TABLE = tuple(_row(byte) for byte in range(256))


def crc64_avro(schema: Schema) -> int:
    """The specification's 64-bit Rabin fingerprint of the canonical form (CRC-64-AVRO), unsigned."""
    value = _EMPTY
    for byte in canonical_form(schema).encode():
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value
