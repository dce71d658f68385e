"""The docs, followed: every link of every error opens at its anchor, and every command of a page works as it stands."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.e2e.processes import GatewayProcess, gateway_process

from tidegate.errors import ERRORS

TOPICS = ("customer.orders", "customer.order-status", "customer.profiles")
ROLES = ("checkout-producer", "crm-producer")
WRONG: tuple[Any, ...] = (None, True, -1, 2**70, 0.5, "", "x" * 600, "ä", [], [[]], {}, {"nope": 1})
"""Values that break something at most places."""


class Ids(HTMLParser):
    """The ids of a page, and the texts of its blocks of code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: set[str] = set()
        self.blocks: list[str] = []
        self._within = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids.update(str(value) for name, value in attrs if name == "id")
        if tag == "pre":
            self._within = True
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = self._within and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._within:
            self.blocks[-1] += data


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway on its embedded broker, which knows the topics."""
    with gateway_process(tmp_path_factory.mktemp("docs"), None, environ={"TIDEGATE_SERVER_DRAIN_S": "1"}) as gateway:
        ends = time.monotonic() + 20
        for topic in TOPICS:
            while publish(gateway, topic, example(gateway, topic)).status_code == 503 and time.monotonic() < ends:
                time.sleep(0.2)
        yield gateway


def headers(gateway: GatewayProcess) -> dict[str, str]:
    return {"Authorization": f"Bearer {gateway.token(roles=ROLES)}"}


def publish(gateway: GatewayProcess, topic: str, event: Any) -> httpx2.Response:
    with httpx2.Client(timeout=20.0, trust_env=False) as client:
        return client.post(f"http://{gateway.http}/v1/topics/{topic}/events", json=event, headers=headers(gateway))


def get(gateway: GatewayProcess, path: str) -> httpx2.Response:
    url = path if path.startswith("http") else f"http://{gateway.http}{path}"
    with httpx2.Client(timeout=20.0, trust_env=False) as client:
        return client.get(url, headers=headers(gateway))


def example(gateway: GatewayProcess, topic: str) -> dict[str, Any]:
    return dict(get(gateway, f"/v1/topics/{topic}").json()["example"])


def broken(value: Any) -> Iterator[Any]:
    """The value with each place replaced by what does not belong there, and each member left out or misspelt."""
    yield from WRONG
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in rows:
        for changed in broken(inner):
            copy = value.copy()
            copy[name] = changed
            yield copy
        if isinstance(value, dict):
            lacking = {other: held for other, held in value.items() if other != name}
            yield lacking
            yield {**lacking, f"{name}x": inner}


def links(problem: dict[str, Any]) -> Iterator[str]:
    yield problem["type"]
    yield problem["docs"]
    yield from (violation["docs"] for violation in problem["errors"] if "docs" in violation)


def with_more(topic: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Events that fill what the example leaves empty: each branch of the union, the nested record."""
    more: dict[str, list[dict[str, Any]]] = {
        "customer.orders": [
            {"payment": {"brand": "Visa", "lastFour": "4242"}, "note": "hi"},
            {"payment": {"code": "SPRING26", "amount": "5.00"}, "attributes": {"a": "b"}},
        ],
        "customer.profiles": [{"address": {"street": "a", "postcode": "b", "city": "c"}, "birthday": "1990-01-01"}],
        "customer.order-status": [{"attributes": {"a": "b"}}, {"courier": None, "pickupPoint": "a"}],
    }
    return [event, *({**event, **change} for change in more[topic])]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_link_of_every_violation_opens_at_its_anchor(documented: GatewayProcess, topic: str) -> None:
    events = [body for event in with_more(topic, example(documented, topic)) for body in broken(event)]
    found: set[str] = set()
    lines = "\n".join(json.dumps({"value": body}) for body in events)
    with httpx2.Client(timeout=60.0, trust_env=False) as client:
        answer = client.post(
            f"http://{documented.http}/v1/topics/{topic}/events:validate",
            content=lines.encode(),
            headers={**headers(documented), "Content-Type": "application/x-ndjson"},
        )
    assert answer.status_code in {207, 400}, answer.text
    for result in answer.json()["results"]:
        found.update(links(result["error"]) if "error" in result else ())
    pages: dict[str, Ids] = {}
    for link in found:
        url, _, anchor = link.partition("#")
        if url not in pages:
            shown = get(documented, url)
            assert shown.status_code == 200, url
            pages[url] = Ids(shown.text)
        assert not anchor or anchor in pages[url].ids, link
    fields = {link.partition("#")[2] for link in found if "#" in link}
    documented_fields = {
        row for row in pages[f"http://{documented.http}/docs/topics/{topic}"].ids if "section" not in row
    }
    missed = documented_fields - fields - {"main-content"}
    assert not missed, f"no error led to {sorted(missed)}"


def test_every_code_has_its_page(documented: GatewayProcess) -> None:
    for code in ERRORS:
        assert get(documented, f"/docs/errors/{code}").status_code == 200


@pytest.mark.parametrize("topic", TOPICS)
def test_every_command_of_the_page_works_as_it_stands(documented: GatewayProcess, topic: str, tmp_path: Path) -> None:
    blocks = Ids(get(documented, f"/docs/topics/{topic}").text).blocks
    assert len(blocks) >= 8
    token = documented.token(roles=ROLES)
    for name, stands_in in (
        ("grpcurl", shlex.quote(str(Path(__file__).with_name("grpcurl.py")))),
        ("protoc", "-Pm grpc_tools.protoc"),
    ):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {stands_in} "$@"\n')
        program.chmod(0o755)
    path = f"{os.environ['PATH']}:{tmp_path}"  # the real ones where there are some
    environ = {"PATH": path, "TOKEN": token, "HOME": str(tmp_path)}
    for block in blocks:
        done = subprocess.run(
            ["/bin/sh", "-c", block], capture_output=True, text=True, timeout=60, check=False, env=environ, cwd=tmp_path
        )
        assert done.returncode == 0, (block, done.stderr)
        if "protoc --" in block:  # makes files, and says nothing
            assert list(tmp_path.rglob("*_service_pb2.py")), block
            continue
        for answer in values(done.stdout):
            results = answer.get("results", [answer])
            said = {row.get("status", row.get("message", "")).removeprefix("STATUS_").lower() for row in results}
            assert said <= {"stored", "valid", "2 events stored"}, (block, answer)


def values(text: str) -> Iterator[dict[str, Any]]:
    """What a command printed: one JSON object, or one for each answer of a stream."""
    assert text.strip(), "the command printed nothing"
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:]
