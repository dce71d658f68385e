"""Two branches that release at once: git stops at the lock, check names it, and --renumber mends it. With real git."""

import subprocess
from datetime import date

import pytest
from tests.sdk.check.conftest import Shop

from tidegate.check.finding import CannotRun
from tidegate.check.releasing import release_checked
from tidegate.check.renumbering import renumber
from tidegate.repository.lock import read_lock

TODAY = date(2026, 11, 21)
COUNT = {"name": "count", "type": "int"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}
EXTRA = {"name": "extra", "type": "int", "default": 0}


def lines(shop: Shop) -> list[tuple[int, str, int]]:
    return [(line.schema_id, line.topic, line.version) for line in read_lock(shop.folder).lines]


@pytest.fixture
def both(shop: Shop) -> Shop:
    """main released shop.orders 2, and the branch `work`, which left before, released shop.items 1: both took the id 2."""
    shop.commit("The first release")
    shop.git("checkout", "--quiet", "-b", "work")
    shop.contract(topic="shop.items", file="item")
    shop.schema(COUNT, file="item", name="Item")
    release_checked(shop.folder, "shop.items", TODAY)
    shop.commit("Items")
    shop.git("checkout", "--quiet", "main")
    shop.schema(COUNT, NOTE)
    release_checked(shop.folder, "shop.orders", TODAY)
    shop.commit("Orders 2")
    shop.git("checkout", "--quiet", "work")
    return shop


def test_check_names_the_id_that_both_gave(both: Shop) -> None:
    assert lines(both) == [(1, "shop.orders", 1), (2, "shop.items", 1)]
    assert both.errors(against="main") == [("released.lock", 4, "lock/conflict")]
    (finding,) = both.examine(against="main").findings
    assert finding.message == "main gave the id 2 to shop.orders 2 meanwhile (released/shop.items/1)"


def test_git_stops_and_renumber_mends(both: Shop) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        both.git("rebase", "main")
    assert "<<<<<<<" in (both.folder / "released.lock").read_text()
    (moved,) = renumber(both.folder, "main", TODAY)
    assert (moved.topic, moved.old_version, moved.old_id, moved.version, moved.schema_id) == ("shop.items", 1, 2, 1, 3)
    assert lines(both) == [(1, "shop.orders", 1), (2, "shop.orders", 2), (3, "shop.items", 1)]
    both.git("add", "--all")
    both.git("-c", "core.editor=true", "rebase", "--continue")
    assert both.errors(against="main") == []
    changelog = both.folder / "released/shop.items/CHANGELOG.md"
    assert "## Version 1, 2026-11-21\n\nSchema id 3.\n\n- The first version.\n" in changelog.read_text()
    changelog.write_text(changelog.read_text() + "\nA note.\n")
    assert renumber(both.folder, "main", TODAY) == (), "nothing is left to do"
    assert changelog.read_text().endswith("\nA note.\n")


def test_one_version_of_one_topic_released_twice(shop: Shop) -> None:
    """Ours moves behind theirs; both stay readable."""
    shop.commit()
    shop.git("checkout", "--quiet", "-b", "work")
    shop.schema(COUNT, NOTE)
    release_checked(shop.folder, "shop.orders", TODAY)
    shop.commit("Ours")
    shop.git("checkout", "--quiet", "main")
    shop.schema(COUNT, EXTRA)
    release_checked(shop.folder, "shop.orders", TODAY)
    theirs = (shop.folder / "released/shop.orders/2/schema.avsc").read_bytes()
    shop.commit("Theirs")
    shop.git("checkout", "--quiet", "work")
    ours = (shop.folder / "released/shop.orders/2/schema.avsc").read_bytes()
    assert shop.errors(against="main") == [("released.lock", 4, "lock/conflict")]
    (moved,) = renumber(shop.folder, "main", TODAY)
    assert (moved.version, moved.schema_id) == (3, 3)
    assert (shop.folder / "released/shop.orders/2/schema.avsc").read_bytes() == theirs
    assert (shop.folder / "released/shop.orders/3/schema.avsc").read_bytes() == ours
    assert lines(shop) == [(1, "shop.orders", 1), (2, "shop.orders", 2), (3, "shop.orders", 3)]
    changelog = (shop.folder / "released/shop.orders/CHANGELOG.md").read_text()
    assert [line for line in changelog.splitlines() if line.startswith(("## ", "Schema", "- "))] == [
        "## Version 3, 2026-11-21",
        "Schema id 3.",
        "- `note` is new: null or string, optional, default `null`.",
        "- `extra` is gone.",
        "## Version 2, 2026-11-21",
        "Schema id 2.",
        "- `extra` is new: int, optional, default `0`.",
    ]


def test_a_renumbering_that_was_interrupted_goes_on(both: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    both.git("-c", "merge.default=binary", "merge", "--quiet", "--strategy-option=ours", "main")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tidegate.check.renumbering.write_synced", full)
        with pytest.raises(OSError, match="No space left"):
            renumber(both.folder, "main", TODAY)
    (moved,) = renumber(both.folder, "main", TODAY)
    assert (moved.topic, moved.version, moved.schema_id) == ("shop.items", 1, 3)
    assert both.errors(against="main") == []


def test_files_that_git_mangled_are_given_up_and_said(shop: Shop) -> None:
    shop.commit()
    shop.git("checkout", "--quiet", "-b", "work")
    shop.schema(COUNT, NOTE)
    release_checked(shop.folder, "shop.orders", TODAY)
    shop.commit("Ours")
    shop.git("checkout", "--quiet", "main")
    shop.schema(COUNT, EXTRA)
    release_checked(shop.folder, "shop.orders", TODAY)
    shop.commit("Theirs")
    shop.git("checkout", "--quiet", "work")
    with pytest.raises(subprocess.CalledProcessError):
        shop.git("merge", "main")
    (moved,) = renumber(shop.folder, "main", TODAY)
    assert (moved.topic, moved.version) == ("shop.orders", None)
    assert lines(shop) == [(1, "shop.orders", 1), (2, "shop.orders", 2)]
    changelog = shop.folder / "released/shop.orders/CHANGELOG.md"
    assert changelog.read_text() == shop.git("show", "main:schemas/released/shop.orders/CHANGELOG.md")
    (stopped,) = shop.examine().findings
    assert (stopped.place.file, stopped.rule) == ("avro/order.avsc", "schema/invalid")
    assert stopped.message == "git stopped here, with two versions of what follows: choose, and remove its three marks"
    shop.schema(COUNT, EXTRA, NOTE)
    assert release_checked(shop.folder, "shop.orders", TODAY).version == 3
    assert [line[:12] for line in changelog.read_text().splitlines() if line.startswith("## ")] == [
        "## Version 3",
        "## Version 2",
    ]


def test_without_git_it_cannot_run(shop: Shop) -> None:
    with pytest.raises(CannotRun, match="not inside a git repository"):
        renumber(shop.folder, "main", TODAY)
