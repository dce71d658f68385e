"""The media types of a value, in the one spelling that codecs, doors and the SDK share. Names only; nothing is parsed here.

The framed forms carry the Confluent frame in front (`framing.py`); they are never guessed, since a bare payload can look like
one.
"""

from typing import Final

__all__ = ["AVRO", "AVRO_CONTAINER", "AVRO_FRAMED", "AVRO_JSON", "FRAMED", "JSON", "PROTOBUF", "PROTOBUF_FRAMED"]

JSON: Final = "application/json"
"""Plain JSON as people write it (CONTRACTS.md)."""
AVRO_JSON: Final = "application/avro+json"
"""The Avro specification's own JSON encoding: tagged unions, bytes as code points."""
AVRO: Final = "application/avro"
"""Avro binary, schemaless, written with the version that the event names (or the newest)."""
AVRO_FRAMED: Final = "application/avro; framing=confluent"
AVRO_CONTAINER: Final = "application/vnd.apache.avro.ocf"
"""An Avro object container file: many events. No codec takes it; `avro/container_file.py` makes single values of it."""
PROTOBUF: Final = "application/x-protobuf"
PROTOBUF_FRAMED: Final = "application/x-protobuf; framing=confluent"

FRAMED: Final = frozenset({AVRO_FRAMED, PROTOBUF_FRAMED})
"""The forms whose first five bytes name the schema's id."""
