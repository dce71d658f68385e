"""Protobuf by buf: each class of change that Confluent's registry refuses is refused here, with its line; and what buf allows.

One folder and one call of buf for all classes: each is a contract of its own, released as version 1 and edited.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdk.check.conftest import Shop

from tidegate.check.examination import Examined, examine
from tidegate.check.finding import CannotRun, Finding
from tidegate.repository.release import release

CONTRACT = """\
team: {{name: shop}}
support: [{{channel: "#shop"}}]
schema:
  - physicalName: shop.{name}
    authoritativeDefinitions: [{{type: protobuf, url: "proto/shop/{name}/v1/{name}.proto#{message}"}}]
    customProperties:
      - {{property: compatibility, value: {level}}}
      - {{property: inputs, value: {inputs}}}
"""
HEAD = 'syntax = "proto3";\npackage shop.{name}.v1;\n'
ORDER = "message Order {{\n{0}\n}}\n"

# Confluent's class: the body of message Order before and after (line 4 is the first), what is told, and the line.
CLASSES: dict[str, tuple[str, str, str, int]] = {
    "field_kind_changed": ("  string a = 1;", "  int32 a = 1;", "buf/FIELD_WIRE_JSON_COMPATIBLE_TYPE", 4),
    "field_scalar_kind_changed": ("  int32 a = 1;", "  sint32 a = 1;", "buf/FIELD_WIRE_JSON_COMPATIBLE_TYPE", 4),
    "field_wider": ("  int32 a = 1;", "  int64 a = 1;", "buf/FIELD_WIRE_JSON_COMPATIBLE_TYPE", 4),
    "field_named_type_changed": (
        "  A a = 1;\n  message A {}\n  message B {}", "  B a = 1;\n  message A {}\n  message B {}",
        "buf/FIELD_WIRE_JSON_COMPATIBLE_TYPE", 4,
    ),
    "field_numeric_label_changed": (
        "  int32 a = 1;", "  repeated int32 a = 1;", "buf/FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", 4,
    ),
    "oneof_field_removed": (
        "  oneof o {\n    int32 a = 1;\n    int32 b = 2;\n  }",
        '  reserved 2;\n  reserved "b";\n  oneof o {\n    int32 a = 1;\n  }',
        "compatibility/oneof-field-removed", 3,
    ),
    "multiple_fields_moved_to_oneof": (
        "  int32 a = 1;\n  int32 b = 2;", "  oneof o {\n    int32 a = 1;\n    int32 b = 2;\n  }", "buf/FIELD_SAME_ONEOF", 5,
    ),
    "field_moved_to_existing_oneof": (
        "  oneof o {\n    int32 a = 1;\n  }\n  int32 b = 2;", "  oneof o {\n    int32 a = 1;\n    int32 b = 2;\n  }",
        "buf/FIELD_SAME_ONEOF", 6,
    ),
    "message_removed": ("  int32 a = 1;\n  message A {}", "  int32 a = 1;", "compatibility/message-removed", 3),
    "field_removed": ("  int32 a = 1;\n  int32 b = 2;", "  int32 a = 1;", "buf/FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", 3),
    "field_renamed": ("  int32 a = 1;", "  int32 b = 1;", "buf/FIELD_SAME_NAME", 4),
    "enum_value_removed": (
        "  E a = 1;\n  enum E {\n    E_UNSPECIFIED = 0;\n    E_B = 1;\n  }", "  E a = 1;\n  enum E {\n    E_UNSPECIFIED = 0;\n  }",
        "buf/ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", 5,
    ),
}  # fmt: skip
FINE = {
    "field_added": ("  int32 a = 1;", "  int32 a = 1;\n  int32 b = 2;"),
    "message_added": ("  int32 a = 1;", "  int32 a = 1;\n  message A {}"),
    "enum_value_added": (
        "  E a = 1;\n  enum E {\n    E_UNSPECIFIED = 0;\n  }",
        "  E a = 1;\n  enum E {\n    E_UNSPECIFIED = 0;\n    E_B = 1;\n  }",
    ),
}


RULED = HEAD + 'import "buf/validate/validate.proto";\n'
PRODUCERS = {
    "newly_required": ("", "[(buf.validate.field).required = true]", "rule-added"),
    "new_maximum": ("", "[(buf.validate.field).int32.lte = 9]", "rule-added"),
    "lower_maximum": ("[(buf.validate.field).int32.lte = 9]", "[(buf.validate.field).int32.lt = 9]", "rule-tightened"),
    "fewer_values": ("[(buf.validate.field).int32 = {in: [1, 2]}]", "[(buf.validate.field).int32 = {in: [1]}]", "rule-tightened"),
    "more_refused": ("[(buf.validate.field).int32 = {not_in: [1]}]", "[(buf.validate.field).int32 = {not_in: [1, 2]}]", "rule-tightened"),
    "new_expression": ("", '[(buf.validate.field).cel = {id: "r", expression: "this > 0"}]', "rule-added"),
    "new_bare_expression": ("", '[(buf.validate.field).cel_expression = "this > 0"]', "rule-added"),
    "no_longer_ignored": (
        "[(buf.validate.field) = {ignore: IGNORE_ALWAYS, int32: {lte: 9}}]", "[(buf.validate.field).int32.lte = 9]", "rule-added",
    ),
    "zero_no_longer_ignored": (
        "[(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, int32: {gte: 1}}]", "[(buf.validate.field).int32.gte = 1]",
        "rule-tightened",
    ),
}  # fmt: skip
OF_MESSAGES = {
    "oneof_required": ("  oneof o {\n    int32 x = 1;\n    int32 y = 2;\n  }", "  oneof o {\n    option (buf.validate.oneof).required = true;\n    int32 x = 1;\n    int32 y = 2;\n  }"),
    "at_most_one": ("  int32 x = 1;\n  int32 y = 2;", '  option (buf.validate.message).oneof = {fields: ["x", "y"]};\n  int32 x = 1;\n  int32 y = 2;'),
    "exactly_one": (
        '  option (buf.validate.message).oneof = {fields: ["x", "y"]};\n  int32 x = 1;\n  int32 y = 2;',
        '  option (buf.validate.message).oneof = {fields: ["x", "y"], required: true};\n  int32 x = 1;\n  int32 y = 2;',
    ),
}  # fmt: skip
LOOSER = {
    "expression_gone": ('[(buf.validate.field).cel_expression = "this > 0"]', ""),
    "now_ignored": ("", "[(buf.validate.field) = {ignore: IGNORE_ALWAYS, int32: {lte: 9}}]"),
    "zero_now_ignored": (
        "[(buf.validate.field).int32.gte = 1]", "[(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, int32: {gte: 1}}]",
    ),
}  # fmt: skip


def write(
    folder: Path, name: str, body: str, *, level: str = "WIRE_JSON", inputs: str = "pinned", head: str = HEAD
) -> None:
    contract = CONTRACT.format(name=name, message=f"shop.{name}.v1.Order", level=level, inputs=inputs)
    (folder / f"contracts/shop.{name}.yaml").write_text(contract)
    path = folder / f"proto/shop/{name}/v1/{name}.proto"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head.format(name=name) + ORDER.format(body))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every class as a contract, released and then changed; names of enums break buf's style, which is not the matter here."""
    root = tmp_path_factory.mktemp("protobuf")
    (root / "buf.yaml").write_text("version: v2\nlint:\n  use: [MINIMAL]\n")
    made = root / "schemas"
    (made / "contracts").mkdir(parents=True)
    both = {**{name: row[:2] for name, row in CLASSES.items()}, **FINE}
    for name, (before, _) in both.items():
        write(made, name, before)
        release(made, f"shop.{name}")
    for name, (_, after) in both.items():
        write(made, name, after)
    for name, (before, after, _) in PRODUCERS.items():
        write(made, name, f"  int32 x = 1 {before};", head=RULED, inputs="any")
        release(made, f"shop.{name}")
        write(made, name, f"  int32 x = 1 {after};", head=RULED, inputs="any")
    for name, (before, after) in OF_MESSAGES.items():
        write(made, name, before, head=RULED, inputs="any")
        release(made, f"shop.{name}")
        write(made, name, after, head=RULED, inputs="any")
    for name, (before, after) in LOOSER.items():
        write(made, name, f"  int32 x = 1 {before};", head=RULED, inputs="any")
        release(made, f"shop.{name}")
        write(made, name, f"  int32 x = 1 {after};", head=RULED, inputs="any")
    return made


