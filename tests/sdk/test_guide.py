"""The guide's Python blocks, run from top to bottom against a fake gateway; and its table of the herd's figures."""

import re
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate.async_client import AsyncClient
from tidegate.cli.main import main
from tidegate.client import Client
from tidegate.simulate.producers import OURS, POLICIES
from tidegate.testing import FakeGate
from tidegate.testing.loading import contracts_of

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "sdk" / "GUIDE.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_s_blocks_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = FakeGate(contracts_of(ROOT / "schemas", working_copies=False))
    made: list[Client] = []

    def client(url: str, token: object = None, **more: Any) -> Client:
        made.append(Client(url, token, transport=gate.transport, clock=gate.clock, **more))  # type: ignore[arg-type]  # as the guide calls it
        return made[-1]

    def async_client(url: str, token: object = None, **more: Any) -> AsyncClient:
        return AsyncClient(url, token, transport=gate.transport, clock=gate.clock, **more)  # type: ignore[arg-type]  # the same

    monkeypatch.setattr(tidegate, "Client", client, raising=False)
    monkeypatch.setattr(tidegate, "AsyncClient", async_client, raising=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "guide"}
    try:
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"GUIDE.md, block {number + 1}", "exec"), names)  # noqa: S102 -- the point of it
    finally:
        for one in made:
            one.close(0)
    stored = len(gate.events)
    assert stored > 2100
    gate.clear()
    names["test_an_order_is_published_though_the_gateway_is_busy"](gate)
    with gate.client() as names["gate"]:
        heads: list[str] = []
        (body,) = names["app"]({}, lambda status, _: heads.append(status))
    assert (heads, body.decode()) == (["200 OK"], gate.events[-1].id)


def test_the_guide_is_whole() -> None:
    assert len(BLOCKS) >= 12
    for anchor in re.findall(r"\]\(#([a-z-]+)\)", GUIDE):
        headings = {
            re.sub(r"[^a-z -]", "", line[3:].lower()).replace(" ", "-")
            for line in GUIDE.splitlines()
            if line.startswith("## ")
        }
        assert anchor in headings
    for name in re.findall(r"\]\(([\w.]+)\)", GUIDE):
        assert (ROOT / "sdk" / name).exists()


def test_the_guide_s_herd_table_has_every_policy_and_ours_within_its_bounds() -> None:
    rows = {line.split("|")[1].strip(): line for line in GUIDE.splitlines() if line.startswith("| ")}
    assert set(POLICIES) <= set(rows)
    assert "!" not in rows[OURS]
    assert all("!" in rows[policy] for policy in POLICIES if policy != OURS)


def test_every_command_of_the_guide_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command in set(re.findall(r"^(?:source <\()?tidegate ([a-z]+)", GUIDE, re.MULTILINE)):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command
    assert capsys.readouterr().out
