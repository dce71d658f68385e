"""Services of contracts in a check: what no gateway could serve is an error at its place."""

from pathlib import Path

from tidegate.check.examination import examine

CONTRACT = """\
team: {name: shop}
support: [{channel: "#shop"}]
schema:
  - physicalName: shop.steps
    authoritativeDefinitions: [{type: protobuf, url: proto/shop/v1/step.proto#shop.v1.Step}]
"""
STEP = 'syntax = "proto3";\n\npackage shop.v1;\n\n// It.\nmessage Step {\n  // It.\n  string id = 1;\n}\n'
SERVICE = """\
syntax = "proto3";

package shop.v1;

import "google/protobuf/empty.proto";
import "shop/v1/step.proto";
import "tidegate/options/v1/options.proto";

service StepService {
  rpc Track(Step) returns (google.protobuf.Empty) {
    option (tidegate.options.v1.publish) = {topic: "shop.steps"};
  }
}
"""
FILE = "proto/shop/v1/step_service.proto"


def folder_with(root: Path, service: str) -> Path:
    for name, text in {"contracts/shop.steps.yaml": CONTRACT, "proto/shop/v1/step.proto": STEP, FILE: service}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_sound_service_is_judged_with_the_schemas_as_they_are_edited(tmp_path: Path) -> None:
    assert examine(folder_with(tmp_path, SERVICE)).findings == ()


def test_what_cannot_be_served_is_an_error_at_its_place(tmp_path: Path) -> None:
    examined = examine(folder_with(tmp_path, SERVICE.replace('"shop.steps"', '"shop.step"')))
    (finding,) = examined.findings
    assert (finding.place.file, finding.place.line, finding.place.column) == (FILE, 11, 5)
    assert (finding.rule, finding.severity, finding.topic) == ("service/invalid", "error", None)
    assert finding.message.endswith('did you mean "shop.steps"?')
    assert finding.hint
    assert examined.broken


def test_a_broken_schema_is_told_once_and_not_by_its_services_too(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, SERVICE)
    (folder / "proto/shop/v1/step.proto").write_text(STEP.replace("string id", "strin id"))
    assert [(one.place.file, one.rule) for one in examine(folder).findings] == [
        ("proto/shop/v1/step.proto", "schema/invalid")
    ]


def test_a_check_of_one_contract_leaves_services_alone(tmp_path: Path) -> None:
    """One may publish to contracts that were not asked for."""
    assert examine(folder_with(tmp_path, SERVICE.replace('"shop.steps"', '"shop.step"')), ["shop.steps"]).findings == ()
