"""protoc in its process: what it makes, what it says, what it must not need."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.proto_files import ProtoFiles, ProtoSchema

ASKED = Place(file="contracts/c.yaml", line=4, column=9)
SOURCE = """\
syntax = "proto3";
package a.v1;
import "buf/validate/validate.proto";
import "google/protobuf/struct.proto";
import "a/v1/other.proto";
message First { map<string, string> m = 1; message Inner {} }
// The second.
message Second { First.Inner x = 1 [(buf.validate.field).required = true]; Other o = 2; google.protobuf.Value v = 3; }
"""
OTHER = 'syntax = "proto3";\npackage a.v1;\n// Another.\nmessage Other {}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proto/a/v1").mkdir(parents=True)
    (tmp_path / "proto/a/v1/main.proto").write_text(SOURCE)
    (tmp_path / "proto/a/v1/other.proto").write_text(OTHER)
    return tmp_path


def read(folder: Path, message: str = "a.v1.Second", name: str = "proto/a/v1/main.proto") -> ProtoSchema:
    return ProtoFiles(folder).read(name, message, ASKED, Problems("contracts/c.yaml"))


def refused(folder: Path, message: str = "a.v1.Second", name: str = "proto/a/v1/main.proto") -> list[str]:
    problems = Problems("contracts/c.yaml")
    with pytest.raises(Refused):
        ProtoFiles(folder).read(name, message, ASKED, problems)
    return [str(row) for row in problems.rows]


def test_the_set_is_whole_and_keeps_comments_of_own_files_only(folder: Path) -> None:
    schema = read(folder)
    assert schema.text == SOURCE
    files = descriptor_pb2.FileDescriptorSet.FromString(schema.descriptors).file
    assert [f.name for f in files if not f.name.startswith("google/")] == [
        "buf/validate/validate.proto",
        "a/v1/other.proto",
        "a/v1/main.proto",
    ]
    assert {f.name for f in files if f.HasField("source_code_info")} == {"a/v1/other.proto", "a/v1/main.proto"}
    assert any(loc.leading_comments == " The second.\n" for loc in files[-1].source_code_info.location)


@pytest.mark.parametrize(
    ("message", "index"), [("a.v1.First", (0,)), ("a.v1.Second", (1,)), ("a.v1.First.Inner", (0, 1))]
)
def test_the_index_counts_declarations_as_the_file_does(folder: Path, message: str, index: tuple[int, ...]) -> None:
    """Map entries are nested messages in the descriptor and count: `m`'s comes before Inner."""
    schema = read(folder, message)
    made = descriptor_pb2.FileDescriptorSet.FromString(schema.descriptors).file[-1].message_type[index[0]]
    for step in index[1:]:
        made = made.nested_type[step]
    assert made.name == message.rpartition(".")[2]


def test_protocs_own_lines_become_problems(folder: Path) -> None:
    (folder / "proto/a/v1/main.proto").write_text(SOURCE.replace("First.Inner x = 1", "Missing x = 1"))
    assert refused(folder) == ['proto/a/v1/main.proto:8:18: "Missing" is not defined.']
    (folder / "proto/a/v1/main.proto").write_text(SOURCE.replace("a/v1/other.proto", "a/v1/none.proto"))
    assert refused(folder)[:2] == [
        "proto/a/v1/none.proto:1:1: File not found.",
        'proto/a/v1/main.proto:5:1: Import "a/v1/none.proto" was not found or had errors.',
    ]
    (folder / "proto/a/v1/main.proto").write_text("message {")
    rows = refused(folder)
    assert rows
    assert all(row.startswith("proto/a/v1/main.proto:1:") for row in rows)


def test_warnings_do_not_refuse(folder: Path) -> None:
    unused = SOURCE.replace("Other o = 2; ", "")
    (folder / "proto/a/v1/main.proto").write_text(unused)
    assert read(folder).text == unused


def test_a_message_that_is_not_there_gets_the_nearest(folder: Path) -> None:
    assert refused(folder, "a.v1.Secnd") == [
        'contracts/c.yaml:4:9: proto/a/v1/main.proto has no message "a.v1.Secnd"; did you mean "a.v1.Second"?'
    ]
    assert refused(folder, name="proto/a/v1/none.proto") == [
        "contracts/c.yaml:4:9: proto/a/v1/none.proto cannot be read: No such file or directory"
    ]


def test_a_file_is_compiled_once_for_all_its_messages(folder: Path) -> None:
    files = ProtoFiles(folder)
    first = files.read("proto/a/v1/main.proto", "a.v1.First", ASKED, Problems("c"))
    (folder / "proto/a/v1/other.proto").unlink()
    assert files.read("proto/a/v1/main.proto", "a.v1.Second", ASKED, Problems("c")).descriptors is first.descriptors


def test_files_compiled_together_are_what_each_gives_alone(tmp_path: Path) -> None:
    """Their own imports only, in protoc's order: fingerprints depend on it."""
    folder = tmp_path / "proto"
    folder.mkdir()
    head = 'syntax = "proto3";\npackage {0}.v1;\n'
    (folder / "x.proto").write_text(head.format("x") + "message X { int32 n = 1; }\n")
    (folder / "y.proto").write_text(head.format("y") + "message Y { int32 n = 1; }\n")
    both = 'import "{1}.proto";\nimport "{2}.proto";\nmessage M {{ x.v1.X x = 1; y.v1.Y y = 2; }}\n'
    (folder / "a.proto").write_text((head + both).format("a", "y", "x"))
    (folder / "b.proto").write_text((head + both).format("b", "x", "y"))
    place = Place(file="contracts/t.yaml")
    together = ProtoFiles(tmp_path)
    together.prepare(["proto/a.proto", "proto/b.proto", "proto/missing.proto"])
    for name in ("a", "b"):
        file, message = f"proto/{name}.proto", f"{name}.v1.M"
        alone = ProtoFiles(tmp_path).read(file, message, place, Problems("t"))
        assert together.read(file, message, place, Problems("t")) == alone
    (folder / "b.proto").write_text("no proto")
    half = ProtoFiles(tmp_path)
    half.prepare(["proto/a.proto", "proto/b.proto"])
    assert half.read("proto/a.proto", "a.v1.M", place, Problems("t")).message_index == (0,)
    with pytest.raises(Refused):
        half.read("proto/b.proto", "b.v1.M", place, Problems("t"))
