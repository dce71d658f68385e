"""A contract's own gRPC service as one serialisable value: what the repository reads and the gateway serves.

Nothing here reads a file or knows gRPC. The options that make a service one of ours are tidegate/options/v1/options.proto.
"""

from typing import Literal

import msgspec

__all__ = [
    "EMPTY",
    "EVENT_RECEIPT",
    "MethodSource",
    "Part",
    "ReplyField",
    "ReplyForm",
    "ReplySource",
    "ServiceSource",
    "Wire",
]

EVENT_RECEIPT = "tidegate.ingest.v1.EventReceipt"
EMPTY = "google.protobuf.Empty"

Part = Literal["status", "message", "id", "topic", "partition", "offset"]
"""What of an event's receipt fills a field (`tidegate.options.v1.Receipt`, in lower case)."""

Wire = Literal["varint", "zigzag", "fixed32", "fixed64", "text"]
"""How a field's value is written (protobuf.dev, "Encoding")."""

ReplyForm = Literal["receipt", "empty", "own"]


class ReplyField(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A field of a service's own response message, by its number, and what fills it once the event is stored."""

    number: int
    part: Part
    wire: Wire


class ReplySource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a method answers: an EventReceipt, nothing, or a message of its own whose `fields` are filled, by number."""

    message: str
    form: ReplyForm
    fields: tuple[ReplyField, ...] = ()


class MethodSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One method: its request, the full name of the message of the contract of `topic`, is an event.

    `takes_stream`: many events a call. `answers_stream`: one answer for each of them; only where `takes_stream` is.
    """

    name: str
    topic: str
    request: str
    reply: ReplySource
    takes_stream: bool = False
    answers_stream: bool = False
    doc: str = ""


class ServiceSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A service, served whole or not at all.

    `name` is the full name, `file` the .proto file relative to the schemas folder, `descriptors` a serialised
    FileDescriptorSet of it and every import (imports first, without source info): what reflection tells.
    """

    name: str
    file: str
    methods: tuple[MethodSource, ...]
    descriptors: bytes
    doc: str = ""
