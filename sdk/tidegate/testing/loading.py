"""A schemas folder as the contracts of a fake gateway. Apart from `gate`: it needs the extra `tidegate[cli]`."""

from pathlib import Path

from tidegate.contracts.compiled import CompiledContract
from tidegate.repository.folder import load

__all__ = ["contracts_of"]


def contracts_of(folder: Path, *, working_copies: bool = True) -> tuple[CompiledContract, ...]:
    """The folder's contracts, unreleased changes included. Raises `ValueError` that names what is broken."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    loaded = load(folder, working_copies=working_copies)
    if loaded.broken:
        raise ValueError("; ".join(f"{one.file}:{one.line}: {one.detail}" for one in loaded.broken))
    return tuple(loaded.contracts)
