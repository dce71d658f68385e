"""A folder whole: what is served, what is broken, and that the one never costs the other."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sdk.repository.conftest import CONTRACT, Shop

from tidegate.contracts.source import decode_source, encode_source
from tidegate.repository.folder import load, read
from tidegate.repository.release import release


def rows(shop: Shop, *, working_copies: bool = True) -> list[str]:
    return [str(row) for row in load(shop.folder, working_copies=working_copies).broken]


def test_a_working_copy_is_version_0_under_an_id_that_no_release_gives(
    shop: Shop, add_topic: Callable[[Shop, str], None]
) -> None:
    (source,) = read(shop.folder, working_copies=True).contracts
    (first,) = source.versions
    assert (first.number, first.key) == (0, "orderId")
    assert 2_000_000_000 <= first.schema_id < 2**31
    assert read(shop.folder, working_copies=True).contracts == (source,), "the same in every process"
    assert decode_source(encode_source(source)) == source
    release(shop.folder, "shop.orders")
    add_topic(shop, "shop.other")
    shop.edit("avro/shop/item.avsc", '"maximum": 10', '"maximum": 9')
    orders, other = read(shop.folder, working_copies=True).contracts
    edited = orders.versions[0].schema_id
    assert edited >= 2_000_000_000
    assert edited != first.schema_id, "an edited schema never comes under the id of the one before"
    assert [(v.number, v.schema_id) for v in orders.versions] == [(0, edited), (1, 1)]
    assert [(v.number, v.schema_id) for v in other.versions] == [(0, edited)], "the same text has the same id"
    assert release(shop.folder, "shop.orders").schema_id == 2
    (other,) = (c for c in read(shop.folder, working_copies=True).contracts if c.topic == "shop.other")
    assert [(v.number, v.schema_id) for v in other.versions] == [(0, 2)], "the id that a release gave to this text"


def test_a_working_copy_equal_to_the_newest_release_is_not_served_beside_it(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    shop.edit("contracts/shop.orders.yaml", "kind: DataContract", "kind: DataContract\nname: Orders")
    (source,) = read(shop.folder, working_copies=True).contracts
    assert [v.number for v in source.versions] == [1]
    assert source.name == "Orders"
    shop.edit("contracts/shop.orders.yaml", "{property: key, value: orderId}", "{property: tombstones, value: allow}")
    (source,) = read(shop.folder, working_copies=True).contracts
    assert [(v.number, v.schema_id, v.tombstones) for v in source.versions] == [(0, 1, "allow"), (1, 1, "reject")]


def test_production_serves_what_was_released_and_reads_no_schema_being_edited(shop: Shop) -> None:
    assert rows(shop, working_copies=False) == [
        "contracts/shop.orders.yaml:1:1: no released version; `tidegate release shop.orders` makes the first"
    ]
    release(shop.folder, "shop.orders")
    shop.write("avro/shop/order.avsc", "{")
    loaded = load(shop.folder, working_copies=False)
    assert loaded.broken == ()
    assert [c.newest.number for c in loaded.contracts] == [1]
    assert rows(shop) == ["avro/shop/order.avsc:1:2: is not JSON: a member's name is due"]


def test_released_protobuf_needs_no_protoc(proto_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    release(proto_shop.folder, "shop.steps")
    monkeypatch.setattr("subprocess.run", None)
    (contract,) = load(proto_shop.folder, working_copies=False).contracts
    assert contract.newest.source.message_index == (1,)


def test_drafts_are_served_in_dev_only(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    shop.edit("contracts/shop.orders.yaml", "kind: DataContract", "kind: DataContract\nstatus: draft")
    for working_copies in (False, True):
        loaded = load(shop.folder, working_copies=working_copies)
        assert (len(loaded.contracts), loaded.broken) == (int(working_copies), ())


def test_a_broken_contract_takes_no_other_down(shop: Shop, add_topic: Callable[[Shop, str], None]) -> None:
    for topic in ("a.status", "b.yaml-error", "c.schema", "d.field"):
        add_topic(shop, topic)
        shop.edit(f"contracts/{topic}.yaml", "urn:test:", f"urn:{topic}:")
    shop.edit("contracts/a.status.yaml", "kind: DataContract", "kind: DataContrct")
    shop.contract("a: [\n", "b.yaml-error")
    shop.edit("contracts/c.schema.yaml", "order.avsc", "nowhere.avsc")
    shop.edit("contracts/d.field.yaml", "value: orderId", "value: orderID")
    shop.write("contracts/e.yml", "")
    shop.write("contracts/__f.yaml", "")
    shop.write("contracts/.hidden.yaml", "")
    shop.write("contracts/README.md", "")
    loaded = load(shop.folder, working_copies=True)
    assert [c.topic for c in loaded.contracts] == ["shop.orders"]
    assert {(row.topic, str(row)) for row in loaded.broken} == {
        (None, 'contracts/__f.yaml:1:1: "__f" can be no topic: a contract file is called <topic>.yaml'),
        (None, "contracts/e.yml:1:1: is not read: a contract file is called <topic>.yaml"),
        (
            "a.status",
            'contracts/a.status.yaml:2:7: kind is "DataContrct"; did you mean "DataContract"? one of DataContract',
        ),
        ("b.yaml-error", "contracts/b.yaml-error.yaml:2:1: is not YAML: did not find expected node content"),
        ("c.schema", "contracts/c.schema.yaml:8:27: avro/shop/nowhere.avsc cannot be read: No such file or directory"),
        (
            "d.field",
            'contracts/d.field.yaml:10:32: key "orderID" is no field of avro/shop/order.avsc; did you mean "orderId"?',
        ),
    }


def test_two_contracts_with_one_id_and_the_released_one_keeps_it(
    shop: Shop, add_topic: Callable[[Shop, str], None]
) -> None:
    add_topic(shop, "a.copy")
    shop.edit("contracts/a.copy.yaml", "urn:test:a.copy", "urn:test:shop.orders")
    loaded = load(shop.folder, working_copies=True)
    assert [c.topic for c in loaded.contracts] == ["a.copy"], "neither is released: the first by name"
    release(shop.folder, "shop.orders")
    loaded = load(shop.folder, working_copies=True)
    assert [c.topic for c in loaded.contracts] == ["shop.orders"]
    assert [str(row) for row in loaded.broken] == [
        'contracts/a.copy.yaml:3:5: the id "urn:test:shop.orders" is already that of contracts/shop.orders.yaml'
    ]


def test_properties_must_be_fields(shop: Shop) -> None:
    shop.contract(CONTRACT + "    properties:\n      - {name: items, items: {properties: [{name: boldnes}]}}\n")
    (row,) = rows(shop)
    assert row.startswith(
        'contracts/shop.orders.yaml:12:51: property "items.boldnes" is no field of avro/shop/order.avsc'
    )
    assert row.endswith('; did you mean "items.boldness"?')


def test_fields_of_protobuf_by_either_name(proto_shop: Shop) -> None:
    for path in ("order_id", "orderId"):
        proto_shop.contract(proto_shop.text("contracts/shop.steps.yaml").replace("order_id", path), "shop.steps")
        assert rows(proto_shop) == []
    proto_shop.edit("contracts/shop.steps.yaml", "orderId", "oder_id")
    assert rows(proto_shop) == [
        'contracts/shop.steps.yaml:6:32: key "oder_id" is no field of proto/shop/v1/step.proto; did you mean "order_id"?'
    ]


def test_what_does_not_compile_is_said_at_its_place_in_the_edited_file(shop: Shop) -> None:
    shop.edit("avro/shop/item.avsc", '"type": "int"', '"type": "int", "default": "x"')
    (row,) = rows(shop)
    place, _, detail = row.partition(": ")
    line = next(
        i for i, text in enumerate(shop.text("avro/shop/item.avsc").splitlines(), 1) if '"name": "boldness"' in text
    )
    assert place.startswith("avro/shop/item.avsc:")
    assert line - 1 <= int(place.split(":")[1]) <= line + 1
    assert "default" in detail


def test_a_protobuf_rule_that_does_not_compile_is_said_at_its_message(proto_shop: Shop) -> None:
    cel = '  option (buf.validate.message).cel = {id: "x", message: "y", expression: "this.nothing > 1"};\n'
    proto_shop.edit("proto/shop/v1/step.proto", "message Step {\n", "message Step {\n" + cel)
    (row,) = rows(proto_shop)
    assert row.startswith("proto/shop/v1/step.proto:11:1: ")


@pytest.mark.parametrize(
    "options",
    ['{pattern: "("}', "{minimum: 3}", "{maxLength: 9, maxItems: 2}"],
    ids=["no pattern", "not for strings", "one of two"],
)
def test_a_rule_of_the_contract_file_that_does_not_compile_is_said_there(shop: Shop, options: str) -> None:
    shop.contract(CONTRACT + f"    properties:\n      - name: orderId\n        logicalTypeOptions: {options}\n")
    (row,) = rows(shop)
    assert row.startswith("contracts/shop.orders.yaml:13:29: ")


def test_a_fault_of_ours_costs_one_contract(shop: Shop, proto_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_args: object) -> None:
        raise TypeError("a slip")

    monkeypatch.setattr("tidegate.contracts.avro.codec.compile_avro", fault)
    loaded = load(shop.folder, working_copies=True)
    assert [c.topic for c in loaded.contracts] == ["shop.steps"]
    assert [str(row) for row in loaded.broken] == [
        "avro/shop/order.avsc:1:1: cannot be compiled, by a fault of Tidegate: TypeError('a slip')"
    ]


def test_versions_known_are_not_compiled_again(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    first = load(shop.folder, working_copies=False).contracts[0]
    shop.edit("contracts/shop.orders.yaml", "kind: DataContract", "kind: DataContract\nname: New")
    again = load(shop.folder, working_copies=False, known={"shop.orders": first}).contracts[0]
    assert again.source.name == "New"
    assert again.versions[1] is first.versions[1]


@pytest.mark.parametrize(
    ("name", "edit", "row"),
    [
        ("schema.avsc", lambda b: b.replace(b"boldness", b"baldness"), "schema.avsc:1:1: was changed after its release"),
        ("schema.avsc", lambda b: b + b" ", "schema.avsc:1:1: was changed after its release"),
        ("schema.avsc", lambda _: b"{", "schema.avsc:1:1: was changed after its release"),
        ("version.json", lambda b: b.replace(b'"orderId"', b'"items"'), "version.json:1:1: version 1 of shop.orders was changed"),
        ("version.json", lambda b: b.replace(b'"reject"', b'"drop"', 1), "version.json:1:1: version 1 of shop.orders was changed"),
        ("version.json", lambda b: b.replace(b'"fingerprint": "', b'"fingerprint": "0'), "version.json:1:1: version 1 of shop"),
        ("version.json", lambda b: b.replace(b'"key"', b'"kee"'), "version.json:1:1: is not what `tidegate release` wrote: "),
        ("version.json", lambda _: b"[" * 9000, "version.json:1:1: is not what `tidegate release` wrote: "),
    ],
)  # fmt: skip
def test_a_released_file_that_was_changed(shop: Shop, name: str, edit: Any, row: str) -> None:
    release(shop.folder, "shop.orders")
    path = f"released/shop.orders/1/{name}"
    shop.write(path, edit((shop.folder / path).read_bytes()))
    for working_copies in (False, True):
        loaded = load(shop.folder, working_copies=working_copies)
        assert loaded.contracts == ()
        assert str(loaded.broken[0]).startswith(f"released/shop.orders/1/{row}")
        assert loaded.broken[0].topic == "shop.orders"


@pytest.mark.parametrize("name", ["descriptors.binpb", "schema.proto", "version.json"])
def test_a_released_protobuf_file_that_is_gone_or_changed(proto_shop: Shop, name: str) -> None:
    release(proto_shop.folder, "shop.steps")
    path = proto_shop.folder / "released/shop.steps/1" / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"shop.v1", b"shop.v2"))
    (row,) = rows(proto_shop, working_copies=False)
    assert "was changed after its release" in row
    path.unlink()
    (row,) = rows(proto_shop, working_copies=False)
    assert row == f"released.lock:3:1: released/shop.steps/1/{name} cannot be read: No such file or directory"


def test_a_bad_line_of_the_lock_costs_its_topic_only(shop: Shop, add_topic: Callable[[Shop, str], None]) -> None:
    add_topic(shop, "a.other")
    release(shop.folder, "shop.orders")
    release(shop.folder, "a.other")
    lock = shop.text("released.lock")
    assert lock.splitlines()[2].split()[0] == lock.splitlines()[3].split()[0], "one text, one id"
    shop.write("released.lock", lock.replace("1 a.other", "7 a.other"))
    loaded = load(shop.folder, working_copies=False)
    assert [c.topic for c in loaded.contracts] == ["shop.orders"]
    assert [(row.topic, row.file, row.line) for row in loaded.broken] == [("a.other", "released.lock", 4)]


def test_a_line_that_was_lost_is_said(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    shop.edit("avro/shop/item.avsc", "10", "9")
    release(shop.folder, "shop.orders")
    shop.write("released.lock", "".join(shop.text("released.lock").splitlines(keepends=True)[:-1]))
    loaded = load(shop.folder, working_copies=False)
    assert [c.newest.number for c in loaded.contracts] == [1]
    (row,) = loaded.broken
    assert str(row).startswith(
        "released/shop.orders/2:1:1: released.lock names no such version: a release was interrupted"
    )


def test_files_that_are_too_large_or_none(shop: Shop, add_topic: Callable[[Shop, str], None]) -> None:
    shop.write("contracts/a.large.yaml", "#" * (256 * 1024 + 1))
    (shop.folder / "contracts/b.folder.yaml").mkdir()
    shop.write("contracts/c.latin.yaml", b"name: x\n# \xe9\n")
    add_topic(shop, "d.windows")
    shop.write(
        "contracts/d.windows.yaml",
        b"\xef\xbb\xbf" + shop.text("contracts/d.windows.yaml").replace("\n", "\r\n").encode(),
    )
    loaded = load(shop.folder, working_copies=True)
    assert [c.topic for c in loaded.contracts] == ["d.windows", "shop.orders"]
    assert [str(row) for row in loaded.broken] == [
        "contracts/a.large.yaml:1:1: contracts/a.large.yaml is larger than 262144 bytes",
        "contracts/b.folder.yaml:1:1: contracts/b.folder.yaml cannot be read: Is a directory",
        "contracts/c.latin.yaml:2:3: is not UTF-8 text",
    ]


def test_a_folder_that_is_none(shop: Shop) -> None:
    loaded = load(shop.folder / "nowhere", working_copies=True)
    assert [str(row) for row in loaded.broken] == [
        "contracts:1:1: the folder contracts/ cannot be read: No such file or directory"
    ]


@given(
    st.sampled_from(
        [
            "contracts/shop.orders.yaml",
            "avro/shop/order.avsc",
            "avro/shop/item.avsc",
            "released.lock",
            "released/shop.orders/1/version.json",
            "released/shop.orders/1/schema.avsc",
        ]
    ),
    st.data(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_no_bytes_in_any_file_raise(shop: Shop, name: str, data: st.DataObject) -> None:
    if not (shop.folder / "released.lock").exists():
        release(shop.folder, "shop.orders")
    before = (shop.folder / name).read_bytes()
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(len(before), start + 20)))
    shop.write(name, before[:start] + data.draw(st.binary(max_size=12)) + before[end:])
    try:
        for working_copies in (False, True):
            loaded = load(shop.folder, working_copies=working_copies)
            assert loaded.contracts or loaded.broken or b"draft" in (shop.folder / name).read_bytes()
    finally:
        shop.write(name, before)
