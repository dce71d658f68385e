"""The schemas folder as it stands in a commit, by git's own plumbing: `rev-parse`, `ls-tree`, `cat-file --batch`. No network.

Called by `tidegate check --against`. Blobs are only read where they differ from the working tree. Every way in which git
cannot answer is a `GitFailure` with what to do about it; nothing here judges a schema.
"""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.repository.git_revision import GitFailure, Revision, read_revision

__all__ = ["Reference", "blob_id", "open_reference"]

_TIMEOUT_S = 60
_OWN_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_SHALLOW = "a shallow clone holds no other commits: `git fetch --depth=1 origin {0}:refs/remotes/origin/{0}`, or fetch-depth: 0 in CI"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A schemas folder in git. `name` is what the user called it.

    `files` maps paths relative to the schemas folder to blob ids, as they stood where the working tree left the reference
    (its merge base), so that what others did since is not taken for a change of ours. `tip_files` are those below released/ and
    the lock as they stand in the reference now, `tip_lock` is that lock's text, and `commit` the commit of `files`.
    """

    name: str
    commit: str
    files: Mapping[str, str]
    tip_files: Mapping[str, str]
    tip_lock: str
    repository: Path

    def holds(self, name: str, folder: Path) -> bool:
        """Whether the file `name` of the reference stands in `folder` as it is (line ends of Windows do not count)."""
        known = self.files.get(name)
        try:
            content = (folder / name).read_bytes()
        except OSError:
            return False
        return known is not None and known in (
            blob_id(content, known),
            blob_id(content.replace(b"\r\n", b"\n"), known),
        )

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of files. Raises `GitFailure` where an object is not in this clone."""
        return self._contents(self.files, names)

    def read_tip(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of `tip_files`. Raises `GitFailure` likewise."""
        return self._contents(self.tip_files, names)

    def _contents(self, files: Mapping[str, str], names: Iterable[str]) -> dict[str, bytes]:
        wanted = list(names)
        return dict(zip(wanted, _blobs(self.repository, [files[name] for name in wanted]), strict=True))


def blob_id(content: bytes, like: str) -> str:
    """The id that git gives a file's content, by the hash that `like` (another id) was made with."""
    digest = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return digest(b"blob %d\0" % len(content) + content).hexdigest()


def open_reference(folder: Path, against: str) -> Reference:
    """The schemas folder `folder` in the commit that `against` names. Raises `GitFailure`.

    `against` is a revision (`main`, `origin/main`, `v1.2`, a hash), or `.git#branch=main` as buf writes it.
    """
    revision = read_revision(against)
    folder = folder.resolve()
    top = _line(folder, ["rev-parse", "--show-toplevel"])
    try:
        prefix = folder.relative_to(Path(top).resolve()).as_posix()
    except ValueError:
        raise GitFailure(f"{folder} is not below {top}, where git thinks it is", "leave symbolic links out") from None
    repository = folder if revision.repository in ("", ".") else Path(revision.repository)
    if not repository.exists():
        raise GitFailure(
            f'there is no git repository at "{revision.repository}"', "--against takes a revision, like main"
        )
    tip = _commit(repository, revision)
    base = _merge_base(repository, folder, tip)
    where = "" if prefix == "." else f"{prefix}/"
    files = _tree(repository, base or tip, where)
    tip_files = files if base in (None, tip) else _tree(repository, tip, where, "released", "released.lock")
    lock_id = tip_files.get("released.lock")
    lock = _blobs(repository, [lock_id])[0].decode(errors="replace") if lock_id else ""
    return Reference(
        name=revision.name,
        commit=base or tip,
        files=files,
        tip_files=tip_files,
        tip_lock=lock.replace("\r\n", "\n"),
        repository=repository,
    )


def _commit(repository: Path, revision: Revision) -> str:
    for name in revision.candidates:
        with contextlib.suppress(GitFailure):
            return _line(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"])
    _line(repository, ["rev-parse", "--git-dir"])  # says by itself where there is no repository
    tried = f" (tried {', '.join(revision.candidates)})"
    if _line(repository, ["rev-parse", "--is-shallow-repository"]) == "true":
        raise GitFailure(f'this clone has no "{revision.name}"{tried}', _SHALLOW.format(revision.short))
    heads = _run(repository, ["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes"]).decode()
    known = f"known here: {', '.join(heads.split()[:8])}" if heads.split() else "the repository has no branches yet"
    raise GitFailure(f'git knows no revision "{revision.name}"{tried}', known)


def _merge_base(repository: Path, folder: Path, tip: str) -> str | None:
    """Where the working tree's branch left the reference; None without a commit yet, or where the history does not reach."""
    try:
        head = _line(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
        return _line(repository, ["merge-base", head, tip])
    except GitFailure:
        return None


def _tree(repository: Path, commit: str, prefix: str, *names: str) -> dict[str, str]:
    """Path (relative to `prefix`) to blob id, of files only: no links, no submodules."""
    paths = [f"{prefix}{name}" for name in names] or [prefix.rstrip("/")]
    listed = _run(repository, ["ls-tree", "-r", "-z", "--full-tree", commit, "--", *filter(None, paths)])
    found: dict[str, str] = {}
    for row in listed.decode(errors="surrogateescape").split("\0"):
        kind, _, path = row.partition("\t")
        mode, _, rest = kind.partition(" ")
        if path.startswith(prefix) and mode in ("100644", "100755"):
            found[path.removeprefix(prefix)] = rest.rpartition(" ")[2]
    return found


def _blobs(repository: Path, ids: list[str]) -> list[bytes]:
    """Contents by `cat-file --batch`: one process, however many."""
    if not ids:
        return []
    answer = memoryview(_run(repository, ["cat-file", "--batch"], given="\n".join(ids).encode() + b"\n"))
    found: list[bytes] = []
    at = 0
    for wanted in ids:
        end = at
        while answer[end] != 0x0A:
            end += 1
        header = bytes(answer[at:end]).decode().split(" ")
        if header[-1] == "missing":
            raise GitFailure(f"the object {wanted} is not in this clone", "a partial clone: `git fetch --refetch` once")
        size = int(header[2])
        found.append(bytes(answer[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return found


def _line(folder: Path, arguments: list[str]) -> str:
    return _run(folder, arguments).decode(errors="surrogateescape").strip("\n")


def _run(folder: Path, arguments: list[str], given: bytes = b"") -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}  # set inside hooks
    environment |= {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
    command = ["git", "-c", "protocol.allow=never", "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 -- no shell; revisions stand behind --end-of-options
            command, cwd=folder, env=environment, input=given, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise GitFailure("git is not installed", "install git, or leave --against out") from None
    except NotADirectoryError:
        raise GitFailure(f"{folder} is no folder") from None
    except subprocess.TimeoutExpired:
        raise GitFailure(f"git did not answer within {_TIMEOUT_S} s: git {' '.join(arguments[:1])}") from None
    if done.returncode != 0:
        raise _failure(folder, arguments, done.stderr.decode(errors="replace").strip())
    return done.stdout


def _failure(folder: Path, arguments: list[str], said: str) -> GitFailure:
    if "not a git repository" in said:
        return GitFailure(f"{folder} is not inside a git repository", "run it in a clone, or leave --against out")
    if "dubious ownership" in said:
        hint = f"`git config --global --add safe.directory {folder}`, if you trust that folder"
        return GitFailure("git refuses a repository that belongs to somebody else", hint)
    if "must be run in a work tree" in said:
        return GitFailure(f"{folder} is in a bare repository, which has no files", "run it in a clone with a work tree")
    return GitFailure(f"git {' '.join(arguments[:2])} failed: {said or 'it said nothing'}")
