"""Services of contracts: what is served, and every refusal with its file, line and column."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from google.protobuf import descriptor_pb2
from tests.sdk.repository.conftest import PROTO, PROTO_CONTRACT, Shop

from tidegate.contracts.services import EMPTY, EVENT_RECEIPT, MethodSource, ReplyField, ReplySource, ServiceSource
from tidegate.contracts.source import ContractSource
from tidegate.repository.folder import read
from tidegate.repository.service_rules import Rules
from tidegate.repository.services import Services, read_services

SERVICE = "proto/shop/v1/step_service.proto"
TEXT = """\
syntax = "proto3";
package shop.v1;
import "google/protobuf/empty.proto";
import "shop/v1/step.proto";
import "tidegate/ingest/v1/ingest.proto";
import "tidegate/options/v1/options.proto";

// What happens to orders.
//
// buf:lint:ignore RPC_REQUEST_STANDARD_NAME
service StepService {
  // One step.
  rpc Track(Step) returns (Reply) { option (tidegate.options.v1.publish) = {topic: "shop.steps"}; }
  rpc TrackAll(stream Step) returns (google.protobuf.Empty) {
    option (tidegate.options.v1.publish).topic = "shop.steps";
  }
  rpc Follow(stream Step) returns (stream tidegate.ingest.v1.EventReceipt) {
    option (tidegate.options.v1.publish) = {topic: "shop.steps"};
  }
}

message Reply {
  string text = 2 [(tidegate.options.v1.receipt) = RECEIPT_MESSAGE];
  sint32 status = 1 [(tidegate.options.v1.receipt) = RECEIPT_STATUS];
  Inner more = 3;
  message Inner {
    optional sfixed64 offset = 9 [(tidegate.options.v1.receipt) = RECEIPT_OFFSET];
  }
}
"""
AVRO = '{"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "orderId", "type": "string"}]}'
AVRO_CONTRACT = """\
schema:
  - physicalName: shop.orders
    authoritativeDefinitions:
      - {type: avro, url: avro/shop/order.avsc}
"""


Contracts = Mapping[str, ContractSource]
NONE: Mapping[str, ServiceSource] = MappingProxyType({})


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Contracts:
    """shop.steps, and shop.orders, which is Avro."""
    shop = Shop(tmp_path_factory.mktemp("contracts"))
    shop.contract(PROTO_CONTRACT, "shop.steps")
    shop.write("proto/shop/v1/step.proto", PROTO)
    shop.contract(AVRO_CONTRACT)
    shop.write("avro/shop/order.avsc", AVRO)
    return {source.topic: source for source in read(shop.folder, working_copies=True).contracts}


@pytest.fixture
def with_service(proto_shop: Shop) -> Shop:
    """The message of shop.steps, with a service of three methods."""
    proto_shop.write(SERVICE, TEXT)
    return proto_shop


Reader = Callable[..., Services]


@pytest.fixture
def services(contracts: Contracts) -> Reader:
    """Reads a shop's services, against both contracts where none are given, with what was served before."""

    def read_them(shop: Shop, known: Mapping[str, ServiceSource] = NONE, held: Contracts = contracts) -> Services:
        return read_services(shop.folder, held, known)

    return read_them


def broken(found: Services) -> list[str]:
    return [str(row) for row in found.broken]


def test_methods_and_replies_of_all_forms(with_service: Shop, services: Reader) -> None:
    found = services(with_service)
    assert found.broken == ()
    (service,) = found.services.values()
    assert (service.name, service.file, service.doc) == ("shop.v1.StepService", SERVICE, "What happens to orders.")
    own = ReplySource(
        message="shop.v1.Reply",
        form="own",
        fields=(ReplyField(number=1, part="status", wire="zigzag"), ReplyField(number=2, part="message", wire="text")),
    )
    step = {"topic": "shop.steps", "request": "shop.v1.Step"}
    assert service.methods == (
        MethodSource(name="Track", reply=own, doc="One step.", **step),
        MethodSource(name="TrackAll", reply=ReplySource(message=EMPTY, form="empty"), takes_stream=True, **step),
        MethodSource(
            name="Follow",
            reply=ReplySource(message=EVENT_RECEIPT, form="receipt"),
            takes_stream=True,
            answers_stream=True,
            **step,
        ),
    )


