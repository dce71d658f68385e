"""What somebody may have meant who sent the right thing to the wrong place: words for refusals, never a decision.

Used by `hot`, `media`, `batch` and `problems`. What was sent is only compared, never shown.
"""

from collections.abc import Mapping

from msgspec import structs

from tidegate.contracts.verdict import Violation
from tidegate.contracts.wording import did_you_mean
from tidegate_gateway.intake.submission import Line, Refusal

__all__ = ["BATCH_HINT", "hint_at_the_endpoint", "media_hint", "path_hint"]

BATCH_HINT = 'one value goes to events, many to events:batch as {"events": [{"value": ...}]}'
_TAILS = ("events", "events:batch", "events:validate", "contract", "bundle", "schemas")
_ELSEWHERE = {
    "#/value": "the body is the value itself; events that have a value go to events:batch",
    "#/events": "many events go to events:batch",
}
"""Members of a batch's own that stand where a value should."""
_AS_LINES = {
    "#/value": 'the body is the value itself; events that have a value are judged as lines: application/x-ndjson, {"value": ...} each',
    "#/events": 'many events are judged as lines: application/x-ndjson, {"value": ...} each',
}
"""The same at events:validate: events:batch would publish them."""
_MEANT = {
    "application/x-www-form-urlencoded": "it came as a form, which is what curl -d says where nothing else is said: add -H 'Content-Type: application/json'",
    "multipart/form-data": "it came as a form; the value is the whole body",
    "text/plain": "JSON is application/json",
    "text/json": "JSON is application/json",
    "application/jsonl": "lines of JSON are application/x-ndjson",
    "application/jsonlines": "lines of JSON are application/x-ndjson",
    "application/ndjson": "lines of JSON are application/x-ndjson",
    "application/protobuf": "Protobuf is application/x-protobuf",
    "application/vnd.google.protobuf": "Protobuf is application/x-protobuf",
    "avro/binary": "Avro is application/avro",
    "application/octet-stream": "say what it is: application/avro or application/x-protobuf",
}
"""By the media type that was sent."""


def hint_at_the_endpoint(line: Line, *, stores: bool) -> None:
    """Give the refusal of a single value a hint where it looks like a batch. `stores`: the endpoint publishes."""
    if isinstance(line, Refusal):
        places = _ELSEWHERE if stores else _AS_LINES
        line.violations = tuple(_hinted(one, places) for one in line.violations)


def _hinted(violation: Violation, places: Mapping[str, str]) -> Violation:
    hint = violation.hint
    if not hint and violation.rule == "unknown_field":
        hint = places.get(violation.pointer, "")
    elif not hint and violation.pointer == "#" and violation.found.startswith("array"):
        hint = places["#/events"]
    return structs.replace(violation, hint=hint) if hint != violation.hint else violation


def media_hint(essence: str, accepted: tuple[str, ...]) -> str:
    """What to say instead of a media type that is not taken; empty where nothing is near. `essence` is in lower case."""
    kind, _, name = essence.partition("/")
    if essence in _MEANT or kind != "application":
        return _MEANT.get(essence, "")
    return did_you_mean(name, [one.partition("/")[2] for one in accepted]).replace('"', '"application/', 1)


def path_hint(path: str) -> str:
    """What may have been meant by a path that is none."""
    if path.endswith("/") and len(path) > 1:
        return "no path has a slash at its end"
    parts = path.split("/")
    if path.startswith("/v1/topics/") and len(parts) == 5:
        return did_you_mean(parts[4], _TAILS)
    return ""
