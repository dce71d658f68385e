"""Services against a real git reference: they are live, so what breaks generated producers is told before it is merged."""

from pathlib import Path

import pytest
from tests.sdk.check.conftest import Shop, row

from tidegate.check import before, service_changes
from tidegate.check.finding import Finding

CONTRACT = """\
status: {status}
team: {{name: shop}}
support: [{{channel: "#shop"}}]
schema:
  - physicalName: {topic}
    authoritativeDefinitions: [{{type: protobuf, url: "proto/shop/v1/{file}.proto#shop.v1.{message}"}}]
"""
STEP = """\
syntax = "proto3";

package shop.v1;

// It.
message Step {
  // It.
  string id = 1;
}
"""
SERVICE = """\
syntax = "proto3";

package shop.v1;

import "google/protobuf/empty.proto";
import "shop/v1/step.proto";
import "shop/v1/stop.proto";
import "tidegate/options/v1/options.proto";

service StepService {
  rpc Track(Step) returns (Response) {
    option (tidegate.options.v1.publish) = {topic: "shop.steps"};
  }
  rpc Follow(stream Step) returns (stream Response) {
    option (tidegate.options.v1.publish) = {topic: "shop.steps"};
  }
  rpc Stop(shop.v1.Stop) returns (google.protobuf.Empty) {
    option (tidegate.options.v1.publish) = {topic: "shop.stops"};
  }
}

message Response {
  int32 status_code = 1 [(tidegate.options.v1.receipt) = RECEIPT_STATUS];
  string message = 2 [(tidegate.options.v1.receipt) = RECEIPT_MESSAGE];
  string note = 3;
}
"""
FILE = "proto/shop/v1/step_service.proto"
OTHER = "proto/shop/v1/other_service.proto"
FOLLOW = SERVICE[SERVICE.index("  rpc Follow") : SERVICE.index("  rpc Stop")]
CODE = "code that was generated before breaks"