def test_descriptors_are_whole_and_bare(with_service: Shop, services: Reader) -> None:
    (service,) = services(with_service).services.values()
    files = descriptor_pb2.FileDescriptorSet.FromString(service.descriptors).file
    seen: set[str] = set()
    for file in files:
        assert set(file.dependency) <= seen, "imports stand first"
        assert not file.HasField("source_code_info")
        seen.add(file.name)
    assert files[-1].name == "shop/v1/step_service.proto"
    assert {"buf/validate/validate.proto", "tidegate/options/v1/options.proto"} <= seen


def test_a_folder_without_services_needs_no_protoc(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, services: Reader
) -> None:
    monkeypatch.setattr("tidegate.repository.services.run_protoc", None)
    assert services(shop) == Services(services={})


def test_files_that_do_not_import_the_options_are_not_ours(with_service: Shop, services: Reader) -> None:
    other = (
        'syntax = "proto3";\n// tidegate/options/v1/options.proto\nmessage A {}\nservice S { rpc Do(A) returns (A); }\n'
    )
    with_service.write("proto/other.proto", other)
    assert sorted(services(with_service).services) == ["shop.v1.StepService"]
    assert broken(services(with_service)) == []


REPLACED = {
    "no topic of that name": (
        '{topic: "shop.steps"}; }',
        '{topic: "shop.step"}; }',
        '13:37: StepService.Track: no contract of the topic "shop.step" is served here; did you mean "shop.steps"?',
    ),
    "no topic at all": ('{topic: "shop.steps"}; }', "{}; }", "13:37: StepService.Track: the option publish names no topic"),
    "an Avro contract": (
        '{topic: "shop.steps"}; }',
        '{topic: "shop.orders"}; }',
        ("13:13: StepService.Track: the contract of shop.orders is Avro: a method's request is a Protobuf message, which it "
        "cannot judge"),
    ),
    "another message": (
        "Track(Step)",
        "Track(Before)",
        "13:13: StepService.Track: the contract of shop.steps is about shop.v1.Step, and the method's request is shop.v1.Before",
    ),
    "a method without the option": (
        '{ option (tidegate.options.v1.publish) = {topic: "shop.steps"}; }',
        "{}",
        ("13:3: StepService.Track has no option (tidegate.options.v1.publish), and a service is served whole: give it one, or "
        "move it to a service of its own in a file that does not import the options"),
    ),
    "a stream of answers to one event": (
        "Track(Step) returns (Reply)",
        "Track(Step) returns (stream Reply)",
        ("13:28: StepService.Track answers one event with a stream: each event has one receipt, so a method is unary, or "
        "streams requests, or both"),
    ),
    "an answer without mapped fields": (
        "Track(Step) returns (Reply)",
        "Track(Step) returns (Before)",
        ("13:28: StepService.Track answers shop.v1.Before, and no field of it has the option (tidegate.options.v1.receipt): "
        "answer tidegate.ingest.v1.EventReceipt, google.protobuf.Empty, or a message that has one"),
    ),
    "a status that is text": (
        "sint32 status",
        "string status",
        "24:3: status has the option RECEIPT_STATUS, so it must be an integer",
    ),
    "many statuses": (
        "sint32 status",
        "repeated sint32 status",
        "24:12: status has the option RECEIPT_STATUS, so it must be an integer",
    ),
    "a status that is a float": (
        "sint32 status",
        "double status",
        "24:3: status has the option RECEIPT_STATUS, so it must be an integer",
    ),
    "a message that is bytes": (
        "string text",
        "bytes text",
        "23:3: text has the option RECEIPT_MESSAGE, so it must be a string",
    ),
    "an offset too narrow": (
        "RECEIPT_STATUS",
        "RECEIPT_OFFSET",
        ("24:3: status has the option RECEIPT_OFFSET, so it must be an int64, sint64 or sfixed64: offsets pass 2^31 and may "
        "be -1"),
    ),
    "a member of a oneof": (
        "string text = 2 [(tidegate.options.v1.receipt) = RECEIPT_MESSAGE];",
        "oneof form { string text = 2 [(tidegate.options.v1.receipt) = RECEIPT_MESSAGE]; bytes raw = 4; }",
        "23:16: text stands in a oneof, and only one of its members can be set",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLACED)
def test_what_cannot_be_served_is_refused_at_its_place(with_service: Shop, case: str, services: Reader) -> None:
    old, new, said = REPLACED[case]
    with_service.write(SERVICE, TEXT.replace(old, new, 1))
    found = services(with_service)
    assert broken(found) == [f"{SERVICE}:{said}"]
    assert found.services == {}


def test_every_fault_of_a_service_is_told_at_once(with_service: Shop, services: Reader) -> None:
    with_service.write(SERVICE, TEXT.replace("sint32 status", "bool status").replace('"shop.steps"', '"nothing"'))
    rows = broken(services(with_service))
    assert [row.split(":")[1] for row in rows] == ["13", "24", "15", "18"]
    assert rows[0].endswith("topics with one: shop.orders, shop.steps")


def test_a_field_of_a_nested_answer_may_be_mapped(with_service: Shop, services: Reader) -> None:
    with_service.write(SERVICE, TEXT.replace("returns (Reply)", "returns (Reply.Inner)"))
    reply = services(with_service).services["shop.v1.StepService"].methods[0].reply
    assert reply.fields == (ReplyField(number=9, part="offset", wire="fixed64"),)


def test_names_of_others_are_refused(with_service: Shop, services: Reader) -> None:
    text = TEXT.replace("package shop.v1;", "package grpc.health.v1;").replace("(Step)", "(shop.v1.Step)")
    with_service.write(SERVICE, text.replace("stream Step", "stream shop.v1.Step"))
    assert broken(services(with_service)) == [
        f"{SERVICE}:11:1: grpc.health.v1.StepService: names below grpc belong to others"
    ]


def test_a_required_field_must_be_filled(with_service: Shop, services: Reader) -> None:
    reply = """\
syntax = "proto2";
package shop.v1;
import "tidegate/options/v1/options.proto";
message Old {
  required string id = 1 [(tidegate.options.v1.receipt) = RECEIPT_ID];
  required string other = 2;
}
"""
    with_service.write("proto/shop/v1/old.proto", reply)
    text = TEXT.replace("returns (Reply)", "returns (Old)").replace(
        'import "shop/v1/step', 'import "shop/v1/old.proto";\nimport "shop/v1/step'
    )
    with_service.write(SERVICE, text)
    assert broken(services(with_service)) == ["proto/shop/v1/old.proto:6:3: other is required and nothing fills it"]


def test_a_service_beside_its_message_is_refused(proto_shop: Shop, services: Reader) -> None:
    """The released text would change with it (contracts.md: services live in a file apart)."""
    method = 'rpc Track(Step) returns (Before) { option (tidegate.options.v1.publish) = {topic: "shop.steps"}; }'
    text = proto_shop.text("proto/shop/v1/step.proto").replace(
        'import "buf', 'import "tidegate/options/v1/options.proto";\nimport "buf'
    )
    text = text.replace(
        "message Before {}", "message Before { string id = 1 [(tidegate.options.v1.receipt) = RECEIPT_ID]; }"
    )
    proto_shop.write("proto/shop/v1/step.proto", f"{text}service Here {{ {method} }}\n")
    (row,) = broken(services(proto_shop))
    assert "shop.v1.Here stands in the file of shop.steps's message" in row
    assert "services live in a file of their own" in row


def test_a_service_without_methods(with_service: Shop, services: Reader) -> None:
    with_service.write(SERVICE, TEXT + "service Nothing {}\n")
    assert broken(services(with_service)) == [f"{SERVICE}:30:1: shop.v1.Nothing has no method"]
    assert sorted(services(with_service).services) == ["shop.v1.StepService"], "the other one of the file is served"


def test_protocs_complaints_take_one_file_down_and_no_other(with_service: Shop, services: Reader) -> None:
    with_service.write("proto/shop/v1/bad.proto", TEXT.replace("message Reply {", "message Reply { nonsense"))
    found = services(with_service)
    assert sorted(found.services) == ["shop.v1.StepService"]
    assert found.broken
    assert {row.file for row in found.broken} == {"proto/shop/v1/bad.proto"}


ODD: dict[str, tuple[dict[str, str | bytes], str]] = {
    "text that is not UTF-8": (
        {SERVICE: TEXT.encode().replace(b"// One", b"// \xff")},
        f"{SERVICE}:12:6: is not UTF-8 text",
    ),
    "an import whose text is not UTF-8": (
        {
            "proto/shop/v1/odd.proto": b'syntax = "proto3";\npackage shop.v1;\n// \xff\nmessage Odd {}\n',
            SERVICE: TEXT.replace("import", 'import "shop/v1/odd.proto";\nimport', 1),
        },
        f"{SERVICE}:1:1: what protoc makes of it cannot be read",
    ),
    "an import of options alone": (
        {
            SERVICE: TEXT.replace('syntax = "proto3"', 'edition = "2024"').replace(
                'import "tide', 'import option "tide', 2
            )
        },
        f"{SERVICE}:6:1: the options of services are imported by a plain import, without `option`",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_files_are_refused_and_take_no_other_down(with_service: Shop, services: Reader, case: str) -> None:
    files, said = ODD[case]
    for name, text in files.items():
        with_service.write(name, text)
    with_service.write("proto/shop/v1/a.proto", TEXT.replace("StepService", "Good").replace("Reply", "Answer"))
    found = services(with_service)
    (row,) = broken(found)
    assert row.startswith(said)
    assert list(found.services) == ["shop.v1.Good"]


def test_a_fault_of_ours_takes_one_file_down(
    with_service: Shop, services: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_service.write("proto/shop/v1/a.proto", TEXT.replace("StepService", "Good").replace("Reply", "Answer"))
    judge = Rules.read

    def fails(rules: Rules, name: str) -> object:
        return judge(rules, name) if name.endswith("a.proto") else 1 / 0

    monkeypatch.setattr(Rules, "read", fails)
    found = services(with_service)
    assert list(found.services) == ["shop.v1.Good"]
    assert broken(found) == [
        f"{SERVICE}:1:1: cannot be served, by a fault of Tidegate: ZeroDivisionError('division by zero')"
    ]


def test_options_that_are_not_ours_name_no_topic(with_service: Shop, services: Reader) -> None:
    """A folder's own copy may say anything."""
    options = (
        'syntax = "proto3"; package tidegate.options.v1; import "google/protobuf/descriptor.proto";'
        "extend google.protobuf.MethodOptions { string publish = 51730; }"
        "extend google.protobuf.FieldOptions { string receipt = 51731; }"
    )
    service = (
        'syntax = "proto3";\npackage shop.v1;\nimport "shop/v1/step.proto";\nimport "tidegate/options/v1/options.proto";\n'
        'message R { string id = 1 [(tidegate.options.v1.receipt) = "x"]; }\n'
        'service S { rpc A(Step) returns (R) { option (tidegate.options.v1.publish) = "shop.steps"; } }'
    )
    with_service.write("proto/tidegate/options/v1/options.proto", options)
    with_service.write(SERVICE, service)
    first, second = broken(services(with_service))
    assert first.startswith(f"{SERVICE}:6:39: S.A: the option publish names no topic")
    assert second.startswith(f"{SERVICE}:6:34: S.A answers shop.v1.R, and no field of it has the option")


@pytest.mark.parametrize(
    ("head", "package"),
    [('syntax = "proto2";', "shop.v1"), ('edition = "2023";', "shop.v1"), ('edition = "2024";', "shop.v1"), ('syntax = "proto3";', "")],
)  # fmt: skip
def test_every_syntax_and_no_package(with_service: Shop, services: Reader, head: str, package: str) -> None:
    method = 'rpc A(shop.v1.Step) returns (google.protobuf.Empty) { option (tidegate.options.v1.publish).topic = "shop.steps"; }'
    lines = [head, f"package {package};" if package else "", 'import "google/protobuf/empty.proto";']
    lines += [
        'import "shop/v1/step.proto";',
        'import "tidegate/options/v1/options.proto";',
        f"service S {{ {method} }}",
    ]
    with_service.write(SERVICE, "\n".join(lines))
    found = services(with_service)
    assert (broken(found), list(found.services)) == ([], [f"{package}.S" if package else "S"])


def test_of_two_files_with_one_name_the_first_is_served(with_service: Shop, services: Reader) -> None:
    with_service.write("proto/shop/v1/z.proto", TEXT)
    found = services(with_service)
    assert sorted(found.services) == ["shop.v1.StepService"]
    assert {row.file for row in found.broken} == {"proto/shop/v1/z.proto"}
    assert any(
        '"shop.v1.StepService" is already defined in file "shop/v1/step_service.proto"' in str(row)
        for row in found.broken
    )


def test_a_broken_service_stays_as_it_was(with_service: Shop, services: Reader) -> None:
    known = services(with_service).services
    with_service.edit(SERVICE, "sint32 status", "bool status")
    found = services(with_service, known)
    assert found.services == known
    assert [row.detail.endswith("; served as before it broke") for row in found.broken] == [True]


def test_a_service_that_left_a_file_goes_whatever_else_is_broken_there(with_service: Shop, services: Reader) -> None:
    """Which services a file declares is known once it compiles."""
    other = TEXT[TEXT.index("service StepService") : TEXT.index("message Reply")].replace("StepService", "Other")
    with_service.write(SERVICE, TEXT + other)
    known = services(with_service).services
    assert sorted(known) == ["shop.v1.Other", "shop.v1.StepService"]
    with_service.write(SERVICE, TEXT.replace('"shop.steps"', '"nothing"'))
    assert sorted(services(with_service, known).services) == ["shop.v1.StepService"]


def test_a_service_whose_contract_left_goes(with_service: Shop, services: Reader, contracts: Contracts) -> None:
    known = services(with_service).services
    found = services(with_service, known, {"shop.orders": contracts["shop.orders"]})
    assert found.services == {}
    assert len(found.broken) == 3
    assert not any("served as before" in row.detail for row in found.broken)


def test_a_service_that_was_removed_goes(with_service: Shop, services: Reader) -> None:
    known = services(with_service).services
    (with_service.folder / SERVICE).unlink()
    assert services(with_service, known) == Services(services={})


def test_a_folder_that_cannot_be_read_takes_no_service_down(
    with_service: Shop, services: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = services(with_service).services

    def vanish(_self: Path, _pattern: str) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "rglob", vanish)
    found = services(with_service, known)
    assert found.services == known
    told = "proto:1:1: the folder proto/ cannot be read: No such file or directory"
    assert broken(services(with_service)) == [told]


def test_one_file_of_two_broken_later(with_service: Shop, services: Reader) -> None:
    """What is broken keeps its last good form; what is sound is served as it is now."""
    with_service.write("proto/shop/v1/more.proto", TEXT.replace("StepService", "More").replace("Reply", "Answer"))
    known = services(with_service).services
    with_service.edit(SERVICE, "service StepService {", "service StepService { what")
    with_service.edit("proto/shop/v1/more.proto", "rpc Track(", "rpc Trace(")
    found = services(with_service, known)
    assert sorted(found.services) == ["shop.v1.More", "shop.v1.StepService"]
    assert found.services["shop.v1.More"].methods[0].name == "Trace"
    assert found.services["shop.v1.StepService"] == known["shop.v1.StepService"]
