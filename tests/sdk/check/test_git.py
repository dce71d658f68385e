"""The reference in real git repositories: shallow clones, worktrees, subfolders, hooks, renames; and what cannot run, with a hint."""

import subprocess
from pathlib import Path

import pytest
from tests.sdk.check.conftest import Shop

from tidegate.check.examination import examine
from tidegate.check.finding import CannotRun
from tidegate.repository.git import blob_id, open_reference
from tidegate.repository.git_revision import GitFailure, read_revision

COUNT = {"name": "count", "type": "int"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """Committed on main, with a schema that no release holds: `note` is only known from git."""
    shop.schema(COUNT, NOTE)
    shop.commit()
    return shop


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def clone(shop: Shop, *options: str) -> Path:
    target = shop.root.parent / "clone"
    git(shop.root.parent, "clone", "--quiet", *options, f"file://{shop.root}", str(target))
    return target / "schemas"


def rules(folder: Path, against: str) -> list[str]:
    return [f.rule for f in examine(folder, (), against).findings if f.severity == "error"]


def lose_note(folder: Path) -> None:
    path = folder / "avro/order.avsc"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2].removesuffix(","), *lines[4:]]) + "\n")


def test_an_unreleased_schema_of_the_reference_counts(kept: Shop) -> None:
    assert kept.errors(against="main") == []
    kept.schema(COUNT)
    assert kept.errors() == []
    assert kept.errors(against="main") == [("avro/order.avsc", 1, "producer/field-removed")]
    (finding,) = kept.examine(against="main").findings
    assert finding.message == 'the field "note" is gone, and unknown fields are rejected: producers on main are refused'


@pytest.mark.parametrize(
    "against", ["main", "HEAD", ".git#branch=main", ".git", ".git#ref=HEAD", "refs/heads/main", "HEAD~0"]
)
def test_references_as_people_write_them(kept: Shop, against: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept.root)
    kept.schema(COUNT)
    assert rules(Path("schemas"), against) == ["producer/field-removed"]


def test_tags_and_hashes(kept: Shop) -> None:
    kept.git("tag", "v1")
    commit = kept.git("rev-parse", "HEAD").strip()
    kept.schema(COUNT)
    for against in ("v1", commit, commit[:10]):
        assert rules(kept.folder, against) == ["producer/field-removed"]


def test_a_clean_clone_knows_main_as_origins_only(kept: Shop) -> None:
    folder = clone(kept)
    git(folder, "checkout", "--quiet", "--detach")
    git(folder, "branch", "--quiet", "-D", "main")
    lose_note(folder)
    assert rules(folder, "main") == ["producer/field-removed"]


def test_a_shallow_clone_with_the_commit(kept: Shop) -> None:
    kept.contract(inputs="any")
    kept.commit("Another")
    folder = clone(kept, "--depth", "1")
    lose_note(folder)
    assert rules(folder, "main") == ["producer/field-removed"]


def test_a_shallow_clone_without_the_branch_says_what_to_do(kept: Shop) -> None:
    kept.git("branch", "other")
    folder = clone(kept, "--depth", "1", "--branch", "main")
    with pytest.raises(CannotRun, match='this clone has no "other"') as caught:
        examine(folder, (), "other")
    assert "git fetch --depth=1 origin other" in caught.value.hint
    assert "fetch-depth: 0" in caught.value.hint


def test_a_worktree(kept: Shop) -> None:
    target = kept.root.parent / "tree"
    kept.git("worktree", "add", "--quiet", "-b", "work", str(target))
    lose_note(target / "schemas")
    assert rules(target / "schemas", "main") == ["producer/field-removed"]


def test_a_schemas_folder_deep_in_a_repository(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "repo" / "data" / "team one")
    shop.contract()
    shop.schema(COUNT, NOTE)
    git(tmp_path / "repo", "init", "--quiet", "--initial-branch=main")
    git(tmp_path / "repo", "add", "--all")
    git(tmp_path / "repo", "-c", "user.name=t", "-c", "user.email=t@e", "commit", "--quiet", "-m", "x")
    shop.schema(COUNT)
    assert rules(shop.folder, "main") == ["producer/field-removed"]