@pytest.fixture(scope="module")
def examined(folder: Path) -> Examined:
    return examine(folder)


def of(examined: Examined, name: str) -> Iterator[Finding]:
    return (one for one in examined.findings if one.topic == f"shop.{name}" and one.severity == "error")


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_of_confluents_is_refused_with_its_line(examined: Examined, name: str) -> None:
    rule, line = CLASSES[name][2:]
    found = {(one.place.file, one.place.line, one.rule) for one in of(examined, name)}
    assert (f"proto/shop/{name}/v1/{name}.proto", line, rule) in found
    assert all("version 1 break" in one.message for one in of(examined, name))


@pytest.mark.parametrize("name", OF_MESSAGES)
def test_rules_of_several_fields(examined: Examined, name: str) -> None:
    assert [one.rule for one in of(examined, name)] == ["producer/rule-added"]


@pytest.mark.parametrize("name", LOOSER)
def test_rules_that_ask_less(examined: Examined, name: str) -> None:
    assert list(of(examined, name)) == []


@pytest.mark.parametrize("name", FINE)
def test_what_is_compatible(examined: Examined, name: str) -> None:
    assert list(of(examined, name)) == []


@pytest.mark.parametrize("name", PRODUCERS)
def test_rules_for_producers(examined: Examined, name: str) -> None:
    found = [(one.place.file, one.place.line, one.rule) for one in of(examined, name)]
    assert found == [(f"proto/shop/{name}/v1/{name}.proto", 5, f"producer/{PRODUCERS[name][2]}")]


