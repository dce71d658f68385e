"""Services that contracts bring themselves: what no gateway could serve. Called by `examination` for a whole folder.

The rules are `repository.service_rules`'; here they are asked with the schemas that people are editing.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tidegate.check.finding import Finding
from tidegate.repository.broken import Place
from tidegate.repository.services import read_services
from tidegate.repository.survey import Survey

__all__ = ["services_broken"]


def services_broken(folder: Path, found: Survey) -> Iterator[Finding]:
    """Every fault of a service, at its place in its .proto file.

    None while a contract cannot be read: what services lack then is told with that contract, and would only be told twice.
    """
    if len(found.subjects) < len(found.topics):
        return
    contracts = {
        subject.topic: msgspec.structs.replace(subject.contract.live, versions=(subject.copy.source, *subject.versions))
        for subject in found.subjects
    }
    for row in read_services(folder, contracts).broken:
        place = Place(file=row.file, line=row.line, column=row.column)
        yield Finding(place=place, rule="service/invalid", message=row.detail)
