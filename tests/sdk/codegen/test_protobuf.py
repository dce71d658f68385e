"""Models of a Protobuf message with one field of each kind: their events are accepted, and become the same models."""

import datetime as dt
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from tests.sdk.codegen.conftest import STYLES, loaded

from tidegate.codegen.modules import module_of
from tidegate.codegen.writing import Style, module_text
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.fingerprint import fingerprint
from tidegate.contracts.source import ContractSource, VersionSource
from tidegate.contracts.verdict import Encoded
from tidegate.models import ModelError, from_json, to_json
from tidegate.repository.broken import Place, Problems
from tidegate.repository.proto_files import ProtoFiles

PROTO = """
syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

// Everything at once.
message Everything {
  string order_id = 1 [(buf.validate.field).string.min_len = 1]; // Its id.
  int64 big = 2;
  uint64 bigger = 3;
  double number = 4;
  bool yes = 5;
  bytes raw = 6;
  Kind kind = 7;
  optional int32 maybe = 8;
  Inner inner = 9;
  repeated Inner inners = 10;
  map<string, Inner> named = 11;
  map<int32, string> counted = 12;
  map<bool, Kind> flags = 13;
  oneof choice {
    string left = 14;
    Inner right = 15;
  }
  google.protobuf.Timestamp at = 16;
  google.protobuf.Duration took = 17;
  google.protobuf.StringValue wrapped = 18;
  google.protobuf.Struct free = 19;
  google.protobuf.FieldMask mask = 20;
  repeated google.protobuf.Timestamp times = 21;
  string class = 22;
  Everything again = 23;
  google.protobuf.Value any = 24;
  // How it is.
  enum Kind {
    // Not said.
    KIND_UNSPECIFIED = 0;
    KIND_A = 1;
  }
  message Inner {
    int32 from = 1;
  }
}
"""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> ContractSource:
    folder = tmp_path_factory.mktemp("schemas")
    path = folder / "proto/shop/v1/everything.proto"
    path.parent.mkdir(parents=True)
    path.write_text(PROTO)
    name, message = path.relative_to(folder).as_posix(), "shop.v1.Everything"
    made = ProtoFiles(Path(folder)).read(name, message, Place(file=name), Problems(name))
    source = VersionSource(
        number=1, schema_id=1, format="protobuf", schema=made.text, descriptors=made.descriptors,
        message=message, message_index=made.message_index,
    )  # fmt: skip
    source = msgspec.structs.replace(source, fingerprint=fingerprint(source))
    return ContractSource(topic="shop.everything", id="x", versions=(source,))


@pytest.fixture(scope="module")
def version(contract: ContractSource) -> CompiledVersion:
    return compile_version(contract.topic, contract.versions[0])


@pytest.fixture(scope="module", params=STYLES)
def made(request: pytest.FixtureRequest, contract: ContractSource) -> Iterator[ModuleType]:
    style: Style = request.param
    module = loaded(module_text(module_of(contract), style))
    yield module
    del sys.modules[module.__name__]


def test_a_full_model_is_the_same_after_its_event(made: ModuleType, version: CompiledVersion) -> None:
    at = dt.datetime(2026, 1, 31, 12, 0, 0, 123456, dt.UTC)
    inner = made.Inner(from_=-3)
    model = made.Everything(
        order_id="a", big=-(2**63), bigger=2**64 - 1, number=math.inf, yes=True, raw=b"\xff\x00",
        kind=made.Kind.KIND_A, maybe=0, inner=inner, inners=[inner, made.Inner()], named={"x": inner},
        counted={-1: "x"}, flags={True: made.Kind.KIND_A}, right=inner, at=at,
        took=dt.timedelta(seconds=-1.5), wrapped="", free={"a": [1.5, None, {"b": "c"}]}, mask="orderId,inner.from",
        times=[at], class_="x", again=made.Everything(order_id="b"), any={"k": [True]},
    )  # fmt: skip
    event = to_json(model)
    assert isinstance(version.check(event), Encoded), version.check(event)
    assert from_json(made.Everything, event) == model


def test_an_empty_model_says_only_what_has_no_presence(made: ModuleType, version: CompiledVersion) -> None:
    model = made.Everything(order_id="a")
    assert (model.maybe, model.left, model.at, model.wrapped, model.inner) == (None,) * 5
    assert (model.big, model.kind, model.counted) == (0, made.Kind.KIND_UNSPECIFIED, {})
    event = to_json(model)
    assert b"null" not in event
    short, long = version.check(b'{"orderId":"a"}'), version.check(event)
    assert isinstance(short, Encoded)
    assert short == long


def test_what_the_contract_requires_must_be_given(made: ModuleType) -> None:
    with pytest.raises((TypeError, ValueError)):
        made.Everything()
    with pytest.raises(ModelError, match="no Everything"):
        from_json(made.Everything, b"{}")


def test_the_oneof_and_the_comments_are_said(contract: ContractSource) -> None:
    text = module_text(module_of(contract), "dataclass")
    assert 'class Everything:\n    """Everything at once.\n' in text
    assert (
        'class Kind(_enum.Enum):\n    """How it is."""\n\n    KIND_UNSPECIFIED = "KIND_UNSPECIFIED"\n    """Not said."""\n'
        in text
    )
    assert "At most one is given: left, right." in text
    assert '"""Its id. Expected: string, at least 1 character."""' in text
