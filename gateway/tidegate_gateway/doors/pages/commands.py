"""The commands of a topic's page: every way to send its example, fit to be pasted into a POSIX shell with $TOKEN set.

Made for `content`. A quoted here-document takes any JSON as it stands; a test runs each through a shell's own words.
"""

import json
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from tidegate.contracts.compiled import CompiledContract
from tidegate_gateway.doors.rest.deps import GrpcAddress

__all__ = ["Command", "commands"]

_JSON = "application/json"
_NDJSON = "application/x-ndjson"
_METHOD = "tidegate.ingest.v1.IngestService/Publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One way to send: what it does, and its lines. `what` may hold `code` between backticks."""

    what: str
    text: str


def commands(contract: CompiledContract, base_url: str, grpc: GrpcAddress | None = None) -> tuple[Command, ...]:
    """One event first, by curl and by Python; then gRPC, the verdict alone, batches, bare values and gzip."""
    example = json.loads(contract.newest.codec.example())
    pretty, line = _pretty(example), json.dumps(example, ensure_ascii=False)
    event = json.dumps({"value": example}, ensure_ascii=False)
    batch = _pretty({"events": [{"value": example}, {"value": example}]})

    def curl(place: str, media: str, body: str, *, gzip: bool = False) -> str:
        return _curl(contract, f"{base_url}/v1/topics/{quote(contract.topic)}/{place}", media, body, gzip=gzip)

    address = contract.source.route or f"/v1/topics/{quote(contract.topic)}/events"
    return (
        Command(what="One event.", text=curl("events", _JSON, pretty)),
        Command(what="The same in Python (standard library).", text=_python(contract, base_url + address, pretty)),
        *(
            [Command(what="The same by gRPC, with grpcurl.", text=_grpcurl(contract, base_url, grpc, pretty))]
            if grpc
            else []
        ),
        Command(what="Ask for the verdict; nothing is published.", text=curl("events:validate", _JSON, pretty)),
        Command(what="Many events. Each has its own result.", text=curl("events:batch", _JSON, batch)),
        Command(what="The same as NDJSON: an event a line.", text=curl("events:batch", _NDJSON, f"{event}\n{event}")),
        Command(
            what="Bare values, one a line: `?format=values`.",
            text=curl("events:batch?format=values", _NDJSON, f"{line}\n{line}"),
        ),
        Command(what="Compressed; whatever goes over HTTP may be.", text=curl("events", _JSON, pretty, gzip=True)),
    )


def _curl(contract: CompiledContract, url: str, media: str, body: str, *, gzip: bool) -> str:
    fields = ["Authorization: Bearer $TOKEN", f"Content-Type: {media}"]
    if gzip:
        fields.append("Content-Encoding: gzip")
    if contract.source.inputs == "pinned" and contract.newest.number:
        fields.append(f"Event-Version: {contract.newest.number}")
    lines = [f"curl -sS {shlex.quote(url)} \\"]
    lines += [f"  -H {_quoted(field)} \\" for field in fields]
    if gzip:
        return "\n".join(["gzip -c <<'EVENT' |", body, "EVENT", *lines, "  --data-binary @-"])
    return "\n".join([*lines, "  --data-binary @- <<'EVENT'", body, "EVENT"])


def _grpcurl(contract: CompiledContract, base_url: str, grpc: GrpcAddress, body: str) -> str:
    """The API carries JSON as bytes, so that no number loses a digit; in grpcurl's own JSON they are base64.

    A port without reflection does not tell what its messages are: then the API's .proto is fetched beside it.
    """
    version = contract.newest.number if contract.source.inputs == "pinned" else 0
    named = f', \\"version\\": {version}' if version else ""
    options = [] if grpc.tls else ["-plaintext"]
    fetched = []
    if not grpc.reflection:
        options.append("-proto ingest.proto")
        fetched.append(f"curl -sS {shlex.quote(f'{base_url}/docs/ingest.proto')} -o ingest.proto")
    return "\n".join(
        [
            *fetched,
            "VALUE=$(base64 <<'EVENT' | tr -d '\\n'",
            body,
            "EVENT",
            ")",
            " ".join(["grpcurl", *options, '-H "Authorization: Bearer $TOKEN" \\']),
            f'  -d "{{\\"topic\\": \\"{contract.topic}\\", \\"events\\": [{{\\"json\\": \\"$VALUE\\"{named}}}]}}" \\',
            f"  {shlex.quote(grpc.target)} {_METHOD}",
        ]
    )


def _python(contract: CompiledContract, url: str, body: str) -> str:
    """A program that prints the answer, a refusal too; the body is written as Python writes it."""
    fields = {"Content-Type": _JSON}
    if contract.source.inputs == "pinned" and contract.newest.number:
        fields["Event-Version"] = str(contract.newest.number)
    lines = [
        "import json, os, urllib.error, urllib.request",
        "",
        f"event = json.loads({body!r})" if "\\" in body or "'''" in body else f"event = json.loads('''{body}''')",
        f"headers = {fields!r} | {{'Authorization': 'Bearer ' + os.environ['TOKEN']}}",
        f"request = urllib.request.Request({url!r}, json.dumps(event).encode(), headers)",
        "try:",
        "    print(urllib.request.urlopen(request).read().decode())",
        "except urllib.error.HTTPError as refused:",
        "    print(refused.read().decode())",
    ]
    return "\n".join(["python3 - <<'PYTHON'", *lines, "PYTHON"])


def _quoted(field: str) -> str:
    """In double quotes where the shell has a variable to put in."""
    return f'"{field}"' if "$TOKEN" in field else shlex.quote(field)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
