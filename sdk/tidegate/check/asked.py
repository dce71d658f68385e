"""What a command was asked about: is there such a folder, and such a contract? Asked first by every command that takes a TOPIC.

Only names are looked at: whether a contract is sound is told by what reads it.
"""

from collections.abc import Iterable
from pathlib import Path, PurePath

from tidegate.check.finding import CannotRun
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.folder import CONTRACTS, contract_names

__all__ = ["check_asked"]

_SHOWN = 8
"""So many topics are named where none is near."""


def check_asked(folder: Path, topics: Iterable[str] = ()) -> None:
    """Raises `CannotRun`, with a hint, where `folder` is no schemas folder or has no contract file of one of `topics`."""
    if not (folder / CONTRACTS).is_dir():
        here = " (here it is `--contracts .`)" if Path(CONTRACTS).is_dir() else ""
        raise CannotRun(f"{folder} holds no {CONTRACTS}/", f"--contracts names the schemas folder{here}")
    known = tuple(name.removeprefix(f"{CONTRACTS}/").removesuffix(".yaml") for name in contract_names(folder, []))
    for topic in topics:
        if topic not in known:
            more = ", ..." if len(known) > _SHOWN else ""
            name = PurePath(topic).name.removesuffix(".yaml")  # a contract's file, where its topic was asked for
            hint = (
                did_you_mean(topic, known)
                or did_you_mean(name, known)
                or f"known: {', '.join(known[:_SHOWN]) or 'none'}{more}"
            )
            raise CannotRun(f'there is no contract "{shown(topic)}"', hint)
