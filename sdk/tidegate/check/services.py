"""Services that contracts bring themselves: what no gateway could serve, and what generated producers lose. Called by `examination`
for a whole folder.

What can be served is for `repository.service_rules` to say; here it is asked with the schemas that people are editing. What changed
since the git reference is `service_changes`'.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tidegate.check.before import Before
from tidegate.check.finding import Finding
from tidegate.check.service_changes import services_changed
from tidegate.repository.broken import Place
from tidegate.repository.services import read_services
from tidegate.repository.survey import Survey

__all__ = ["services_broken"]


def services_broken(folder: Path, found: Survey, before: Before | None) -> Iterator[Finding]:
    """Every fault of a service, and every change that breaks its producers, at its place in its .proto file.

    None while a contract cannot be read: what services lack then is told with that contract, and would only be told twice.
    """
    if len(found.subjects) < len(found.topics):
        return
    contracts = {
        subject.topic: msgspec.structs.replace(subject.contract.live, versions=(subject.copy.source, *subject.versions))
        for subject in found.subjects
    }
    now = read_services(folder, contracts)
    for row in now.broken:
        place = Place(file=row.file, line=row.line, column=row.column)
        yield Finding(place=place, rule="service/invalid", message=row.detail)
    known = before.services() if before is not None else None
    if known is not None:
        yield from services_changed(folder, known, now)
