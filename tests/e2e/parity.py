"""Local and remote verdict on generated payloads (faults 17): `python -m tests.e2e.parity [--events 10000]` for every contract.

The SDK's verdict is asked of the bundle that the gateway serves, the gateway's by `events:validate`. They must agree on each payload: taken
or not, and by the same pointers, rules and words.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.e2e.processes import dev_process

from tidegate.contracts.compiled import CompiledVersion, compile_contract
from tidegate.contracts.source import decode_source
from tidegate.contracts.verdict import Encoded, Violation
from tidegate.wire.results import ReceiptLines

__all__ = ["Disagreement", "disagreements", "payloads"]

_ODD = [
    None, True, False, 0, 1, -1, 11, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 0.5, -1e300, 1e-9, "", " ", "x", "ESPRESSO", "false", "12",
    "1.50", "01920000-0000-7000-8000-000000000000", "01920000-0000-7000-8000-00000000000G", "2026-01-31T12:00:00Z", "2026-02-30T12:00:00Z",
    "2026-01-31", "ada@example.com", "é" * 300, "\u0000", "a/b~c", [], [1], [None], {}, {"a": 1}, {"": 0}, {"seconds": 1}, "MjAyNg==", "NaN",
]  # fmt: skip
_SPACE = [b" ", b"\n", b"\t"]


def payloads(example: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Events near the example: members left out, changed, added, doubled, text cut or garbled; each has no line break."""
    dice = random.Random(seed)
    for _ in range(count):
        tree = json.loads(example)
        for _ in range(dice.choice([0, 1, 1, 1, 2, 3, 6])):
            _change(tree, dice)
        text = json.dumps(tree, ensure_ascii=dice.random() < 0.5).encode()
        if dice.random() < 0.06:
            text = _garbled(text, dice)
        yield text.replace(b"\n", b" ").replace(b"\r", b" ") or b" 1"


def _change(tree: Any, dice: random.Random) -> None:
    """One change somewhere in the tree."""
    while True:
        here = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        deeper = [place for place in here if isinstance(tree[place], dict | list) and tree[place]]
        if not deeper or dice.random() < 0.5:
            break
        tree = tree[dice.choice(deeper)]
    act = dice.random()
    if act < 0.25 and here:
        del tree[dice.choice(here)]
    elif act < 0.8 and here:
        place = dice.choice(here)
        tree[place] = deepcopy(dice.choice(_ODD))
    elif isinstance(tree, dict):
        name = dice.choice(here) if here else "a"
        tree[dice.choice([f"{name}s", name.swapcase(), "moonPhase", "", "a/b~c ü"])] = deepcopy(dice.choice(_ODD))
    else:
        tree.append(deepcopy(dice.choice(_ODD if dice.random() < 0.5 or not tree else tree)))


def _garbled(text: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(text))
    return dice.choice(
        [
            text[:at],
            text[:at] + bytes([dice.randrange(1, 256)]) + text[at:],
            text + text,
            text[:-1] + b',"orderId":1,"orderId":2}',
            b"[" * 70 + b"]" * 70,
            text.replace(b'"', b"'"),
            dice.choice(_SPACE) + text,
            b"NaN",
            text.replace(b":", b":\xff", 1),
        ]
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A payload that the two judge differently."""

    payload: bytes
    local: object
    remote: object


def disagreements(
    url: str, token: str, topic: str, count: int, seed: int, http: httpx2.Client
) -> tuple[list[Disagreement], int]:
    """Where the two verdicts differ, and how many of the payloads were taken."""
    headers = {"authorization": f"Bearer {token}"}
    bundle = http.get(f"{url}/v1/topics/{topic}/bundle", headers=headers).raise_for_status().content
    version = compile_contract(decode_source(bundle)).newest
    found: list[Disagreement] = []
    taken = 0
    bodies = list(payloads(version.codec.example(), count, seed))
    for begin in range(0, len(bodies), 200):
        chunk = bodies[begin : begin + 200]
        for body, remote in zip(
            chunk, _remote(http, f"{url}/v1/topics/{topic}/events:validate", headers, chunk), strict=True
        ):
            local = _local(version, body)
            taken += local == ("valid", ())
            if local != remote:
                found.append(Disagreement(payload=body, local=local, remote=remote))
    return found, taken


def _local(version: CompiledVersion, body: bytes) -> tuple[str, tuple[object, ...]]:
    verdict = version.check(body.strip(b" \t\r\n"))
    if isinstance(verdict, Encoded):
        return "valid", ()
    return "malformed" if verdict.malformed else "contract_violation", tuple(map(_said, verdict.violations))


def _remote(
    http: httpx2.Client, url: str, headers: dict[str, str], bodies: list[bytes]
) -> Iterator[tuple[str, tuple[object, ...]]]:
    headers = {**headers, "content-type": "application/x-ndjson"}
    for _ in range(60):
        response = http.post(url + "?format=values", content=b"\n".join(bodies), headers=headers)
        if response.status_code != 429:
            break
        time.sleep(float(response.headers["retry-after"]))  # a verdict spends the allowance as publishing does
    for line in msgspec.json.decode(response.content, type=ReceiptLines).results:
        if line.error is None:
            yield line.status, ()
        else:
            yield line.error.code, tuple(map(_said, line.error.errors))


def _said(violation: Violation) -> object:
    return (
        violation.pointer,
        violation.rule,
        violation.detail,
        violation.expected,
        violation.found,
        violation.hint,
        violation.byte_offset,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--events", type=int, default=10_000, metavar="N", help="payloads for each contract (default: 10,000)"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        dev_process(Path(folder)) as facts,
        httpx2.Client(timeout=60, trust_env=False) as http,
    ):
        url = f"http://{facts['http']}"
        listed = http.get(f"{url}/v1/topics", headers={"authorization": f"Bearer {facts['token']}"}).json()["topics"]
        for topic in [row["topic"] for row in listed]:
            found, taken = disagreements(url, facts["token"], topic, options.events, options.seed, http)
            wrong += len(found)
            print(f"{topic}: {options.events} payloads, {taken} taken, {len(found)} judged differently")
            for one in found[:3]:
                print(f"  {one.payload[:300]!r}\n    here    {one.local}\n    gateway {one.remote}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
