"""The closed list of rule names beside the Avro keywords, protovalidate ids and CEL names (http.md, fine print)."""

__all__ = ["KEYWORDS", "RULES"]

RULES = frozenset({
    "required", "unknown_field", "type", "range", "enum", "union", "format", "precision", "length", "depth",
    "duplicate_key", "encoding", "key", "key_mismatch", "event_time", "tombstone", "malformed",
})  # fmt: skip

KEYWORDS = frozenset({
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "format", "minItems", "maxItems", "uniqueItems",
})  # fmt: skip
