"""What git remembers: released files, the lock's lines and released contracts stay; each breach with its file and line."""

import shutil

import pytest
from tests.sdk.check.conftest import Shop

COUNT = {"name": "count", "type": "int"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}
GOLDEN = "released/shop.orders/1/golden/mine.json"


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """Two versions of shop.orders, a golden record of the first, all on main."""
    shop.schema(COUNT, NOTE)
    shop.release()
    path = shop.folder / GOLDEN
    path.parent.mkdir()
    path.write_text('{"id": "a", "count": 1}')
    shop.commit()
    assert shop.errors(against="main") == []
    return shop


def test_a_released_file_that_was_changed(kept: Shop) -> None:
    path = kept.folder / "released/shop.orders/1/version.json"
    path.write_text(path.read_text() + " ")
    assert kept.errors() == [], "what the hash covers is the same"
    assert kept.errors(against="main") == [("released/shop.orders/1/version.json", 1, "released/changed")]
    schema = kept.folder / "released/shop.orders/1/schema.avsc"
    schema.write_text(schema.read_text().replace("int", "long"))
    assert ("released/shop.orders/1/schema.avsc", 1, "released/invalid") in kept.errors()


def test_a_released_version_that_is_gone(kept: Shop) -> None:
    shutil.rmtree(kept.folder / "released/shop.orders/1")
    found = kept.errors(against="main")
    assert ("released/shop.orders/1/schema.avsc", 1, "released/removed") in found
    assert ("released.lock", 3, "lock/invalid") in found


def test_golden_records_are_added_and_never_changed(kept: Shop) -> None:
    (kept.folder / GOLDEN.replace("mine", "more")).write_text('{"id": "b", "count": 2}')
    assert kept.errors(against="main") == []
    (kept.folder / GOLDEN).write_text('{"id": "other", "count": 1}')
    assert kept.errors(against="main") == [(GOLDEN, 1, "released/changed")]
    (kept.folder / GOLDEN).unlink()
    assert kept.errors(against="main") == [(GOLDEN, 1, "released/removed")]


def test_the_last_line_of_the_lock_lost(kept: Shop) -> None:
    lock = kept.folder / "released.lock"
    lock.write_text("".join(lock.read_text().splitlines(keepends=True)[:-1]))
    found = kept.errors(against="main")
    assert ("released.lock", 4, "lock/changed") in found
    assert ("released/shop.orders/2", 1, "released/invalid") in found


def test_a_line_of_the_lock_changed_with_its_files(kept: Shop) -> None:
    """The whole version was made anew, so that its hashes agree: only git knows."""
    lock = kept.folder / "released.lock"
    shutil.rmtree(kept.folder / "released/shop.orders/2")
    lock.write_text("".join(lock.read_text().splitlines(keepends=True)[:-1]))
    kept.schema(COUNT, NOTE, {"name": "more", "type": "int", "default": 0})
    kept.release()
    assert [row for row in kept.errors() if not row[2].startswith("producer/")] == []
    found = kept.errors(against="main")
    assert ("released.lock", 4, "lock/changed") in found
    assert ("released/shop.orders/2/schema.avsc", 1, "released/changed") in found


def test_lines_that_changed_places(kept: Shop) -> None:
    kept.contract(topic="shop.items", file="item")
    kept.schema(COUNT, file="item", name="Item")
    kept.release("shop.items")
    kept.commit()
    lock = kept.folder / "released.lock"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join([*lines[:2], lines[2], lines[4], lines[3]]))
    assert ("lock/changed") in {row[2] for row in kept.errors(against="main")}


def test_one_id_for_two_texts(kept: Shop) -> None:
    kept.contract(topic="shop.items", file="item")
    kept.schema(COUNT, file="item", name="Item")
    kept.release("shop.items")
    lock = kept.folder / "released.lock"
    lock.write_text(lock.read_text().replace("\n3 shop.items", "\n2 shop.items"))
    assert ("released.lock", 5, "lock/invalid") in kept.errors()
    assert "id 2 already stands for another schema" in {f.message for f in kept.examine().findings}


def test_a_contract_that_was_released_does_not_vanish(kept: Shop) -> None:
    (kept.folder / "contracts/shop.orders.yaml").unlink()
    assert ("contracts/shop.orders.yaml", 1, "contract/removed") in kept.errors(against="main")
    assert kept.errors() == []
    assert kept.warnings() == [("released.lock", 4, "contract/removed")], "what can be said without git"


def test_a_contract_without_releases_may_go(kept: Shop) -> None:
    kept.contract(topic="shop.items", file="item")
    kept.schema(COUNT, file="item", name="Item")
    kept.commit()
    (kept.folder / "contracts/shop.items.yaml").unlink()
    (kept.folder / "avro/item.avsc").unlink()
    assert kept.errors(against="main") == []


def test_a_retired_contract_stays_and_is_checked(kept: Shop) -> None:
    path = kept.folder / "contracts/shop.orders.yaml"
    path.write_text("status: retired\n" + path.read_text())
    assert kept.errors(against="main") == []


def test_a_released_contract_that_became_a_draft(kept: Shop) -> None:
    path = kept.folder / "contracts/shop.orders.yaml"
    text = path.read_text()
    path.write_text(f"name: Orders\nstatus: draft\n{text}")
    assert kept.errors() == []
    assert kept.warnings() == [("contracts/shop.orders.yaml", 2, "contract/draft")]
    assert kept.errors(against="main") == [("contracts/shop.orders.yaml", 2, "contract/draft")]
    (found,) = kept.examine("shop.orders", against="main").findings
    assert found.message == (
        "is a draft now, was active in main and has released versions: "
        "`serve` knows no drafts, so its producers and consumers lose it"
    )
    assert found.hint == "set status: deprecated or retired instead; a draft is served by `dev` alone"
    for status in ("deprecated", "retired"):
        path.write_text(f"status: {status}\n{text}")
        assert kept.examine(against="main").findings == ()
    kept.commit("Retired")
    path.write_text(f"status: draft\n{text}")
    assert kept.errors(against="main") == [("contracts/shop.orders.yaml", 1, "contract/draft")]


def test_a_draft_that_main_knows_as_one(kept: Shop) -> None:
    path = kept.folder / "contracts/shop.orders.yaml"
    text = path.read_text()
    path.write_text(f"status: draft\n{text}")
    kept.commit("A draft")
    assert kept.examine(against="main").findings == ()
    path.write_text(f"status: dratf\n{text}")
    kept.commit("No contract at all")
    path.write_text(f"status: draft\n{text}")
    assert kept.examine(against="main").findings == (), "nobody was served by a contract that cannot be read"
    kept.git("rm", "--quiet", "--cached", "schemas/contracts/shop.orders.yaml")
    kept.git("commit", "--quiet", "--message", "Gone")
    assert kept.examine(against="main").findings == ()


def test_a_draft_whose_first_release_is_this_change(shop: Shop) -> None:
    path = shop.folder / "contracts/shop.new.yaml"
    shop.commit()
    shop.contract("shop.new", "new")
    shop.schema(COUNT, file="new", name="New")
    path.write_text(f"status: draft\n{path.read_text()}")
    shop.release("shop.new")
    assert shop.examine(against="main").findings == ()
