"""An Avro container file taken apart: its values as a submission, in the version whose schema wrote it. Called by `hot`.

What is damaged anywhere is refused whole, before anything is judged: the blocks behind it cannot be trusted to be values.
"""

import asyncio
from collections.abc import Iterator
from time import perf_counter

from tidegate.contracts.avro.container_file import BrokenContainer, Judged, read_container
from tidegate.contracts.compiled import CompiledVersion
from tidegate.contracts.media import AVRO, JSON
from tidegate.contracts.verdict import Violation
from tidegate.errors import Code
from tidegate_gateway.doors.media import NDJSON
from tidegate_gateway.doors.rest.batch import BYTES_AN_EVENT, Unbatchable
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.submission import Admission, Incoming, Submission

__all__ = ["check_container_taken", "container_batch"]

_TURN_S = 0.02
"""So long values are read in a thread before their memory is counted. In a thread: one of them may take seconds."""
_COPIES = 2


def check_container_taken(admission: Admission) -> None:
    """Raise `unsupported_media` where the topic's contract is not Avro."""
    if AVRO not in admission.contract.newest.media_types:
        raise Fault(
            Code.UNSUPPORTED_MEDIA,
            f"the contract of {admission.contract.topic} takes no Avro container file; taken are {JSON}, {NDJSON}",
            accepted=(JSON, NDJSON),
        )


async def container_batch(body: bytes, admission: Admission, *, max_events: int, max_bytes: int) -> Submission:
    """The submission of a container file: each of its values an event, in the version whose schema the file names.

    Raises `Unbatchable` for what is no such file or damaged, `too_large` past `max_events` values or `max_bytes` of blocks
    decompressed; `overloaded`.
    """
    values: list[Incoming] = []
    size_bytes = 0
    try:
        container = read_container(body, admission.contract, max_bytes=max_bytes, max_values=max_events)
        if container.count > max_events:
            detail = f"a container file of more events than the {max_events} that are taken at once"
            raise Fault(Code.TOO_LARGE, detail, max_events=max_events)
        version = _agreed(container.version, admission)
        number = version.number or None  # a working copy is the newest anyway
        judged = container.judged(version)
        while rows := await asyncio.to_thread(_some, judged):
            values += [Incoming(body=value, version=number, verdict=verdict) for value, verdict in rows]
            size_bytes += sum(len(value) for value, _ in rows)
            admission.reservation.grow_to(len(body) + _COPIES * size_bytes + BYTES_AN_EVENT * len(values))
    except BrokenContainer as error:
        if error.too_large:
            raise Fault(Code.TOO_LARGE, f"the body {error.violation.detail}") from None
        raise Unbatchable(error.violation) from None
    return Submission(events=values, count=len(values), size_bytes=max(len(body), size_bytes), media_type=AVRO)


def _some(values: Iterator[Judged]) -> list[Judged]:
    """The next values, as many as a turn has time for: one at least; none behind the last."""
    ends = perf_counter() + _TURN_S
    rows: list[Judged] = []
    for row in values:
        rows.append(row)
        if perf_counter() > ends:
            break
    return rows


def _agreed(written: CompiledVersion, admission: Admission) -> CompiledVersion:
    """The version that judges: the file's own, which Event-Version may repeat.

    Versions of one schema text share their id: then the header says which of them.
    """
    named = admission.contract.version(admission.version) if admission.version is not None else None
    if named is None or named.number == written.number:
        return written
    if named.schema_id == written.schema_id:
        return named
    raise Unbatchable(
        Violation(
            pointer="#",
            rule="encoding",
            detail=f"was written with the schema of version {written.number}, and Event-Version says {named.number}",
            expected="the version of the file's own schema, or no Event-Version",
        )
    )
