"""What `--against` may say, read into the names to try. Pure; called by `git`."""

import re
from dataclasses import dataclass

from tidegate.contracts.wording import did_you_mean, shown

__all__ = ["GitFailure", "Revision", "read_revision"]

_OPTIONS = ("branch", "tag", "commit", "ref")
_is_remote = re.compile(r"[a-z][a-z0-9+.-]*://|[^/]*@[^/]+:", re.IGNORECASE).match


class GitFailure(Exception):
    """Git cannot answer. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit, as a person names it. `candidates` are tried in their order; `repository` is a folder, empty for the own one.

    `short` is the bare branch or tag, to be named in a hint.
    """

    name: str
    candidates: tuple[str, ...]
    repository: str = ""
    short: str = ""


def read_revision(text: str) -> Revision:
    """A revision, or buf's `<folder>/.git#branch=main` (also tag, commit, ref). Raises `GitFailure`."""
    if not text or text.startswith("-") or any(ord(character) < 0x21 for character in text):
        raise GitFailure(f'"{shown(text)}" names no commit', "--against takes a revision, like main or origin/main")
    where, mark, options = text.partition("#")
    if not mark and not where.endswith(".git"):
        return Revision(name=text, candidates=_with_remote(text), short=text.removeprefix("origin/"))
    if _is_remote(where):
        raise GitFailure(
            f'"{shown(where)}" is a remote, and check uses no network', "fetch it, and name the local branch"
        )
    folder = where.removesuffix(".git").rstrip("/") if where.rpartition("/")[2] == ".git" else where  # else a bare one
    return _from_options(text, folder, options)


def _from_options(text: str, folder: str, options: str) -> Revision:
    if not options:
        return Revision(name=text, candidates=("HEAD",), repository=folder or ".", short="HEAD")
    name, _, value = options.partition("=")
    if name not in _OPTIONS or not value or "," in value:
        meant = did_you_mean(name, _OPTIONS) if name not in _OPTIONS else ""
        hint = meant or f"one of {', '.join(f'#{option}=' for option in _OPTIONS)}"
        raise GitFailure(f'"{shown(text)}" is no reference that is known here', hint)
    candidates = {
        "branch": (f"refs/heads/{value}", f"refs/remotes/origin/{value}"),
        "tag": (f"refs/tags/{value}",),
    }.get(name, _with_remote(value))
    return Revision(name=value, candidates=candidates, repository=folder or ".", short=value)


def _with_remote(name: str) -> tuple[str, ...]:
    """A clean clone of a pull request often has main as origin/main only."""
    return (name,) if name.startswith(("origin/", "refs/")) or name == "HEAD" else (name, f"refs/remotes/origin/{name}")
