"""One schema of a single field `f`, judged and read back: what most tests of the Avro verdict need."""

import io
import json
from collections.abc import Callable

import fastavro
import pytest

from tidegate.contracts.avro.codec import AvroCodec, compile_avro
from tidegate.contracts.codec import Payload
from tidegate.contracts.source import FieldRules, VersionSource
from tidegate.contracts.verdict import Rejected


class Judge:
    """A compiled schema with short ways to ask it."""

    def __init__(self, schema: object, sensitive: frozenset[str] = frozenset(), **source: object) -> None:
        self.schema = schema
        self.codec: AvroCodec = compile_avro(
            VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(schema), **source),  # type: ignore[arg-type]
            sensitive,
        )

    def text(self, body: str | bytes) -> Payload | Rejected:
        return self.codec.check(body.encode() if isinstance(body, str) else body, "application/json")

    def __call__(self, value: object) -> Payload | Rejected:
        return self.text(json.dumps(value))

    def stored(self, value: object) -> bytes:
        """The encoding without its frame; `value` is JSON text when it is bytes."""
        payload = self.text(value) if isinstance(value, bytes) else self(value)
        assert isinstance(payload, Payload), payload
        assert payload.value[:5] == b"\0\0\0\0\7"
        return payload.value[5:]

    def read(self, value: object) -> object:
        """What another library reads from the encoding."""
        return fastavro.schemaless_reader(io.BytesIO(self.stored(value)), self.schema, None)  # type: ignore[arg-type]

    def wrong(self, value: object) -> list[tuple[str, str]]:
        """Pointer and rule of every violation."""
        answer = self.text(value) if isinstance(value, bytes) else self(value)
        assert isinstance(answer, Rejected), answer
        return [(violation.pointer, violation.rule) for violation in answer.violations]


def record(*fields: dict[str, object], **more: object) -> dict[str, object]:
    return {"type": "record", "name": "Event", "fields": list(fields), **more}


@pytest.fixture
def judge() -> Callable[..., Judge]:
    """`judge(field, ...)` compiles a record of these fields; keywords go to the source."""

    def make(*fields: dict[str, object], rules: tuple[FieldRules, ...] = (), **more: object) -> Judge:
        return Judge(record(*fields), rules=rules, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def of_type(judge: Callable[..., Judge]) -> Callable[..., Judge]:
    """`of_type(type, **attributes)` compiles a record with one field `f` of this type."""
    return lambda type_, **attributes: judge({"name": "f", "type": type_, **attributes})