def test_the_schemas_folder_as_the_repository_itself(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.contract()
    shop.schema(COUNT, NOTE)
    git(shop.folder, "init", "--quiet", "--initial-branch=main")
    git(shop.folder, "add", "--all")
    git(shop.folder, "-c", "user.name=t", "-c", "user.email=t@e", "commit", "--quiet", "-m", "x")
    shop.schema(COUNT)
    assert rules(shop.folder, "main") == ["producer/field-removed"]


def test_inside_a_hook_gits_own_variables_do_not_count(kept: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.schema(COUNT)
    monkeypatch.setenv("GIT_DIR", "elsewhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "elsewhere/index")
    assert rules(kept.folder, "main") == ["producer/field-removed"]


def test_what_others_did_on_main_is_no_change_of_ours(kept: Shop) -> None:
    kept.git("checkout", "--quiet", "-b", "work")
    kept.git("checkout", "--quiet", "main")
    kept.schema(COUNT, NOTE, {"name": "more", "type": "int", "default": 0})
    kept.commit("More, on main")
    kept.git("checkout", "--quiet", "work")
    assert kept.errors(against="main") == []


def test_a_new_folder_has_nothing_to_be_compared_with(shop: Shop) -> None:
    (shop.root / "README").write_text("x")
    shop.git("init", "--quiet", "--initial-branch=main")
    shop.git("add", "README")
    shop.git("commit", "--quiet", "-m", "x")
    assert shop.errors(against="main") == []


def test_a_renamed_schema_file_is_still_the_topics(kept: Shop) -> None:
    (kept.folder / "avro/order.avsc").rename(kept.folder / "avro/sale.avsc")
    kept.contract(file="sale")
    assert kept.errors(against="main") == []
    kept.schema(COUNT, file="sale")
    assert kept.errors(against="main") == [("avro/sale.avsc", 1, "producer/field-removed")]


def test_a_draft_promises_nothing_until_it_is_released(kept: Shop) -> None:
    path = kept.folder / "contracts/shop.orders.yaml"
    path.write_text("status: draft\n" + path.read_text())
    kept.commit("A draft")
    kept.schema(COUNT)
    assert kept.errors(against="main") == []


def test_line_ends_of_windows_are_no_change(kept: Shop) -> None:
    for path in kept.folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    reference = open_reference(kept.folder, "main")
    assert all(reference.holds(name, kept.folder) for name in reference.files)


CANNOT = [
    ("nowhere", 'git knows no revision "nowhere"', "known here: main"),
    ("--upload-pack=x", "names no commit", "a revision, like main"),
    ("", "names no commit", "a revision, like main"),
    ("https://example.com/x.git#branch=main", "uses no network", "fetch it"),
    ("git@example.com:x.git", "uses no network", "fetch it"),
    (".git#brnch=main", "no reference that is known here", 'did you mean "branch"?'),
    (".git#branch=", "no reference that is known here", "one of"),
    ("missing/.git#branch=main", "there is no git repository", "takes a revision"),
    ("main\nHEAD", "names no commit", "a revision, like main"),
]


@pytest.mark.parametrize(("against", "said", "hint"), CANNOT)
def test_a_reference_that_is_none(
    kept: Shop, against: str, said: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept.root)
    with pytest.raises(CannotRun, match=said) as caught:
        examine(kept.folder, (), against)
    assert hint in caught.value.hint


def test_outside_of_git(shop: Shop) -> None:
    with pytest.raises(CannotRun, match="is not inside a git repository") as caught:
        examine(shop.folder, (), "main")
    assert "leave --against out" in caught.value.hint


def test_without_git(kept: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotRun, match="git is not installed"):
        examine(kept.folder, (), "main")


def test_an_object_that_a_partial_clone_lacks(kept: Shop) -> None:
    folder = clone(kept)
    lose_note(folder)
    blob = open_reference(folder, "origin/main").files["avro/order.avsc"]
    objects = folder.parent / ".git/objects"
    if not (objects / blob[:2] / blob[2:]).exists():  # packed: take the pack apart first
        (pack,) = (objects / "pack").glob("*.pack")
        content = pack.read_bytes()
        for path in (objects / "pack").iterdir():
            path.unlink()
        subprocess.run(["git", "unpack-objects", "-q"], cwd=folder, input=content, check=True)
    (objects / blob[:2] / blob[2:]).unlink()
    with pytest.raises(CannotRun, match="is not in this clone"):
        examine(folder, (), "origin/main")


def test_blob_ids_are_gits() -> None:
    assert blob_id(b"hello\n", "0" * 40) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert len(blob_id(b"", "0" * 64)) == 64


def test_what_is_tried_for_a_name() -> None:
    assert read_revision("main").candidates == ("main", "refs/remotes/origin/main")
    assert read_revision("../x/.git#tag=v1").repository == "../x"
    with pytest.raises(GitFailure):
        read_revision("a b")
