"""`tidegate doctor`: whether this machine can publish: gateway, token, topics, clock, extras, spool. Called by `producing`.

Exit codes: 0 nothing is wrong, 1 something is, 2 could not run (a URL that is none).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from tidegate.cli.asking import Asker, CannotAsk, Reply

__all__ = ["run_doctor"]

_SKEW_S: Final = 30.0
"""A token's times are judged with about so much leeway."""
_TRIED: Final = 50
_EXTRAS: Final = (
    ("protobuf", ("protovalidate", "protobuf"), "Protobuf contracts are judged here"),
    ("cel", ("cel_expr_python",), "contracts with CEL rules are judged here"),
    ("grpc", ("grpc",), "grpcs:// URLs work"),
)


class Health(StrEnum):
    """What was found."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the examination. `hint`: what to do."""

    what: str
    health: Health
    said: str
    hint: str = ""


def run_doctor(url: str, token: str | None, spool: Path | None, *, as_json: bool) -> int:
    """Examines and tells."""
    try:
        with Asker(url, token) as asker:
            findings = [*_gateway(asker, has_token=bool(token)), *_extras(), *_spool(spool)]
    except ValueError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 2
    if as_json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    else:
        for one in findings:
            sys.stdout.write(f"{_MARKS[one.health]} {one.what:8} {one.said}\n")
            if one.hint:
                sys.stdout.write(f"{'':11}{one.hint}\n")
    return 1 if any(one.health is Health.WRONG for one in findings) else 0


_MARKS: Final = {Health.OK: "ok", Health.NOTE: "--", Health.WRONG: "!!"}


def _gateway(asker: Asker, *, has_token: bool) -> Iterator[Finding]:
    try:
        reply = asker.get("/v1/topics")
        yield Finding(what="gateway", health=Health.OK, said=f"answers in {reply.took_s * 1000:.0f} ms")
        yield _clock(reply)
        rows = asker.topics()
        if not has_token:
            yield Finding(
                what="token", health=Health.NOTE, said="none given", hint="give --token-file or TIDEGATE_TOKEN"
            )
            yield Finding(what="topics", health=Health.NOTE, said=f"{len(rows)} are listed")
            return
        yield from _rights(asker, [row.topic for row in rows])
    except CannotAsk as error:
        yield Finding(
            what="gateway", health=Health.WRONG, said=str(error), hint="is the URL right, is a proxy between?"
        )


def _clock(reply: Reply) -> Finding:
    skew = reply.clock_skew_s
    if skew is None:
        return Finding(what="clock", health=Health.NOTE, said="the gateway did not tell its time")
    if abs(skew) <= _SKEW_S:
        return Finding(what="clock", health=Health.OK, said=f"within {max(abs(skew), 1):.0f} s of the gateway's")
    way = "ahead of" if skew > 0 else "behind"
    return Finding(
        what="clock",
        health=Health.WRONG,
        said=f"{abs(skew):.0f} s {way} the gateway's",
        hint="tokens and event times are judged by it: is time synchronisation (NTP) running?",
    )


def _rights(asker: Asker, topics: list[str]) -> Iterator[Finding]:
    """What the token may: an empty object is judged for each topic, nothing is published."""
    may: list[str] = []
    for topic in topics[:_TRIED]:
        reply = asker.may_publish(topic)
        if reply.status == 401:
            yield Finding(
                what="token", health=Health.WRONG, said=reply.reason, hint="is it expired, or another gateway's?"
            )
            return
        if reply.status != 403:
            may.append(topic)
    yield Finding(
        what="token",
        health=Health.OK if topics else Health.NOTE,
        said="good" if topics else "cannot be tried: no topics",
    )
    if may:
        more = "" if len(topics) <= _TRIED else f", of the first {_TRIED} of {len(topics)}"
        yield Finding(what="topics", health=Health.OK, said=f"may publish to {', '.join(may)}{more}")
    elif topics:
        yield Finding(
            what="topics",
            health=Health.WRONG,
            said=f"may publish to none of {len(topics)}",
            hint="the token lacks the scopes that these topics' contracts want",
        )


def _extras() -> Iterator[Finding]:
    for name, modules, gives in _EXTRAS:
        if all(find_spec(module) is not None for module in modules):
            yield Finding(what=f"[{name}]", health=Health.OK, said=f"installed: {gives}")
        else:
            yield Finding(what=f"[{name}]", health=Health.NOTE, said=f"not installed; with tidegate[{name}] {gives}")


def _spool(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        return
    from tidegate.cli.spool import look

    for row in look(folder):
        waiting = sum(row.topics.values())
        said = "in use by a running client" if row.in_use else f"{waiting} events wait, {row.damaged} damaged"
        health = Health.WRONG if row.damaged or row.broken else Health.NOTE if waiting else Health.OK
        yield Finding(what="spool", health=health, said=f"{row.file}: {row.broken or said}")
