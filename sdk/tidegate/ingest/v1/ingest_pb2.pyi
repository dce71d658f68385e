import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    STATUS_STORED: _ClassVar[Status]
    STATUS_VALID: _ClassVar[Status]
    STATUS_REJECTED: _ClassVar[Status]
    STATUS_FAILED: _ClassVar[Status]
STATUS_UNSPECIFIED: Status
STATUS_STORED: Status
STATUS_VALID: Status
STATUS_REJECTED: Status
STATUS_FAILED: Status

class Event(_message.Message):
    __slots__ = ("id", "key", "key_bytes", "data", "json", "framed", "headers", "time", "version")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KEY_BYTES_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    FRAMED_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    key: str
    key_bytes: bytes
    data: bytes
    json: bytes
    framed: bool
    headers: _containers.ScalarMap[str, str]
    time: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, id: _Optional[str] = ..., key: _Optional[str] = ..., key_bytes: _Optional[bytes] = ..., data: _Optional[bytes] = ..., json: _Optional[bytes] = ..., framed: _Optional[bool] = ..., headers: _Optional[_Mapping[str, str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class EventReceipt(_message.Message):
    __slots__ = ("id", "status", "topic", "partition", "offset", "version", "schema_id", "dropped", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_ID_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: Status
    topic: str
    partition: int
    offset: int
    version: int
    schema_id: int
    dropped: int
    error: Problem
    def __init__(self, id: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., topic: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., version: _Optional[int] = ..., schema_id: _Optional[int] = ..., dropped: _Optional[int] = ..., error: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("type", "title", "status", "detail", "code", "retryable", "instance", "topic", "contract", "errors", "omitted", "max_events", "accepted", "retry_after_s", "owner", "docs", "grpc_code")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    MAX_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    DOCS_FIELD_NUMBER: _ClassVar[int]
    GRPC_CODE_FIELD_NUMBER: _ClassVar[int]
    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    instance: str
    topic: str
    contract: ContractRef
    errors: _containers.RepeatedCompositeFieldContainer[Violation]
    omitted: int
    max_events: int
    accepted: _containers.RepeatedScalarFieldContainer[str]
    retry_after_s: int
    owner: Owner
    docs: str
    grpc_code: int
    def __init__(self, type: _Optional[str] = ..., title: _Optional[str] = ..., status: _Optional[int] = ..., detail: _Optional[str] = ..., code: _Optional[str] = ..., retryable: _Optional[bool] = ..., instance: _Optional[str] = ..., topic: _Optional[str] = ..., contract: _Optional[_Union[ContractRef, _Mapping]] = ..., errors: _Optional[_Iterable[_Union[Violation, _Mapping]]] = ..., omitted: _Optional[int] = ..., max_events: _Optional[int] = ..., accepted: _Optional[_Iterable[str]] = ..., retry_after_s: _Optional[int] = ..., owner: _Optional[_Union[Owner, _Mapping]] = ..., docs: _Optional[str] = ..., grpc_code: _Optional[int] = ...) -> None: ...

class ContractRef(_message.Message):
    __slots__ = ("version", "schema_id", "fingerprint")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_ID_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    version: int
    schema_id: int
    fingerprint: str
    def __init__(self, version: _Optional[int] = ..., schema_id: _Optional[int] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class Violation(_message.Message):
    __slots__ = ("pointer", "rule", "detail", "expected", "found", "hint", "docs", "byte_offset")
    POINTER_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    DOCS_FIELD_NUMBER: _ClassVar[int]
    BYTE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    pointer: str
    rule: str
    detail: str
    expected: str
    found: str
    hint: str
    docs: str
    byte_offset: int
    def __init__(self, pointer: _Optional[str] = ..., rule: _Optional[str] = ..., detail: _Optional[str] = ..., expected: _Optional[str] = ..., found: _Optional[str] = ..., hint: _Optional[str] = ..., docs: _Optional[str] = ..., byte_offset: _Optional[int] = ...) -> None: ...

class Owner(_message.Message):
    __slots__ = ("team", "channel", "url")
    TEAM_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    team: str
    channel: str
    url: str
    def __init__(self, team: _Optional[str] = ..., channel: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("topic", "events")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, topic: _Optional[str] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("topic", "results", "error")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    topic: str
    results: _containers.RepeatedCompositeFieldContainer[EventReceipt]
    error: Problem
    def __init__(self, topic: _Optional[str] = ..., results: _Optional[_Iterable[_Union[EventReceipt, _Mapping]]] = ..., error: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class ValidateRequest(_message.Message):
    __slots__ = ("topic", "events")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, topic: _Optional[str] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class ValidateResponse(_message.Message):
    __slots__ = ("topic", "results")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    results: _containers.RepeatedCompositeFieldContainer[EventReceipt]
    def __init__(self, topic: _Optional[str] = ..., results: _Optional[_Iterable[_Union[EventReceipt, _Mapping]]] = ...) -> None: ...

class ListTopicsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopicsResponse(_message.Message):
    __slots__ = ("topics", "next_page_token")
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedCompositeFieldContainer[Topic]
    next_page_token: str
    def __init__(self, topics: _Optional[_Iterable[_Union[Topic, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Topic(_message.Message):
    __slots__ = ("topic", "name", "status", "format", "versions", "owner", "docs")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    DOCS_FIELD_NUMBER: _ClassVar[int]
    topic: str
    name: str
    status: str
    format: str
    versions: _containers.RepeatedScalarFieldContainer[int]
    owner: Owner
    docs: str
    def __init__(self, topic: _Optional[str] = ..., name: _Optional[str] = ..., status: _Optional[str] = ..., format: _Optional[str] = ..., versions: _Optional[_Iterable[int]] = ..., owner: _Optional[_Union[Owner, _Mapping]] = ..., docs: _Optional[str] = ...) -> None: ...

class GetContractRequest(_message.Message):
    __slots__ = ("topic", "if_none_match")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    IF_NONE_MATCH_FIELD_NUMBER: _ClassVar[int]
    topic: str
    if_none_match: str
    def __init__(self, topic: _Optional[str] = ..., if_none_match: _Optional[str] = ...) -> None: ...

class GetContractResponse(_message.Message):
    __slots__ = ("topic", "document", "bundle", "etag")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    topic: Topic
    document: str
    bundle: bytes
    etag: str
    def __init__(self, topic: _Optional[_Union[Topic, _Mapping]] = ..., document: _Optional[str] = ..., bundle: _Optional[bytes] = ..., etag: _Optional[str] = ...) -> None: ...
