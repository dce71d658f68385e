"""What grpcurl does with the lines of a topic's page, for machines without it: a call, its responses printed as JSON.

Run by `test_docs` as a program of that name. It takes the options that the pages use, and no other: of the ingest API's .proto file,
which this knows, or of descriptors in a file (`-protoset`), with the events on standard input (`-d @`).
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from tidegate.ingest.v1 import ingest_pb2


def main(words: list[str]) -> None:
    """Make the call that the words ask for. Raises what the call raises."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-plaintext", action="store_true", required=True)
    parser.add_argument("-H", required=True)
    parser.add_argument("-d", required=True)
    parser.add_argument("-proto", type=Path)
    parser.add_argument("-protoset", type=Path)
    parser.add_argument("target")
    parser.add_argument("method")
    asked = parser.parse_args(words)
    if asked.proto is not None and "service IngestService" not in asked.proto.read_text("utf-8"):
        parser.error("the .proto file is not the ingest API's")
    method = _method(asked.method, asked.protoset)
    name, _, value = asked.H.partition(": ")
    text = sys.stdin.read() if asked.d == "@" else asked.d
    with grpc.insecure_channel(asked.target) as channel:
        for response in _call(channel, method, _values(text), (name.lower(), value)):
            print(json_format.MessageToJson(response))


def _method(name: str, protoset: Path | None) -> MethodDescriptor:
    service, _, method = name.partition("/")
    if protoset is None:
        return ingest_pb2.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods_by_name[method]
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(protoset.read_bytes()).file:
        pool.Add(file)
    return pool.FindServiceByName(service).methods_by_name[method]


def _values(text: str) -> Iterator[str]:
    """JSON values, one after the other."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        _, end = decoder.raw_decode(text)
        yield text[:end]
        text = text[end:]


def _call(
    channel: grpc.Channel, method: MethodDescriptor, values: Iterable[str], field: tuple[str, str]
) -> Iterable[Message]:
    """As a stream of requests, which on the wire a unary call is, too."""
    request = message_factory.GetMessageClass(method.input_type)
    response = message_factory.GetMessageClass(method.output_type)
    requests = [json_format.Parse(value, request()) for value in values]
    assert method.client_streaming or len(requests) == 1
    path = f"/{method.containing_service.full_name}/{method.name}"
    call = channel.stream_stream(path, request.SerializeToString, response.FromString)
    return call(iter(requests), metadata=[field], timeout=20)


if __name__ == "__main__":
    main(sys.argv[1:])
