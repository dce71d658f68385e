"""A stranger's .proto text: compiled, refused in protoc's words, and bounded whatever it asks of the compiler."""

import pytest
from google.protobuf import descriptor_pb2

from tidegate_gateway.proto_texts import compile_proto_text


def test_a_text_becomes_its_descriptor() -> None:
    made = compile_proto_text('syntax = "proto3"; import "a/b.proto"; message A { B b = 1; }', {
        "a/b.proto": 'syntax = "proto3"; message B {}', "../out.proto": "x", "google/protobuf/any.proto": "x",
    })  # fmt: skip
    assert descriptor_pb2.FileDescriptorProto.FromString(made).message_type[0].name == "A"


def test_what_is_no_text_is_refused_in_the_words_of_protoc() -> None:
    with pytest.raises(ValueError, match="Expected"):
        compile_proto_text('syntax = "proto3"; message {', {})


def test_a_text_that_protoc_would_complain_about_for_a_minute_is_stopped() -> None:
    """Every pair of these ranges is a complaint of its own: millions of lines."""
    with pytest.raises(ValueError, match="more time or memory for it than it may take"):
        compile_proto_text('syntax = "proto3"; message A {' + "reserved 1;" * 3000 + "}", {})
