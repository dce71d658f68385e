"""What `dev` prints once it runs: where everything is, and curl, Python and grpcurl lines that work as they stand.

Called by `dev` alone. Text only; nothing is started here.
"""

import json
import sys
from base64 import b64encode
from pathlib import Path

from tidegate_gateway.app import Bound
from tidegate_gateway.intake.catalogue import Catalogue

__all__ = ["welcome"]


def welcome(bound: Bound, catalogue: Catalogue, token: str, folder: Path, *, embedded: bool) -> str:
    """The lines: addresses, contracts, what is broken, and an event of the first contract to send in three ways."""
    topic, contract = next(iter(catalogue.contracts.items()))
    example = contract.newest.codec.example().decode()
    url = f"http://{bound.http}"
    broker = "embedded broker, IN MEMORY: everything is lost at exit" if embedded else "your Kafka"
    lines = [
        f"Tidegate is at {url}, its docs at {url}/docs, readiness at http://{bound.admin}/readyz",
        f"Kafka: {bound.kafka} ({broker})",
        "Contracts: " + ", ".join(catalogue.contracts),
        *(f"BROKEN: {row.file}:{row.line}:{row.column}: {row.detail}" for row in catalogue.broken),
        "",
        "# curl",
        f"export TOKEN={token}",
        f'curl -s {url}/v1/topics/{topic}/events -H "Authorization: Bearer $TOKEN" \\',
        "  -H 'Content-Type: application/json' \\",
        f"  -d {_shell_quoted(example)}",
        "",
        "# Python",
        _python(url, topic, example),
        "",
        "# gRPC, with grpcurl (an event's JSON goes as bytes, so base64); then a contract's own service"
        if catalogue.services
        else "# gRPC, with grpcurl (an event's JSON goes as bytes, so base64)",
        *_grpcurl(bound.grpc, topic, example, catalogue),
        "",
        f"A save in {folder} is served at once. Ctrl-C ends. A line for each event follows.",
    ]
    return "\n".join(lines)


def _python(url: str, topic: str, example: str) -> str:
    call = (
        "import os, urllib.request as u\n"
        f"request = u.Request({f'{url}/v1/topics/{topic}/events'!r}, data={example.encode()!r}, headers={{\n"
        "    'Authorization': 'Bearer ' + os.environ['TOKEN'], 'Content-Type': 'application/json'})\n"
        "print(u.urlopen(request).read().decode())"
    )
    return f"{Path(sys.executable).name} - <<'END'\n{call}\nEND"


def _grpcurl(address: str, topic: str, example: str, catalogue: Catalogue) -> list[str]:
    """One event by the ingest service; and one by the first service that a contract brings."""
    event = {"topic": topic, "events": [{"json": b64encode(example.encode()).decode()}]}
    calls = [("tidegate.ingest.v1.IngestService/Publish", json.dumps(event))]
    for service in catalogue.services.values():
        method = service.methods[0]
        contract = catalogue.contracts.get(method.topic)
        if contract is not None:
            calls.append((f"{service.name}/{method.name}", contract.newest.codec.example().decode()))
            break
    head = 'grpcurl -plaintext -H "Authorization: Bearer $TOKEN" \\'
    return [line for path, body in calls for line in (head, f"  -d {_shell_quoted(body)} {address} {path}")]


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
