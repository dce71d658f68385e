"""What an event with 25 violations costs beside the same event without them, in each form: ratios from one run.

    python3 .ci/task.py bench violations

Prints microseconds of CPU of one verdict (the best of many short rounds, the two taken in turn) and their ratio. The events
have 25 items with one violation each, or as many as it takes; the last rows are the worst shape that there is: bare fields,
which cost next to nothing where they are right. Bound: 5, for the events with items.
"""

import gc
import io
import json
import time
from collections.abc import Callable

import fastavro
import msgspec
from tests.bench import avro_check, protobuf_check

from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.media import AVRO, AVRO_JSON, JSON, PROTOBUF
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import MAX_VIOLATIONS, Encoded, Rejected

__all__: list[str] = []

ROUNDS, CALLS = 60, 50
GC_THRESHOLDS = (10_000, 20, 100)
Item = dict[str, object]
Event = dict[str, object]


def both_us(version: CompiledVersion, good: bytes, bad: bytes, media_type: str) -> tuple[float, float]:
    """CPU of the two verdicts, which must be what they are said to be."""
    taken, refused = version.check(good, media_type), version.check(bad, media_type)
    if not isinstance(taken, Encoded) or not isinstance(refused, Rejected) or len(refused.violations) != MAX_VIOLATIONS:
        raise SystemExit(f"the events are not what they are said to be: {taken}, {refused}")
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for which, body in enumerate((good, bad)):
            began = time.thread_time()
            for _ in range(CALLS):
                version.check(body, media_type)
            best[which] = min(best[which], time.thread_time() - began)
    return best[0] / CALLS * 1e6, best[1] / CALLS * 1e6


def with_items(event: Event, change: Callable[[Item], Item], count: int = MAX_VIOLATIONS) -> bytes:
    """The event with so many items, each changed."""
    items = [{"sku": f"sku{n}", "quantity": 1 + n % 9} | event["more"] for n in range(count)]  # type: ignore[operator]
    return msgspec.json.encode({**event["order"], "items": [change(dict(one)) for one in items]})  # type: ignore[dict-item]


def _same(item: Item) -> Item:
    return item


_WRONG: dict[str, Callable[[Item], Item]] = {
    "a bound broken": lambda item: item | {"quantity": 500},
    "of the wrong type": lambda item: item | {"quantity": "x"},
    "a field unknown": lambda item: item | {"quantitty": 1},
}


def protobuf() -> None:
    """An order of 25 items as JSON and as binary."""
    source = VersionSource(
        number=1, schema_id=1, format="protobuf", schema=protobuf_check.PROTO, descriptors=protobuf_check.descriptors(),
        message="bench.v1.OrderStatus", message_index=(0,), key="order_id", event_time="changed_at",
    )  # fmt: skip
    version = compile_version("bench", source)
    event: Event = {"order": json.loads(protobuf_check.GOOD), "more": {}}
    good = with_items(event, _same)
    for name, change in _WRONG.items():
        show(f"Protobuf JSON, {name}", *both_us(version, good, with_items(event, change), JSON))
    two = with_items(event, lambda item: item | {"sku": "", "quantity": 0}, 12)
    two = two.replace(b'],"courier"', b',{"sku":"","quantity":1}],"courier"')
    show("Protobuf JSON, two bounds an item", *both_us(version, with_items(event, _same, 13), two, JSON))
    binary = _payload(version, good, 6)
    one = bytes((0x22, 5, 0x0A, 1, 65, 0x10, 50))
    start = binary.index(b"\x22")
    bad = binary[:start] + one * MAX_VIOLATIONS + binary[binary.rindex(b"\x2a") :]
    show("Protobuf binary, a bound broken", *both_us(version, binary, bad, PROTOBUF))
    bad = (
        binary[:start]
        + bytes((0x22, 7, 0x0A, 1, 65, 0x10, 1, 0x78, 1)) * MAX_VIOLATIONS
        + binary[binary.rindex(b"\x2a") :]
    )
    show("Protobuf binary, a field unknown", *both_us(version, binary, bad, PROTOBUF))


def avro() -> None:
    """An order of 25 items in each form of Avro."""
    source = VersionSource(number=1, schema_id=7, format="avro", schema=json.dumps(avro_check.SCHEMA))
    version = compile_version("bench", source)
    event: Event = {"order": avro_check.ORDER, "more": {"boldness": 3}}
    good = with_items(event, _same)
    for name, change in _WRONG.items():
        show(f"Avro JSON, {name}", *both_us(version, good, with_items(event, change), JSON))
    bad = with_items(event, _WRONG["a bound broken"])
    show("Avro binary, a bound broken", *both_us(version, _payload(version, good, 5), _written(bad), AVRO))
    show("Avro-JSON, a bound broken", *both_us(version, _in_units(good), _in_units(bad), AVRO_JSON))


def flat() -> None:
    """25 bare integers."""
    names = [f"f{n}" for n in range(MAX_VIOLATIONS)]
    fields = [{"name": name, "type": "int", "maximum": 9} for name in names]
    schema = json.dumps({"type": "record", "name": "Flat", "fields": fields})
    version = compile_version("bench", VersionSource(number=1, schema_id=7, format="avro", schema=schema))
    good, bad = (msgspec.json.encode(dict.fromkeys(names, number)) for number in (1, 10))
    show("Avro JSON, 25 bare integers", *both_us(version, good, bad, JSON))
    show("Avro binary, 25 bare integers", *both_us(version, bytes((2,)) * 25, bytes((20,)) * 25, AVRO))


def _payload(version: CompiledVersion, body: bytes, frame_bytes: int) -> bytes:
    verdict = version.check(body)
    if not isinstance(verdict, Encoded) or verdict.value is None:
        raise SystemExit(f"the event is not what it is said to be: {verdict}")
    return verdict.value[frame_bytes:]


def _in_units(body: bytes) -> bytes:
    return body.replace(b'"2026-01-31T12:00:00Z"', b"1769860800000")


def _written(body: bytes) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(avro_check.SCHEMA), msgspec.json.decode(_in_units(body)))
    return out.getvalue()


def show(name: str, good_us: float, bad_us: float) -> None:
    print(f"{name:<36}{good_us:>8.1f} us{bad_us:>9.1f} us with 25 violations{bad_us / good_us:>8.2f}x", flush=True)


def main() -> None:
    """Measures and prints, the garbage collector set as the gateway sets it."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    protobuf()
    avro()
    flat()


if __name__ == "__main__":
    main()