class Steps(Shop):
    """Three Protobuf contracts (two of one message) and a service."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (self.folder / "buf.yaml").write_text("version: v2\nlint: {use: [PACKAGE_DEFINED]}\n")
        for topic, message in (("shop.steps", "Step"), ("shop.others", "Step"), ("shop.stops", "Stop")):
            self.describe(topic, message)
        self.write("proto/shop/v1/step.proto", STEP)
        self.write("proto/shop/v1/stop.proto", STEP.replace("Step", "Stop"))
        self.write(FILE, SERVICE)

    def describe(self, topic: str, message: str, status: str = "active") -> None:
        self.write(
            f"contracts/{topic}.yaml",
            CONTRACT.format(topic=topic, file=message.lower(), message=message, status=status),
        )

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, *changes: tuple[str, str], name: str = FILE) -> None:
        """Each text stands there and is replaced once."""
        text = (self.folder / name).read_text()
        for was, now in changes:
            assert was in text
            text = text.replace(was, now, 1)
        self.write(name, text)

    def told(self) -> list[Finding]:
        """Every finding against main; each is an error with a hint."""
        found = list(self.examine(against="main").findings)
        assert all(one.severity == "error" and one.hint for one in found)
        return found


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    made = Steps(tmp_path / "repo")
    made.commit()
    return made


def test_streaming_a_method_that_is_gone_and_a_renumbered_field(steps: Steps) -> None:
    steps.edit(("rpc Track(Step)", "rpc Track(stream Step)"), (FOLLOW, ""), ("status_code = 1", "status_code = 9"))
    found = steps.told()
    assert [row(one) for one in found] == [
        (FILE, 10, "service/method-removed"),
        (FILE, 11, "service/streaming"),
        (FILE, 20, "service/response-field"),
    ]
    assert [one.message for one in found] == [
        "StepService.Follow is in main, and is gone: its producers get UNIMPLEMENTED",
        f"StepService.Track was unary in main and is a stream of requests now: {CODE}, and events may be lost",
        f"Response.status_code had the number 1 in main, and has 9 now: {CODE}",
    ]
    assert {one.topic for one in found} == {None}


def test_types_topics_and_streams_of_answers(steps: Steps) -> None:
    steps.edit(
        ('topic: "shop.steps"', 'topic: "shop.others"'),
        ("Follow(stream Step) returns (stream Response)", "Follow(stream Step) returns (google.protobuf.Empty)"),
        ("rpc Stop(shop.v1.Stop)", "rpc Stop(Step)"),
        ('topic: "shop.stops"', 'topic: "shop.steps"'),
    )
    found = steps.told()
    assert [(one.place.line, one.place.column, one.rule) for one in found] == [
        (12, 5, "service/topic"),
        (14, 3, "service/streaming"),
        (14, 36, "service/response"),
        (17, 12, "service/request"),
        (18, 5, "service/topic"),
    ]
    assert [one.message for one in found] == [
        "StepService.Track published to shop.steps in main and publishes to shop.others now: events go elsewhere",
        f"StepService.Follow was a stream of both in main and is a stream of requests now: {CODE}, and events may be lost",
        f"StepService.Follow answered shop.v1.Response in main and answers google.protobuf.Empty now: {CODE}",
        f"StepService.Stop took shop.v1.Stop in main and takes shop.v1.Step now: {CODE}",
        "StepService.Stop published to shop.stops in main and publishes to shop.steps now: events go elsewhere",
    ]


@pytest.mark.parametrize("file_stays", [True, False])
def test_a_service_that_is_gone_or_renamed(steps: Steps, *, file_stays: bool) -> None:
    if file_stays:
        steps.edit(("service StepService", "service StepsService"))
    else:
        (steps.folder / FILE).unlink()
    (found,) = steps.told()
    assert row(found) == (FILE, 1, "service/removed")
    assert found.message == "shop.v1.StepService is in main, and is gone: its producers get UNIMPLEMENTED"


def test_what_is_new_or_moved_or_said_otherwise_is_no_finding(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(service_changes, "run_protoc")  # places are asked for where something is told
    response = SERVICE[SERVICE.index("message Response") :]
    later = response.replace(
        "  string note = 3;\n", "  int64 offset = 4 [(tidegate.options.v1.receipt) = RECEIPT_OFFSET];\n"
    )
    (steps.folder / FILE).unlink()
    steps.write(OTHER, SERVICE.replace(response, later).replace("  rpc Stop", "  // It is said.\n  rpc Stop"))
    steps.edit((FOLLOW, FOLLOW.replace("Follow", "More") + FOLLOW), name=OTHER)
    more = FOLLOW.replace("stream Response", "stream google.protobuf.Empty")
    steps.edit(("message Response", f"service MoreService {{\n{more}}}\n\nmessage Response"), name=OTHER)
    assert steps.told() == []


def test_a_broken_service_is_told_once_and_the_others_are_compared(steps: Steps) -> None:
    other = SERVICE[: SERVICE.index("message Response")].replace("StepService", "OtherService")
    steps.write(
        OTHER,
        other.replace("(Response)", "(google.protobuf.Empty)").replace(
            "stream Response", "stream google.protobuf.Empty"
        ),
    )
    steps.commit()
    steps.edit(('topic: "shop.steps"', 'topic: "shop.step"'))
    steps.edit((FOLLOW.replace("stream Response", "stream google.protobuf.Empty"), ""), name=OTHER)
    assert [row(one) for one in steps.told()] == [(OTHER, 10, "service/method-removed"), (FILE, 12, "service/invalid")]


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_what_published_nowhere_breaks_nobody(steps: Steps, status: str) -> None:
    """A retired topic takes nothing; a draft's service is not served, whole."""
    steps.describe("shop.stops", "Stop", status)
    steps.commit()
    gone = SERVICE[SERVICE.index("  rpc Stop") : SERVICE.index("}\n\nmessage")]
    steps.edit((gone, ""))
    assert steps.told() == []
    steps.edit((FOLLOW, ""))
    assert [one.rule for one in steps.told()] == ([] if status == "draft" else ["service/method-removed"])


def test_a_service_that_was_broken_in_the_reference_is_mended(steps: Steps) -> None:
    steps.edit(('topic: "shop.steps"', 'topic: "shop.stops"'))
    steps.commit()
    steps.edit(('topic: "shop.stops"', 'topic: "shop.steps"'))
    assert steps.told() == []


def test_a_check_of_one_contract_or_without_git_compares_no_services(steps: Steps) -> None:
    (steps.folder / FILE).unlink()
    assert steps.examine("shop.steps", against="main").findings == ()
    assert steps.examine().findings == ()


def test_services_are_read_in_the_reference_only_where_they_may_differ(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most checks change no .proto file, and most folders have no service: those cost nothing more."""
    monkeypatch.delattr(before, "read_services")
    steps.edit(("name: shop", "name: shops"), name="contracts/shop.steps.yaml")
    assert steps.told() == []
    (steps.folder / FILE).unlink()
    with pytest.raises(NameError):
        steps.told()
    steps.commit()
    steps.edit(("// It.", "// Said otherwise."), name="proto/shop/v1/step.proto")
    assert steps.told() == []
