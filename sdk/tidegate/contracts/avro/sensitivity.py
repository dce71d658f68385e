"""Which tags of a schema make a field or type sensitive. Called by the compiler."""

from collections.abc import Mapping

from tidegate.contracts.avro.schema import Field, Union

__all__ = ["SENSITIVE_TAGS", "is_marked", "is_tagged"]

SENSITIVE_TAGS = frozenset({"PII", "PHI", "PCI", "SENSITIVE", "PRIVATE", "CONFIDENTIAL", "RESTRICTED", "SECRET"})
"""The values of `confluent:tags`, in any case, that hide what was found."""


def is_tagged(attributes: Mapping[str, object]) -> bool:
    """Whether a JSON object of the schema carries such a tag."""
    tags = attributes.get("confluent:tags")
    return isinstance(tags, list) and any(isinstance(tag, str) and tag.upper() in SENSITIVE_TAGS for tag in tags)


def is_marked(field: Field) -> bool:
    """Whether a field, or a type right there, carries such a tag."""
    types = field.type.branches if isinstance(field.type, Union) else (field.type,)
    return is_tagged(field.attributes) or any(
        is_tagged(schema.attributes) for schema in types if not isinstance(schema, Union)
    )
