"""Who has to go when a port holds as many connections as it may: who waits longest, of the address that waits most.

Pure; asked by `protocol` when a connection comes. Nobody whose request is being answered is ever chosen.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["victims"]

_Waiting = TypeVar("_Waiting")


def victims(waiting: Sequence[tuple[str, float, _Waiting]], most: int) -> list[_Waiting]:
    """At most `most` of `waiting`, each given as (address, since when in seconds, itself).

    All are of one address: the one with the most waiting connections (of equals, the one that waits longest). So who comes
    with one connection keeps it beside a stranger with thousands; behind one balancer all are of one address, and age decides.
    """
    if not waiting:
        return []
    counts = Counter(address for address, _, _ in waiting)
    greediest = max(waiting, key=lambda row: (counts[row[0]], -row[1]))[0]
    theirs = sorted((row for row in waiting if row[0] == greediest), key=lambda row: row[1])
    return [one for _, _, one in theirs[:most]]
