"""Descriptor sets made in process, and contract versions compiled from them."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from grpc_tools import protoc
from protobuf import DescFile
from protobuf.wkt.google.protobuf import empty_pb, struct_pb, timestamp_pb, wrappers_pb
from protobuf.wkt.google.protobuf.any_pb import Any
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet
from protobuf.wkt.google.protobuf.duration_pb import Duration
from protovalidate import ViolationPb

from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import UnknownFields, VersionSource

HERE = Path(__file__).parent
WELL_KNOWN = (Any, Duration, empty_pb.Empty, struct_pb.Struct, timestamp_pb.Timestamp, wrappers_pb.Int64Value)


def _imports() -> bytes:
    """What contracts import: the installed protovalidate's own file, Google's types, and what those import."""
    files: dict[str, DescFile] = {}

    def add(file: DescFile) -> None:
        for dependency in file.dependencies:
            add(dependency)
        files.setdefault(file.name, file)

    for message in (ViolationPb, *WELL_KNOWN):
        add(message.desc().file)
    return FileDescriptorSet(file=[file.proto for file in files.values()]).to_binary()


@lru_cache
def descriptors(text: str) -> bytes:
    """The descriptor set of one .proto text with every import and its comments."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "imports.bin").write_bytes(_imports())
        (root / "contract.proto").write_text(text)
        arguments = [
            "protoc", f"--proto_path={root}", f"--descriptor_set_in={root / 'imports.bin'}", "--include_imports",
            "--include_source_info", f"--descriptor_set_out={root / 'out.bin'}", "contract.proto",
        ]  # fmt: skip
        assert protoc.main(arguments) == 0
        return (root / "out.bin").read_bytes()


def compiled(
    text: str,
    message: str,
    *,
    sensitive: frozenset[str] = frozenset(),
    key: str | None = None,
    event_time: str | None = None,
    drop: bool = False,
    unknown_fields: UnknownFields = "reject",
) -> CompiledVersion:
    """One version of a contract whose message is `message` in the .proto `text`."""
    source = VersionSource(
        number=1,
        schema_id=7,
        format="protobuf",
        schema=text,
        descriptors=descriptors(text),
        message=message,
        message_index=(0,),
        key=key,
        event_time=event_time,
        unknown_fields="drop" if drop else unknown_fields,
    )
    return compile_version("a.topic", source, sensitive)


@pytest.fixture(scope="session")
def compile_text() -> Callable[..., CompiledVersion]:
    """`compiled`: a .proto text and a message's name to a version."""
    return compiled


@pytest.fixture(scope="session")
def descriptor_set() -> Callable[[str], bytes]:
    """`descriptors`: a .proto text to its descriptor set."""
    return descriptors


@pytest.fixture(scope="session")
def rich_set() -> bytes:
    """The descriptor set of rich.proto."""
    return descriptors((HERE / "rich.proto").read_text())


@pytest.fixture(scope="session")
def rich() -> CompiledVersion:
    """Every kind of field, no rules."""
    return compiled((HERE / "rich.proto").read_text(), "rich.v1.Rich")


@pytest.fixture(scope="session")
def rich_dropping() -> CompiledVersion:
    """As `rich`, with unknown fields dropped."""
    return compiled((HERE / "rich.proto").read_text(), "rich.v1.Rich", drop=True)


@pytest.fixture(scope="session")
def status_text() -> str:
    """The .proto text of `status`."""
    return (HERE / "status.proto").read_text()


@pytest.fixture(scope="session")
def status(status_text: str) -> CompiledVersion:
    """An order's status with rules, a key and an event time."""
    return compiled(status_text, "coffeeco.v1.OrderStatus", key="order_id", event_time="changedAt")