def test_nothing_of_the_way_shows(examined: Examined) -> None:
    """Versions are judged side by side under made-up packages; nobody shall read those."""
    assert not any("tidegatepair" in one.message + one.place.file for one in examined.findings)


@pytest.fixture
def proto_shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    write(made.folder, "a", "  int32 x = 1;")
    made.release("shop.a")
    return made


def errors(shop: Shop, level: str, body: str, **more: str) -> list[tuple[str, int, str]]:
    write(shop.folder, "a", body, level=level, **more)
    return shop.errors()


def test_levels_are_mapped_to_buf(proto_shop: Shop) -> None:
    """WIRE lets a field be renamed; NONE lets everything; Avro's names stand for WIRE_JSON."""
    assert errors(proto_shop, "WIRE", "  int32 y = 1;") == []
    assert errors(proto_shop, "NONE", "  string x = 1;") == []
    renamed = {"buf/FIELD_SAME_NAME", "buf/FIELD_SAME_JSON_NAME"}
    for level in ("BACKWARD", "FULL_TRANSITIVE", "FILE"):
        assert renamed <= {row[2] for row in errors(proto_shop, level, "  int32 y = 1;")}


def test_transitive_levels_look_further_back(proto_shop: Shop) -> None:
    write(proto_shop.folder, "a", "  string x = 1;", level="NONE")
    proto_shop.release("shop.a")
    assert errors(proto_shop, "FULL", "  string x = 1;\n  int32 y = 2;") == []
    assert {row[2] for row in errors(proto_shop, "FULL_TRANSITIVE", "  string x = 1;\n  int32 y = 2;")} == {
        "buf/FIELD_WIRE_JSON_COMPATIBLE_TYPE"
    }


def test_another_message_or_package(proto_shop: Shop) -> None:
    contract = proto_shop.folder / "contracts/shop.a.yaml"
    path = proto_shop.folder / "proto/shop/a/v1/a.proto"
    path.write_text(path.read_text() + "message Sale {\n  int32 x = 1;\n}\n")
    contract.write_text(contract.read_text().replace("v1.Order", "v1.Sale"))
    assert proto_shop.errors() == [("contracts/shop.a.yaml", 5, "compatibility/message")]
    assert [row[2] for row in proto_shop.warnings()] == ["registry/first-message"]


