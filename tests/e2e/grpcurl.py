"""What grpcurl does with the lines of README and the topics' pages, for machines without it: a call, its responses as JSON.

Run by `test_tour` and `test_docs` as a program of that name; `test_grpcurl` runs the same lines by the real one. It takes the options
that they use, and no other. Messages are told by the ingest API's .proto file, which this knows, by a file of descriptors, or by
reflection.
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
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tidegate.ingest.v1 import ingest_pb2


def main(words: list[str]) -> None:
    """Make the call that the words ask for. Raises what the call raises."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-plaintext", action="store_true", required=True)
    parser.add_argument("-H", default="user-agent: grpcurl")
    parser.add_argument("-d")
    parser.add_argument("-proto", type=Path)
    parser.add_argument("-protoset", type=Path)
    parser.add_argument("target")
    parser.add_argument("method")
    asked = parser.parse_args(words)
    if asked.proto is not None and "service IngestService" not in asked.proto.read_text("utf-8"):
        parser.error("the .proto file is not the ingest API's")
    name, _, value = asked.H.partition(": ")
    text = sys.stdin.read() if asked.d == "@" else asked.d
    with grpc.insecure_channel(asked.target) as channel:
        if asked.method == "list":
            print(*sorted(ProtoReflectionDescriptorDatabase(channel).get_services()), sep="\n")
            return
        service, _, method = asked.method.partition("/")
        found = _pool(asked.proto, asked.protoset, channel).FindServiceByName(service).methods_by_name[method]
        for response in _call(channel, found, _values(text), (name.lower(), value)):
            print(json_format.MessageToJson(response))


def _pool(proto: Path | None, protoset: Path | None, channel: grpc.Channel) -> descriptor_pool.DescriptorPool:
    if proto is not None:
        return ingest_pb2.DESCRIPTOR.pool
    if protoset is None:
        return descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(protoset.read_bytes()).file:
        pool.Add(file)
    return pool


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
