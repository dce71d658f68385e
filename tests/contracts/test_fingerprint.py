"""What the fingerprint covers, and what it must not."""

import msgspec
import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.contracts.fingerprint import descriptor_files, fingerprint, schema_hash
from tidegate.contracts.source import FieldRules, VersionSource

AVRO = VersionSource(
    number=1,
    schema_id=1,
    format="avro",
    schema='{"type": "record", "name": "R", "fields": []}',
    key="a",
    event_time="b",
    rules=(
        FieldRules(path="a", keywords={"minLength": 1, "maxLength": 2}),
        FieldRules(path="b", keywords={"minimum": 0}),
    ),
)


def changed(**parts: object) -> VersionSource:
    return msgspec.structs.replace(AVRO, **parts)


@pytest.mark.parametrize(
    "other",
    [
        changed(number=2),
        changed(schema_id=9),
        changed(fingerprint="x"),
        changed(schema='{"type":"record",\n"name":"R","fields":[ ]}'),
        changed(
            rules=(
                FieldRules(path="b", keywords={"minimum": 0}),
                FieldRules(path="a", keywords={"maxLength": 2, "minLength": 1}),
            )
        ),
    ],
)
def test_what_does_not_count(other: VersionSource) -> None:
    assert fingerprint(other) == fingerprint(AVRO)


@pytest.mark.parametrize(
    "other",
    [
        changed(key=None),
        changed(key="b"),
        changed(event_time=None),
        changed(key=None, event_time="a"),
        changed(unknown_fields="drop"),
        changed(tombstones="allow"),
        changed(rules=()),
        changed(rules=(FieldRules(path="a", keywords={"minLength": 2}),)),
        changed(schema='{"type": "record", "name": "S", "fields": []}'),
        changed(schema='{"type": "record", "name": "R", "doc": "x", "fields": []}'),
        changed(schema='{"name": "R", "type": "record", "fields": []}'),
    ],
)
def test_what_counts(other: VersionSource) -> None:
    assert fingerprint(other) != fingerprint(AVRO)


def test_strings_in_a_schema_keep_their_spaces() -> None:
    one, two = changed(schema='{"doc": "a b"}'), changed(schema='{"doc": "a  b"}')
    assert fingerprint(one) != fingerprint(two)


def test_a_schema_that_is_no_json_has_none() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        fingerprint(changed(schema="{"))


def protobuf(*files: descriptor_pb2.FileDescriptorProto, text: str = "x", message: str = "a.B") -> VersionSource:
    descriptors = descriptor_pb2.FileDescriptorSet(file=files).SerializeToString()
    return VersionSource(
        number=1, schema_id=1, format="protobuf", schema=text, descriptors=descriptors, message=message
    )


def file(name: str, package: str, comment: str = "") -> descriptor_pb2.FileDescriptorProto:
    made = descriptor_pb2.FileDescriptorProto(name=name, package=package)
    if comment:
        made.source_code_info.location.add(path=[4], span=[1, 2, 3], leading_comments=comment)
    return made


OWN, IMPORT, BUNDLED = file("a.proto", "a", "old"), file("i.proto", "i"), file("buf/validate/validate.proto", "v1")


def test_comments_and_bundled_files_do_not_count() -> None:
    whole = fingerprint(protobuf(BUNDLED, IMPORT, OWN))
    assert whole == fingerprint(protobuf(BUNDLED, IMPORT, file("a.proto", "a", "new"), text="other layout"))
    assert whole == fingerprint(protobuf(file("buf/validate/validate.proto", "v2"), IMPORT, OWN))
    assert whole == fingerprint(protobuf(file("google/protobuf/any.proto", "x"), IMPORT, OWN))


def test_own_files_and_the_message_count() -> None:
    whole = fingerprint(protobuf(BUNDLED, IMPORT, OWN))
    assert whole != fingerprint(protobuf(BUNDLED, file("i.proto", "j"), OWN))
    assert whole != fingerprint(protobuf(BUNDLED, IMPORT, file("a.proto", "b")))
    assert whole != fingerprint(protobuf(BUNDLED, IMPORT, OWN, message="a.C"))


def test_messages_of_one_file_share_a_schema_and_other_texts_do_not() -> None:
    whole = schema_hash(protobuf(IMPORT, OWN))
    assert whole == schema_hash(protobuf(IMPORT, OWN, message="a.C"))
    assert whole == schema_hash(protobuf(BUNDLED, IMPORT, OWN))
    assert whole != schema_hash(protobuf(IMPORT, OWN, text="y"))
    assert whole != schema_hash(protobuf(file("i.proto", "j"), OWN))
    assert schema_hash(AVRO) == schema_hash(changed(key="z", rules=()))
    assert schema_hash(AVRO) != schema_hash(changed(schema=AVRO.schema + " "))


def test_files_are_cut_out_as_they_are() -> None:
    descriptors = descriptor_pb2.FileDescriptorSet(file=[IMPORT, OWN]).SerializeToString()
    first, second = descriptor_files(descriptors)
    assert (first.name, first.whole, first.bare) == ("i.proto", IMPORT.SerializeToString(), IMPORT.SerializeToString())
    bare = descriptor_pb2.FileDescriptorProto.FromString(second.bare)
    assert not bare.HasField("source_code_info")
    assert (second.name, second.whole, bare.package) == ("a.proto", OWN.SerializeToString(), "a")


@given(st.binary(max_size=60))
@settings(max_examples=150, deadline=None)
def test_bytes_that_are_no_descriptors_are_a_value_error(content: bytes) -> None:
    try:
        files = descriptor_files(content)
    except ValueError:
        return
    assert sum(len(found.whole) for found in files) <= len(content)
