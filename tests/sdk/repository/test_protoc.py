"""What a folder may import without holding it, and complaints that have no place."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.protoc import OPTIONS_PROTO, run_protoc

ASKED = Place(file="contracts/c.yaml", line=4, column=9)
SERVICE = """\
syntax = "proto3";
package a.v1;
import "tidegate/options/v1/options.proto";
message In {}
message Out { string id = 1 [(tidegate.options.v1.receipt) = RECEIPT_ID]; }
service S { rpc Send(In) returns (Out) { option (tidegate.options.v1.publish) = {topic: "t"}; } }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proto/a/v1").mkdir(parents=True)
    (tmp_path / "proto/a/v1/s.proto").write_text(SERVICE)
    return tmp_path


def test_the_options_come_with_the_package(folder: Path) -> None:
    made = run_protoc(folder, ["proto/a/v1/s.proto"], ASKED, Problems("contracts/c.yaml"))
    files = descriptor_pb2.FileDescriptorSet.FromString(made).file
    assert [f.name for f in files] == ["google/protobuf/descriptor.proto", OPTIONS_PROTO, "a/v1/s.proto"]
    assert {f.name for f in files if f.HasField("source_code_info")} == {"a/v1/s.proto"}


def test_a_method_may_answer_our_receipt(folder: Path) -> None:
    text = SERVICE.replace("returns (Out)", "returns (tidegate.ingest.v1.EventReceipt)")
    text = text.replace("message In", 'import "tidegate/ingest/v1/ingest.proto";\nmessage In')
    (folder / "proto/a/v1/s.proto").write_text(text)
    made = run_protoc(folder, ["proto/a/v1/s.proto"], ASKED, Problems("contracts/c.yaml"))
    assert "tidegate/ingest/v1/ingest.proto" in {f.name for f in descriptor_pb2.FileDescriptorSet.FromString(made).file}


def test_a_folders_own_copy_of_the_options_does_no_harm(folder: Path) -> None:
    """coffeeco has one, so that buf finds it without a network."""
    own = folder / "proto" / OPTIONS_PROTO
    own.parent.mkdir(parents=True)
    own.write_bytes((Path(__file__).parents[3] / "sdk" / OPTIONS_PROTO).read_bytes())
    made = run_protoc(folder, ["proto/a/v1/s.proto", f"proto/{OPTIONS_PROTO}"], ASKED, Problems("contracts/c.yaml"))
    assert len(descriptor_pb2.FileDescriptorSet.FromString(made).file) == 3


def test_complaints_of_several_files_are_all_noted(folder: Path) -> None:
    (folder / "proto/a/v1/t.proto").write_text('syntax = "proto3";\nimport "missing.proto";\n')
    problems = Problems("contracts/c.yaml")
    with pytest.raises(Refused):
        run_protoc(folder, ["proto/a/v1/s.proto", "proto/a/v1/t.proto"], ASKED, problems)
    assert any(str(row).startswith("proto/a/v1/t.proto:2:1: ") for row in problems.rows)
