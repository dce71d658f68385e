from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Receipt(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECEIPT_UNSPECIFIED: _ClassVar[Receipt]
    RECEIPT_STATUS: _ClassVar[Receipt]
    RECEIPT_MESSAGE: _ClassVar[Receipt]
    RECEIPT_ID: _ClassVar[Receipt]
    RECEIPT_TOPIC: _ClassVar[Receipt]
    RECEIPT_PARTITION: _ClassVar[Receipt]
    RECEIPT_OFFSET: _ClassVar[Receipt]
RECEIPT_UNSPECIFIED: Receipt
RECEIPT_STATUS: Receipt
RECEIPT_MESSAGE: Receipt
RECEIPT_ID: Receipt
RECEIPT_TOPIC: Receipt
RECEIPT_PARTITION: Receipt
RECEIPT_OFFSET: Receipt
PUBLISH_FIELD_NUMBER: _ClassVar[int]
publish: _descriptor.FieldDescriptor
RECEIPT_FIELD_NUMBER: _ClassVar[int]
receipt: _descriptor.FieldDescriptor

class PublishOptions(_message.Message):
    __slots__ = ("topic",)
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...
