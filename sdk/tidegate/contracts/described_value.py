"""A compiled version's value as JSON Schema. Called by the gateway's OpenAPI document; costs too much for any event's path."""

from tidegate.contracts.avro.described import describe_avro
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.json_schema import Json, JsonSchema

__all__ = ["describe_value"]


def describe_value(version: CompiledVersion, name: str) -> tuple[JsonSchema, dict[str, Json]]:
    """The schema of `application/json`, and the definitions that it refers to below `#/components/schemas/`.

    `name` begins the names of those definitions.
    """
    fields = {row.path: row for row in version.codec.fields()}
    if version.source.format == "avro":
        schema, definitions = describe_avro(version.source, fields, name)
    else:
        from tidegate.contracts.protobuf.described import describe_protobuf  # an extra

        schema, definitions = describe_protobuf(version.source, fields, name)
    if version.source.tombstones == "allow":
        schema = {"oneOf": [schema, {"type": "null", "description": "A tombstone; it needs an explicit key."}]}
    return schema, definitions