def test_a_nested_message_is_a_warning(tmp_path: Path) -> None:
    made = Shop(tmp_path)
    write(made.folder, "a", "  message Inner {\n    int32 x = 1;\n  }")
    contract = made.folder / "contracts/shop.a.yaml"
    contract.write_text(contract.read_text().replace("v1.Order", "v1.Order.Inner"))
    assert [row[1:] for row in made.warnings()] == [(4, "registry/nested-message")]


def test_buf_lint_by_the_projects_own_rules(proto_shop: Shop) -> None:
    write(proto_shop.folder, "a", "  int32 x = 1;\n  int32 oddName = 2;")
    assert proto_shop.errors() == [("proto/shop/a/v1/a.proto", 5, "buf/FIELD_LOWER_SNAKE_CASE")]
    assert [one.hint for one in proto_shop.examine().findings] == ["https://buf.build/docs/lint/rules/"]
    (proto_shop.root / "buf.yaml").write_text("version: v2\nlint:\n  except: [FIELD_LOWER_SNAKE_CASE]\n")
    assert proto_shop.errors() == []
    config = "version: v2\nlint:\n  ignore: [schemas/proto/shop/a/v1/a.proto]\n"
    (proto_shop.root / "buf.yaml").write_text(config)
    assert proto_shop.errors() == []
    (proto_shop.root / "buf.yaml").write_text("version: v2\nlint:\n  use: [NO_SUCH_RULE]\n")
    with pytest.raises(CannotRun, match="NO_SUCH_RULE"):
        proto_shop.examine()
    (proto_shop.root / "buf.yaml").write_text("- x")
    with pytest.raises(CannotRun, match=r"no buf\.yaml"):
        proto_shop.examine()


def test_what_was_loosened_is_fine(tmp_path: Path) -> None:
    made = Shop(tmp_path)
    write(made.folder, "a", "  int32 x = 1 [(buf.validate.field).int32 = {lte: 9, gte: 3}];", head=RULED, inputs="any")
    made.release("shop.a")
    assert (
        errors(made, "WIRE_JSON", "  int32 x = 1 [(buf.validate.field).int32.lte = 10];", head=RULED, inputs="any")
        == []
    )
    narrower = "  int32 x = 1 [(buf.validate.field).int32.lte = 8];"
    assert [row[2] for row in errors(made, "WIRE_JSON", narrower, head=RULED, inputs="any")] == [
        "producer/rule-tightened"
    ]
    assert errors(made, "WIRE_JSON", narrower, head=RULED) == [], "producers that name their version lose nothing"


def test_a_reserved_field_and_value_are_gone_for_producers(tmp_path: Path) -> None:
    """buf allows both; JSON that names them is refused."""
    made = Shop(tmp_path)
    enum = "  E e = 2;\n  enum E {{\n    E_UNSPECIFIED = 0;\n{0}\n  }}"
    write(made.folder, "a", "  int32 x = 1;\n" + enum.format("    E_B = 1;"), inputs="any")
    (tmp_path / "buf.yaml").write_text("version: v2\nlint:\n  use: [MINIMAL]\n")
    made.release("shop.a")
    gone = '  reserved 1;\n  reserved "x";\n' + enum.format('    reserved 1;\n    reserved "E_B";')
    found = errors(made, "WIRE_JSON", gone, inputs="any")
    assert [row[2] for row in found] == ["producer/field-removed", "producer/symbol-removed"]
    assert errors(made, "WIRE_JSON", gone) == []


def test_against_git_and_without_buf(proto_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    write(proto_shop.folder, "a", "  int32 x = 1;\n  int32 y = 2;")
    proto_shop.commit()
    write(proto_shop.folder, "a", "  int32 x = 1;")
    (first, second) = proto_shop.examine(against="main").findings
    assert {first.rule, second.rule} == {
        "buf/FIELD_NO_DELETE_UNLESS_NAME_RESERVED", "buf/FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED",
    }  # fmt: skip
    assert first.message.endswith("consumers and producers on main break")
    assert first.hint == "https://buf.build/docs/breaking/rules/"
    monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
    with pytest.raises(CannotRun, match="buf is not installed"):
        proto_shop.examine()
