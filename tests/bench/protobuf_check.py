"""What one Protobuf check costs, beside its parts and google.protobuf's JSON parser, all from one run.

    python tests/bench/protobuf_check.py [--json]

Prints microseconds of one core (the best of several rounds) and each one's ratio to protobuf-py's own JSON to bytes, which
validates nothing. The event is 230 bytes with two items; `five` is the same with five violations.
"""

import argparse
import json
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc
from protobuf import DescFile
from protobuf.wkt import Timestamp
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet
from protovalidate import Validator, ViolationPb

from tidegate.contracts.compiled import compile_version
from tidegate.contracts.jsontext import decode_floats
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded, Rejected

__all__: list[str] = []

PROTO = """
syntax = "proto3";
package bench.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
message OrderStatus {
  string order_id = 1 [(buf.validate.field).string.uuid = true];
  Status status = 2 [(buf.validate.field).enum = {defined_only: true, not_in: [0]}];
  google.protobuf.Timestamp changed_at = 3 [(buf.validate.field).required = true];
  repeated Item items = 4 [(buf.validate.field).repeated = {min_items: 1, max_items: 30}];
  oneof delivery { string courier = 5; int32 locker = 6; }
  map<string, string> attributes = 7;
}
enum Status { STATUS_UNSPECIFIED = 0; STATUS_PLACED = 1; }
message Item {
  string sku = 1 [(buf.validate.field).string.min_len = 1];
  int32 quantity = 2 [(buf.validate.field).int32 = {gte: 1, lte: 10}];
}
"""
GOOD = (
    b'{"orderId":"0190d0f2-7b1c-7c3a-9a52-5b1f3f2f1a11","status":"STATUS_PLACED","changedAt":"2026-01-31T12:00:00Z",'
    b'"items":[{"sku":"arabica","quantity":2},{"sku":"robusta","quantity":1}],"courier":"bike","attributes":{"shop":"web"}}'
)
FIVE = (
    GOOD.replace(b"0190d0f2", b"x")
    .replace(b"STATUS_PLACED", b"STATUS_PLACD")
    .replace(b"00Z", b"00")
    .replace(b":2}", b":12}")
    .replace(b'"robusta"', b"7")
)
ROUNDS, CALLS = 7, 3000


def descriptors() -> bytes:
    """The descriptor set of `PROTO` with every import."""
    files: dict[str, DescFile] = {}

    def add(file: DescFile) -> None:
        for dependency in file.dependencies:
            add(dependency)
        files.setdefault(file.name, file)

    for message in (ViolationPb, Timestamp):
        add(message.desc().file)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "in.bin").write_bytes(FileDescriptorSet(file=[file.proto for file in files.values()]).to_binary())
        (root / "bench.proto").write_text(PROTO)
        arguments = ["protoc", f"-I{root}", f"--descriptor_set_in={root / 'in.bin'}", "--include_imports"]
        if protoc.main([*arguments, f"-o{root / 'out.bin'}", "bench.proto"]) != 0:
            raise SystemExit("protoc failed")
        return (root / "out.bin").read_bytes()


def measured() -> dict[str, float]:
    """Microseconds of each step, by name."""
    binary = descriptors()
    source = VersionSource(
        number=1, schema_id=1, format="protobuf", schema=PROTO, descriptors=binary, message="bench.v1.OrderStatus",
        message_index=(0,), key="order_id", event_time="changed_at",
    )  # fmt: skip
    version = compile_version("bench", source)
    good, five = version.check(GOOD), version.check(FIVE)
    if not isinstance(good, Encoded) or not isinstance(five, Rejected) or len(five.violations) != 5:
        raise SystemExit(f"the events are not what they are said to be: {good}, {five}")
    desc = FileDescriptorSet.from_binary(binary).to_registry().message("bench.v1.OrderStatus")
    if desc is None:
        raise SystemExit("no message")
    kind, validator = desc.type, Validator()
    message = kind.from_json(GOOD)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(binary).file:
        pool.Add(file)
    google = message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.v1.OrderStatus"))
    steps: dict[str, Callable[[], object]] = {
        "check": lambda: version.check(GOOD),
        "check, five violations": lambda: version.check(FIVE),
        "protobuf-py JSON to bytes, nothing checked": lambda: kind.from_json(GOOD).to_binary(),
        "protovalidate alone": lambda: validator.collect_violations(message),
        "msgspec decode alone": lambda: decode_floats(GOOD),
        "google.protobuf JSON to bytes, nothing checked": lambda: json_format.Parse(GOOD, google()).SerializeToString(),
    }
    return {name: min(timeit.repeat(step, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6 for name, step in steps.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object of name: microseconds")
    wants_json = parser.parse_args().json
    figures = measured()
    if wants_json:
        sys.stdout.write(json.dumps({name: round(us, 2) for name, us in figures.items()}) + "\n")
        return
    base = figures["protobuf-py JSON to bytes, nothing checked"]
    for name, us in figures.items():
        sys.stdout.write(f"{us:9.1f} us  {us / base:6.2f}x  {name}\n")


if __name__ == "__main__":
    main()
