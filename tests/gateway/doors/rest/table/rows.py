"""The tables beside this file: one row a line, read here and judged by `test_table`. Their heads say how a row is written."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HERE", "Row", "read_rows"]

HERE = Path(__file__).parent
_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
_TIMES = re.compile("«(.+?)»\\*(\\d+)")


@dataclass(frozen=True)
class Row:
    """One body and its verdict.

    `code` is `ok`, `contract_violation` or `malformed`; `violations` are (rule, pointer). `means` is what the field holds once
    it is stored, where the row says so.
    """

    place: str
    field: str
    body: bytes
    code: str
    violations: tuple[tuple[str, str], ...] = ()
    means: object = None
    told: bool = False


def read_rows(name: str) -> list[Row]:
    """The rows of one table."""
    lines = (HERE / name).read_text("utf-8").split("\n")
    return [_row(f"{name}:{n}", line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]


def _row(place: str, line: str) -> Row:
    field, _, rest = line.partition(": ")
    text, _, verdict = rest.rpartition("=> ")
    body = _spelled(text.removesuffix(" "))
    if field != "*":
        body = b'{"id":"x","' + field.encode() + b'":' + body + b"}"
    word, _, said = verdict.partition(" ")
    if word == "ok":
        return Row(place, field, body, "ok", means=_meant(said) if said else None, told=bool(said))
    code = {"bad": "contract_violation", "broken": "malformed"}[word]
    return Row(place, field, body, code, tuple(_violation(one) for one in said.split("; ")))


def _violation(text: str) -> tuple[str, str]:
    rule, pointer = text.split(" ")
    return rule, pointer


def _spelled(text: str) -> bytes:
    """The body that a row spells: `\\x00` a byte, `«[»*3` three brackets."""
    while times := _TIMES.search(text):
        text = text[: times.start()] + times[1] * int(times[2]) + text[times.end() :]
    return _BYTE.sub(lambda found: bytes([int(found[1], 16)]), text.encode())


def _meant(said: str) -> object:
    word, _, digits = said.partition(" ")
    return bytes.fromhex(digits) if word == "hex" else json.loads(said)
