"""Response messages field by field: what generated code reads of an answer, and what it cannot notice."""

import pytest
from protobuf.wkt.google.protobuf.descriptor_pb import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from tidegate.check.service_replies import replies_changed
from tidegate.contracts.services import Part, ReplyField, ReplySource, ServiceSource

Field = tuple[str, int, str, Part | None]  # name, number, type, what fills it

STATUS: Field = ("status", 1, "INT32", "status")
TEXT: Field = ("text", 2, "STRING", "message")


def answer(*fields: Field) -> tuple[ServiceSource, ReplySource]:
    message = DescriptorProto(name="Answer")
    for name, number, kind, _ in fields:
        declared = FieldDescriptorProto(
            name=name, number=number, type=FieldDescriptorProto.Type[kind], label=FieldDescriptorProto.Label.OPTIONAL
        )
        if kind == "MESSAGE":
            declared.type_name = ".shop.Answer"
        message.field.append(declared)
    file = FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3", message_type=[message])
    filled = tuple(
        ReplyField(number=number, part=part, wire="text" if kind == "STRING" else "varint")
        for _, number, kind, part in fields
        if part is not None
    )
    reply = ReplySource(message="shop.Answer", form="own", fields=filled)
    descriptors = FileDescriptorSet(file=[file]).to_binary()
    return ServiceSource(name="shop.S", file="proto/shop.proto", methods=(), descriptors=descriptors), reply


@pytest.mark.parametrize(
    ("before", "after", "number", "said"),
    [
        ((STATUS, TEXT), (TEXT,), 0, "Answer.status had the number 1 in main, and is gone"),
        ((STATUS,), (("status", 3, "INT32", "status"),), 3, "Answer.status had the number 1 in main, and has 3 now"),
        ((STATUS,), (("status", 1, "SINT32", "status"),), 1, "Answer.status (field 1) was int32 in main, and is sint32 now"),
        ((STATUS,), (("said", 1, "STRING", "message"),), 1, "Answer.status (field 1) was int32 in main, and is string now"),
        (
            (STATUS,), (("status", 1, "INT32", "partition"),), 1,
            "Answer.status (field 1) told the status in main, and tells the partition now",
        ),
        (
            (STATUS, TEXT), (("status", 1, "INT32", None), TEXT), 1,
            "Answer.status (field 1) told the status in main, and nothing fills it now",
        ),
        (
            (STATUS, ("more", 2, "MESSAGE", None)), (STATUS, TEXT), 2,
            "Answer.more (field 2) was shop.Answer in main, and is string now",
        ),
    ],
    ids=["removed", "renumbered", "retyped", "number-reused", "other-part", "unfilled", "unset-number-reused"],
)  # fmt: skip
def test_what_producers_read_otherwise(
    before: tuple[Field, ...], after: tuple[Field, ...], number: int, said: str
) -> None:
    assert list(replies_changed(answer(*before), answer(*after), "main")) == [(number, said)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((STATUS,), (STATUS, TEXT)),
        ((STATUS,), (("code", 1, "INT32", "status"),)),
        ((STATUS,), (("status", 1, "UINT64", "status"),)),
        ((("size", 5, "FIXED32", "status"),), (("size", 5, "SFIXED32", "status"),)),
        ((STATUS, ("more", 4, "MESSAGE", None)), (STATUS,)),
        ((STATUS, ("more", 4, "MESSAGE", None)), (STATUS, ("more", 4, "STRING", None))),
        ((STATUS, ("more", 2, "BYTES", None)), (STATUS, TEXT)),
    ],
    ids=["new", "renamed", "wider", "signed", "unset-removed", "unset-retyped", "unset-filled"],
)
def test_what_an_answer_does_not_show(before: tuple[Field, ...], after: tuple[Field, ...]) -> None:
    assert list(replies_changed(answer(*before), answer(*after), "main")) == []
