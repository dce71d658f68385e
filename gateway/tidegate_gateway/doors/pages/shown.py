"""What a topic's page shows beside a field's rule: its value in the example, and the branch of a union that holds it.

Called by `content` for one version at a time. Pure.
"""

from collections.abc import Iterator

import msgspec

from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.described_value import describe_value
from tidegate.contracts.json_schema import Json, JsonSchema

__all__ = ["Shown"]

_LONGEST = 48
_UNION = ("oneOf", "anyOf")


class Shown:
    """One version's example and schema, looked up by the dotted paths of its fields."""

    def __init__(self, version: CompiledVersion) -> None:
        self._example: Json = msgspec.json.decode(version.codec.example())
        self._schema: JsonSchema = {}
        if version.source.format == "avro":  # Protobuf has no unions: a oneof's members are fields
            self._schema, _ = describe_value(version, version.topic)

    def example(self, path: str) -> str:
        """The field's value in the example as JSON; empty where it has none, or a long one."""
        found = self._example
        for step in path.split("."):
            found = found[0] if isinstance(found, list) and found else found
            if not isinstance(found, dict) or step not in found:
                return ""
            found = found[step]
        if found is None or isinstance(found, dict | list):
            return ""
        text = msgspec.json.encode(found).decode()
        return text if len(text) <= _LONGEST else ""

    def branch(self, path: str) -> str:
        """The name of the type that holds the field, where its parent may be of several; empty elsewhere."""
        parent, _, name = path.rpartition(".")
        if not parent:
            return ""
        objects = list(_objects(self._at(parent)))
        holders = [str(one.get("title", "")) for one in objects if name in _members(one)]
        return " or ".join(holders) if len(objects) > 1 else ""

    def _at(self, path: str) -> list[JsonSchema]:
        found: list[JsonSchema] = [self._schema]
        for step in path.split("."):
            found = [
                inner
                for one in found
                for held in _objects([one])
                if isinstance(inner := _members(held).get(step), dict)
            ]
        return found


def _objects(schemas: list[JsonSchema]) -> Iterator[JsonSchema]:
    """The objects with members that the schemas may be: through unions, arrays and maps."""
    for schema in schemas:
        if _members(schema):
            yield schema
        for inner in (schema.get("items"), schema.get("additionalProperties")):
            if isinstance(inner, dict):
                yield from _objects([inner])
        for union in _UNION:
            branches = schema.get(union)
            if isinstance(branches, list):
                yield from _objects([branch for branch in branches if isinstance(branch, dict)])


def _members(schema: JsonSchema) -> JsonSchema:
    members = schema.get("properties")
    return members if isinstance(members, dict) else {}
