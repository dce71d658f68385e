"""No schema text makes check crash or hang: what it says is a finding, never a fault of its own."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sdk.check.conftest import Shop

from tidegate.check.finding import HINTS
from tidegate.repository.release import release

VECTORS = Path(__file__).parents[2] / "vectors" / "avro_compatibility.jsonl"
FILE = "avro/order.avsc"

names = st.sampled_from(["id", "a", "B", "x y", "", "é"])
leaves = st.sampled_from(["null", "int", "long", "string", "bytes", "R", "x.R", "nothing", 1, None, True, "float", {}])
types = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries({"type": st.sampled_from(["array", "map", "int"])}, optional={"items": inner, "values": inner}),
        st.fixed_dictionaries(
            {"type": st.just("record"), "name": st.sampled_from(["R", "Q"]), "fields": st.lists(
                st.fixed_dictionaries({"name": names, "type": inner}, optional={"default": st.sampled_from([None, 0, "", [], {}]), "pattern": st.just("("), "minimum": leaves, "aliases": st.lists(names, max_size=2)}),
                max_size=3,
            )},
        ),
        st.fixed_dictionaries({"type": st.just("enum"), "name": names, "symbols": st.lists(names, max_size=3)}, optional={"default": names}),
        st.fixed_dictionaries({"type": st.just("fixed"), "name": names, "size": st.integers(-1, 4)}, optional={"logicalType": st.sampled_from(["decimal", "uuid", 3]), "precision": leaves}),
    ),
    max_leaves=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("any") / "repo")
    made.contract()
    made.schema({"name": "a", "type": "int"}, {"name": "B", "type": ["null", "string"], "default": None})
    release(made.folder, "shop.orders")
    return made


def judged(shop: Shop, text: str) -> None:
    (shop.folder / FILE).write_text(text, "utf-8", "surrogatepass")
    for finding in shop.examine().findings:
        assert finding.rule != "check/fault", finding.message
        assert finding.hint or finding.rule in HINTS
        assert finding.place.line >= 1


@given(types, st.lists(st.fixed_dictionaries({"name": names, "type": types}), max_size=3))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_schemas_of_any_shape(shop: Shop, kind: Any, more: list[dict[str, Any]]) -> None:
    record = {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "id", "type": "string"}, {"name": "a", "type": kind}, *more],
    }
    judged(shop, json.dumps(record))
    judged(shop, json.dumps(kind))


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(shop: Shop, text: str) -> None:
    judged(shop, text)


def test_edits_of_a_sound_schema(shop: Shop) -> None:
    """One character cut out of a schema, everywhere."""
    shop.schema({"name": "a", "type": "int", "minimum": 1}, {"name": "B", "type": ["null", "string"], "default": None})
    text = (shop.folder / FILE).read_text()
    for at in range(0, len(text), 3):
        judged(shop, text[:at] + text[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"type":' * 3000 + '"int"' + "}" * 3000,
        '{"type": "record", "name": "R", "fields": [' + ",".join(f'{{"name": "f{n}", "type": "R"}}' for n in range(8)) + "]}",
        '{"type": "array", "items": ' * 150 + '"int"' + "}" * 150,
        '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "string", "pattern": "' + "(a*)*" * 400 + '"}]}',
        '{"type": "record", "name": "R", "fields": [{"name": "id", "type": "string", "minLength": 1000000000}]}',
        '{"type": "fixed", "name": "F", "size": 2147483647}',
    ],
    ids=["brackets", "types", "recursive", "arrays", "pattern", "length", "fixed"],
)  # fmt: skip
def test_texts_made_to_hang(shop: Shop, text: str) -> None:
    began = time.process_time()
    judged(shop, text)
    assert time.process_time() - began < 20


def test_pairs_of_the_vectors(tmp_path: Path) -> None:
    """Sound pairs as an old and a new version of one contract: breaks are told exactly where Java tells one."""
    made = Shop(tmp_path / "repo")
    seen = 0
    for line in VECTORS.read_text("utf-8").splitlines()[:400]:
        pair = json.loads(line)
        if pair.get("invalid") or not all(_is_record(pair[side]) for side in ("reader", "writer")) or seen == 25:
            continue
        made.contract(topic=f"shop.t{seen}", file=f"t{seen}", inputs="pinned", compatibility="BACKWARD")
        path = made.folder / f"contracts/shop.t{seen}.yaml"
        path.write_text(path.read_text().replace("      - {property: key, value: id}\n", ""))
        schema = made.folder / f"avro/t{seen}.avsc"
        schema.write_text(json.dumps(pair["writer"]))
        try:
            release(made.folder, f"shop.t{seen}")
        except Exception:
            path.unlink()
            schema.unlink()
            continue
        schema.write_text(json.dumps(pair["reader"]))
        broken = {one.rule for one in made.examine(f"shop.t{seen}").findings if one.rule.startswith("backward/")}
        wanted = {f"backward/{one['type']}" for one in pair.get("incompatibilities", ())}
        assert broken == wanted, pair
        seen += 1
    assert seen == 25


def _is_record(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "record" and bool(schema["fields"])
