"""Many contracts judged by two processes at once. Called by `examination`; what is judged is handed over by forking, not copied."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from tidegate.check.finding import CannotRun, Finding

__all__ = ["spread"]

_PROCESSES: Final = 2
_FEW: Final = 60
"""Below that a second process costs more than it saves."""
_CHUNK: Final = 16

T = TypeVar("T")
Judge = Callable[[T], Sequence[Finding]]

_handed: list[Callable[[int], Sequence[Finding]]] = []
"""Set in the child only: the work, inherited from the parent's memory."""


def spread(judge: Judge[T], subjects: Sequence[T]) -> Iterator[Finding]:
    """What `judge` finds in each subject, in their order. One process where they are few or forking is not to be had.

    Raises `CannotRun` where a process was ended from outside.
    """
    if len(subjects) < _FEW or "fork" not in multiprocessing.get_all_start_methods():
        for subject in subjects:
            yield from judge(subject)
        return
    from concurrent.futures import ProcessPoolExecutor  # 30 ms, and only here
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(_PROCESSES, context, _inherit, (lambda index: judge(subjects[index]),)) as pool:
        try:
            for found in pool.map(_judged, range(len(subjects)), chunksize=_CHUNK):
                yield from found
        except BrokenProcessPool:
            raise CannotRun("a process of the check was ended from outside", "is there memory enough?") from None


def _inherit(work: Callable[[int], Sequence[Finding]]) -> None:
    _handed.append(work)


def _judged(index: int) -> Sequence[Finding]:
    return _handed[0](index)
