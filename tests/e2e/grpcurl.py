"""What grpcurl does with the line of a topic's page, for machines without it: one unary call of the ingest API, printed as JSON.

Run by `test_docs` as a program of that name. It takes the options that the pages use, and no other.
"""

import argparse
import sys
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToJson, Parse

from tidegate.ingest.v1 import ingest_pb2, ingest_pb2_grpc


def main(words: list[str]) -> None:
    """Make the call that the words ask for. Raises what the call raises."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-plaintext", action="store_true", required=True)
    parser.add_argument("-H", required=True)
    parser.add_argument("-d", required=True)
    parser.add_argument("-proto", type=Path)
    parser.add_argument("target")
    parser.add_argument("method", choices=["tidegate.ingest.v1.IngestService/Publish"])
    asked = parser.parse_args(words)
    if asked.proto is not None and "service IngestService" not in asked.proto.read_text("utf-8"):
        parser.error("the .proto file is not the ingest API's")
    name, _, value = asked.H.partition(": ")
    with grpc.insecure_channel(asked.target) as channel:
        request = Parse(asked.d, ingest_pb2.PublishRequest())
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        print(MessageToJson(stub.Publish(request, metadata=[(name.lower(), value)], timeout=20)))


if __name__ == "__main__":
    main(sys.argv[1:])
