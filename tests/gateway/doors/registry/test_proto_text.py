"""A descriptor printed as text compiles to the same descriptor: protoc's own files, every construct of the three syntaxes."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tidegate_gateway.doors.registry.proto_text import proto_text

BUNDLED = Path(str(files("grpc_tools") / "_proto"))

PROTO2 = r"""
syntax = "proto2";
package google.tricky;
import public "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
option java_package = "x.y";
option optimize_for = CODE_SIZE;
option deprecated = true;
// Of A.
// Two lines.
message A {
  // Of a.
  required int32 a = 1 [default = -5, deprecated = true];
  optional string s = 2 [default = "q\"\\\n\303\274", json_name = "essss"];
  optional bytes b = 3 [default = "\001\377x"];
  optional double d = 4 [default = inf];
  optional float nf = 5 [default = nan];
  repeated int32 p = 6 [packed = true];
  optional group Gr = 7 { optional int32 x = 1; }
  map<string, .google.protobuf.Timestamp> m = 8;
  map<int32, E> me = 9;
  enum E { option allow_alias = true; Z = 0; Y = 0; N = -1 [deprecated = true]; reserved 5 to 7, 9, 100 to max; reserved "Q", "R"; }
  optional E e = 10 [default = N];
  oneof o { int32 o1 = 11; A o2 = 12; group Og = 13 { optional int32 q = 1; } }
  message Timestamp { optional .google.protobuf.Timestamp t = 1; optional Timestamp own = 2; }
  extensions 100 to 199, 500 to max;
  reserved 20, 22 to 30;
  reserved "foo";
  extend A { optional int32 ext = 101; }
  message google { optional .google.protobuf.Any any = 1; }
  optional .google.protobuf.Any any = 15;
}
extend A { repeated A more = 102; optional group Xg = 103 { optional int32 z = 1; } }
service S {
  option deprecated = true;
  rpc A(.google.tricky.A) returns (stream .google.tricky.A);
  rpc B(stream .google.tricky.A) returns (google.protobuf.Any) { option idempotency_level = IDEMPOTENT; }
}
"""
EDITION = """
edition = "2023";
package ed.x;
option features.field_presence = IMPLICIT;
message M {
  int32 a = 1 [features.field_presence = EXPLICIT];
  string b = 2;
  M child = 3 [features.message_encoding = DELIMITED];
  repeated int32 r = 4 [features.repeated_field_encoding = EXPANDED];
  oneof q { int32 z = 5; }
  reserved foo, bar;
}
enum Q { option features.enum_type = CLOSED; A = 1; }
"""
PROTO3 = """
syntax = "proto3";
message NoPackage {
  optional int32 a = 1;
  NoPackage b = 2;
  map<string, NoPackage> m = 3;
  oneof x { string s = 4; }
  repeated int32 q = 5 [packed = false];
  bool Foo_Bar = 6;
  int32 f_1 = 7;
}
"""


def compiled(folder: Path, names: list[str], *, bundled: bool) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    made = folder / "made.binpb"
    include = [f"-I{BUNDLED}"] if bundled else []
    arguments = [f"-I{folder}", *include, "--include_imports", "--include_source_info", "-o", str(made), *names]
    done = subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file}


def symbols(files: dict[str, descriptor_pb2.FileDescriptorProto]) -> frozenset[str]:
    out: set[str] = set()

    def walk(scope: str, message: descriptor_pb2.DescriptorProto) -> None:
        name = f"{scope}.{message.name}".lstrip(".")
        out.update((name, *(f"{name}.{enum.name}" for enum in message.enum_type)))
        for nested in message.nested_type:
            walk(name, nested)

    for file in files.values():
        parts = file.package.split(".") if file.package else []
        out.update(".".join(parts[: end + 1]) for end in range(len(parts)))
        out.update(f"{file.package}.{enum.name}".lstrip(".") for enum in file.enum_type)
        for message in file.message_type:
            walk(file.package, message)
    return frozenset(out)


@pytest.fixture(scope="module")
def both_ways(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, descriptor_pb2.FileDescriptorProto], dict[str, descriptor_pb2.FileDescriptorProto]]:
    """Every file compiled, and compiled again from its printed text."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for name, text in (("two.proto", PROTO2), ("edition.proto", EDITION), ("three.proto", PROTO3)):
        (first / name).write_text(text, "utf-8")
    names = [str(path.relative_to(BUNDLED)) for path in sorted(BUNDLED.rglob("*.proto"))]
    before = compiled(first, [*names, "two.proto", "edition.proto", "three.proto"], bundled=True)
    for name, file in before.items():
        path = second / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(proto_text(file, symbols(before)), "utf-8")
    return before, compiled(second, list(before), bundled=False)


NAMES = [
    "two.proto",
    "edition.proto",
    "three.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/struct.proto",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_compiles_to_the_same_descriptor(both_ways, name) -> None:
    before, after = both_ways
    for file in (before[name], after[name]):
        file.ClearField("source_code_info")
    assert str(after[name]) == str(before[name])


def test_every_file_that_protoc_brings_compiles_to_itself(both_ways) -> None:
    before, after = both_ways
    assert len(before) > 10
    for name, file in before.items():
        for one in (file, after[name]):
            one.ClearField("source_code_info")
        assert after[name] == file, name


def test_comments_stay(tmp_path) -> None:
    (tmp_path / "two.proto").write_text(PROTO2, "utf-8")
    files = compiled(tmp_path, ["two.proto"], bundled=True)
    text = proto_text(files["two.proto"], symbols(files))
    assert "// Of A.\n// Two lines.\nmessage A {" in text
    assert "  // Of a.\n  required int32 a = 1" in text
