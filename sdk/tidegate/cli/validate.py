"""`tidegate validate`: the verdict on the events of a file or of stdin, nothing sent, no network (but for `--url`). Called by `producing`.

Exit codes: 0 all satisfy the contract, 1 some do not (each is told, with its line), 2 could not run.
"""

import sys
from pathlib import Path

from tidegate.cli.publish import Input, Report, mistyped, opened
from tidegate.cli.rows import Row, Unreadable, form_of, rows_of, typed_cells
from tidegate.client import Client
from tidegate.contracts.codec import ContractError
from tidegate.contracts.source import encode_source
from tidegate.exceptions import TidegateError
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Bundle

__all__ = ["run_validate"]


def run_validate(
    topic: str, source: Input, folder: Path | None, url: str, cache_dir: Path | None, *, as_json: bool
) -> int:
    """Judges by the contract of a schemas folder, or by the one that an earlier run had from the gateway at `url`."""
    report = Report()
    try:
        bundles = {topic: _bundle(folder, topic)} if folder is not None else {}
        transport = MemoryTransport(bundles=bundles)
        settings = ClientSettings(cache_dir=None if folder is not None else cache_dir)
        with opened(source) as stream, Client(url, settings=settings, transport=lambda: transport) as client:
            typed: set[str] = set()
            for row in rows_of(stream, form_of(source.path, source.form), events=source.events):
                _judge(client, topic, row, source, typed, report)
    except LookupError as error:
        hint = "" if folder is not None else " (give --contracts DIR, or publish or ask `tidegate topics` once)"
        sys.stderr.write(f"tidegate: {error}{hint}\n")
        return 2
    except (OSError, ValueError, Unreadable, ContractError) as error:
        sys.stderr.write(f"tidegate: {source.name}: {error}\n")
        return 2
    report.tell(source.name, "valid", as_json=as_json)
    return 1 if report.refused else 0


def _bundle(folder: Path, topic: str) -> Bundle:
    from tidegate.check.asked import check_asked  # the extra [cli]
    from tidegate.check.finding import CannotRun
    from tidegate.repository.folder import load

    try:
        check_asked(folder, [topic])
    except CannotRun as error:
        raise LookupError(f"{error}; {error.hint}") from None
    loaded = load(folder, working_copies=True)
    for contract in loaded.contracts:
        if contract.topic == topic:
            return Bundle(body=encode_source(contract.source), etag="folder")
    for broken in loaded.broken:
        if broken.topic == topic:
            raise LookupError(f"{broken.file}:{broken.line}: {broken.detail}")
    raise LookupError(f"{folder} does not serve {topic}")


def _judge(client: Client, topic: str, row: Row, source: Input, typed: set[str], report: Report) -> None:
    if row.wrong:
        report.trouble(row.line, row.wrong)
        return
    for again in (True, False):
        value = row.value if isinstance(row.value, bytes) else typed_cells(row.value, typed)
        facts = row.facts
        try:
            client.validate(
                topic,
                value,
                key=facts.key if facts is not None else None,
                version=facts.version if facts is not None and facts.version is not None else source.version,
                media_type="application/json" if isinstance(value, bytes) else None,
            )
        except TidegateError as error:
            more = mistyped(row, error) - typed
            if again and more:
                typed |= more
                continue
            report.trouble(row.line, error)
            return
        report.stored += 1
        return
