"""Releases: frozen, numbered, never half there."""

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sdk.repository.conftest import Shop

from tidegate.repository.folder import load
from tidegate.repository.lock import HEADER, read_lock
from tidegate.repository.release import Released, ReleaseRefused, release


def refused(shop: Shop, topic: str = "shop.orders") -> list[str]:
    before = shop.files()
    with pytest.raises(ReleaseRefused) as caught:
        release(shop.folder, topic)
    assert shop.files() == before, "nothing was changed"
    return [str(row) for row in caught.value.rows]


def change(shop: Shop) -> None:
    shop.edit("avro/shop/item.avsc", '"maximum": 10', '"maximum": 9')


def test_the_first_release_and_the_next(shop: Shop) -> None:
    first = release(shop.folder, "shop.orders")
    assert (first.version, first.schema_id, first.new_id, first.folder) == (1, 1, True, "released/shop.orders/1")
    lock_text = shop.text("released.lock")
    frozen = {name: content for name, content in shop.files().items() if name.startswith("released/")}
    assert set(frozen) == {"released/shop.orders/1/schema.avsc", "released/shop.orders/1/version.json"}
    change(shop)
    second = release(shop.folder, "shop.orders")
    assert (second.version, second.schema_id, second.new_id) == (2, 2, True)
    assert second.fingerprint != first.fingerprint
    assert shop.text("released.lock").startswith(lock_text), "the lock is only ever appended to"
    assert {name: shop.files()[name] for name in frozen} == frozen
    (contract,) = load(shop.folder, working_copies=False).contracts
    assert [(v.number, v.schema_id) for v in contract.versions.values()] == [(1, 1), (2, 2)]


def test_protobuf_freezes_text_and_descriptors(proto_shop: Shop) -> None:
    release(proto_shop.folder, "shop.steps")
    folder = "released/shop.steps/1"
    assert proto_shop.text(f"{folder}/schema.proto") == proto_shop.text("proto/shop/v1/step.proto")
    assert b"buf/validate/validate.proto" in proto_shop.files()[f"{folder}/descriptors.binpb"]
    proto_shop.edit("proto/shop/v1/step.proto", "// A step", "// One step")
    assert "nothing that a release freezes has changed since version 1" in refused(proto_shop, "shop.steps")[0]


def test_the_same_text_keeps_its_id_in_another_topic_and_after_going_back(
    shop: Shop, add_topic: Callable[[Shop, str], None]
) -> None:
    add_topic(shop, "shop.copy")
    release(shop.folder, "shop.orders")
    change(shop)
    release(shop.folder, "shop.orders")
    copy = release(shop.folder, "shop.copy")
    assert (copy.version, copy.schema_id, copy.new_id) == (1, 2, False)
    shop.edit("avro/shop/item.avsc", '"maximum": 9', '"maximum": 10')
    back = release(shop.folder, "shop.orders")
    assert (back.version, back.schema_id, back.new_id) == (3, 1, False)
    assert read_lock(shop.folder).broken == ()


def test_a_change_of_what_is_frozen_beside_the_schema_is_a_version_with_the_same_id(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    shop.edit("contracts/shop.orders.yaml", "{property: key, value: orderId}", "{property: unknownFields, value: drop}")
    made = release(shop.folder, "shop.orders")
    assert (made.version, made.schema_id, made.new_id) == (2, 1, False)


def test_nothing_changed_is_refused(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    shop.edit("contracts/shop.orders.yaml", "kind: DataContract", "kind: DataContract\nname: live")
    shop.write("avro/shop/order.avsc", shop.text("avro/shop/order.avsc").replace("\n", "\n\n"))
    (row,) = refused(shop)
    assert row.startswith("contracts/shop.orders.yaml:1:1: nothing that a release freezes has changed since version 1")


def test_what_is_broken_is_refused(shop: Shop) -> None:
    assert refused(shop, "shop.order") == [
        'contracts/shop.order.yaml:1:1: there is no contract "shop.order"; did you mean "shop.orders"?'
    ]
    shop.edit("contracts/shop.orders.yaml", "DataContract", "DataContrct")
    assert refused(shop)[0].startswith("contracts/shop.orders.yaml:2:7: kind is")
    shop.edit("contracts/shop.orders.yaml", "DataContrct", "DataContract")
    shop.edit("avro/shop/item.avsc", '"type": "int"', '"type": "nit"')
    assert refused(shop)[0].startswith(
        'avro/shop/item.avsc:8:15: "shop.nit" is defined nowhere below avro/; did you mean "int"?'
    )
    shop.edit("avro/shop/item.avsc", '"type": "nit"', '"type": "int", "default": "x"')
    assert refused(shop)[0].startswith("avro/shop/item.avsc:")
    shop.edit("avro/shop/item.avsc", '"type": "int", "default": "x"', '"type": "int"')
    shop.write("released.lock", "garbage\n")
    assert refused(shop) == ['released.lock:1:1: is no "id topic version sha256 fingerprint": garbage']


def test_a_changed_release_stops_the_next(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    change(shop)
    shop.edit("released/shop.orders/1/version.json", "reject", "allow")
    assert refused(shop)[0].startswith("released/shop.orders/1/version.json:1:1: ")


def test_two_releases_at_once_cannot_take_one_id(shop: Shop) -> None:
    descriptor = os.open(shop.folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert refused(shop) == ["released.lock:1:1: another release is running in this folder"]
    finally:
        os.close(descriptor)
    assert release(shop.folder, "shop.orders").version == 1


class Crash(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.mark.parametrize(
    "step", ["Path.mkdir", "tempfile.mkdtemp", "write_synced", "Path.rename", "_append", "Path.replace"]
)
def test_a_crash_at_any_step_leaves_no_half_release(shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    release(shop.folder, "shop.orders")
    served = load(shop.folder, working_copies=False)
    change(shop)

    def crash(*args: object, **kwargs: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(f"tidegate.repository.release.{step}", crash)
        with pytest.raises(Crash):
            release(shop.folder, "shop.orders")
    after = load(shop.folder, working_copies=False)
    assert [c.source for c in after.contracts] == [c.source for c in served.contracts]
    assert all(row.topic is None for row in after.broken), "said, and served all the same"
    made = release(shop.folder, "shop.orders")
    assert (made.version, made.schema_id) == (2, 2)
    assert load(shop.folder, working_copies=False).broken == ()


def test_a_folder_that_the_lock_does_not_name_is_kept_unless_it_is_the_same(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    (shop.folder / "released.lock").write_text(HEADER)
    assert release(shop.folder, "shop.orders").version == 1
    (shop.folder / "released.lock").write_text(HEADER)
    change(shop)
    assert "released/shop.orders/1/ exists, differs" in refused(shop)[0]


def test_a_folder_that_cannot_be_written_is_an_os_error_and_leaves_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        release(shop.folder, "shop.orders")
    assert not [name for name in shop.files() if name.startswith("released")]


def test_frozen_folders_can_be_read_by_others(shop: Shop) -> None:
    made: Released = release(shop.folder, "shop.orders")
    assert stat.S_IMODE((shop.folder / made.folder).stat().st_mode) == 0o755
