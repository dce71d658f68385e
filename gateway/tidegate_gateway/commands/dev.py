"""`dev`: the whole gateway on loopback. Prints what to copy: curl and Python that work as they stand."""

import argparse
import json
import os
import sys
from pathlib import Path

from tidegate_gateway.adapters.dev_key import DevKeyRefused, dev_key_path, load_or_make
from tidegate_gateway.app import Bound, Gateway
from tidegate_gateway.commands.dev_plan import dev_plan, dev_token
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, stop
from tidegate_gateway.commands.running import run_gateway
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.telemetry.logs import configure_logs

__all__ = ["dev"]


def dev(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; the exit code."""
    try:
        key = load_or_make(dev_key_path(os.environ, Path.home()))
    except DevKeyRefused as error:
        return stop(BAD_CONFIGURATION, str(error))
    plan = dev_plan(
        key,
        arguments.contracts,
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        admin_port=arguments.admin_port,
        kafka=arguments.kafka,
        quiet=arguments.quiet,
    )
    if plan.kafka is not None and (wrong := plan.kafka.validate()):
        return stop(BAD_CONFIGURATION, "--kafka " + "; ".join(wrong))
    configure_logs("human")

    def announce(bound: Bound, gateway: Gateway) -> None:
        token = dev_token(key, gateway.catalogue)
        if arguments.json:
            facts = {"http": bound.http, "grpc": bound.grpc, "admin": bound.admin, "kafka": bound.kafka, "token": token}
            print(json.dumps(facts), flush=True)
            return
        print(_welcome(bound, gateway.catalogue, token, plan.contracts_dir, embedded=plan.kafka is None), flush=True)

    return run_gateway(plan, announce, key)


def _welcome(bound: Bound, catalogue: Catalogue, token: str, folder: Path, *, embedded: bool) -> str:
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


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
