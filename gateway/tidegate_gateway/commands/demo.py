"""`demo`: what README's first command runs. A gateway on free ports, one good event and one bad, both answers, and the
event read back from Kafka.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvloop
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from tidegate_gateway.adapters.dev_key import DevKeyRefused, dev_key_path, load_or_make
from tidegate_gateway.adapters.embedded import EmbeddedBrokerFailed
from tidegate_gateway.app import Bound, Gateway, NoContractError
from tidegate_gateway.commands.dev_plan import dev_plan, dev_token
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, FAILED, NO_CONTRACT, OK, PORT_TAKEN, stop
from tidegate_gateway.servers import PortTakenError
from tidegate_gateway.telemetry.logs import configure_logs

__all__ = ["demo"]

_SHOWN_FIRST = "customer.orders"
_READ_S = 10.0
_BEYOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One exchange: what was sent, and what came back."""

    sent: str
    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The whole demo: both answers, and the record as a stock consumer read it (None: it was not found)."""

    url: str
    good: _Answer
    bad: _Answer
    record: Message | None


def demo(arguments: argparse.Namespace) -> int:
    """Run it and show it; exit code 0 where every answer is what it should be."""
    configure_logs("human", level=logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(_run(arguments.contracts))
    except (DevKeyRefused, EmbeddedBrokerFailed) as error:
        return stop(BAD_CONFIGURATION, str(error))
    except NoContractError as error:
        return stop(NO_CONTRACT, str(error))
    except PortTakenError as error:
        return stop(PORT_TAKEN, str(error))
    if arguments.json:
        print(json.dumps(_facts(seen)))
    else:
        _show(seen)
    good = seen.good.status == 200 and seen.bad.status == 400 and seen.record is not None
    return OK if good else stop(FAILED, "an answer was not what it should be")


async def _run(contracts: Path) -> _Seen:
    key = load_or_make(dev_key_path(os.environ, Path.home()))
    gateway = Gateway(dev_plan(key, contracts, http_port=0, admin_port=0, quiet=True), key)
    bound = await gateway.start()
    ended = asyncio.Event()
    running = asyncio.create_task(gateway.run(ended))
    try:
        return await _exchange(gateway, bound, dev_token(key, gateway.catalogue))
    finally:
        ended.set()
        await running


async def _exchange(gateway: Gateway, bound: Bound, token: str) -> _Seen:
    served = gateway.catalogue.contracts
    topic = _SHOWN_FIRST if _SHOWN_FIRST in served else next(iter(served))
    example = served[topic].newest.codec.example()
    url = f"http://{bound.http}/v1/topics/{topic}/events"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(headers=headers, timeout=30.0, trust_env=False) as client:
        good = await _post(client, url, example)
        bad = await _post(client, url, _spoiled(example))
    record = None
    if good.status == 200:
        receipt = json.loads(good.body)
        record = await asyncio.to_thread(_read_back, bound.kafka, topic, receipt["partition"], receipt["offset"])
    return _Seen(url=url, good=good, bad=bad, record=record)


async def _post(client: httpx2.AsyncClient, url: str, body: bytes) -> _Answer:
    response = await client.post(url, content=body)
    return _Answer(sent=body.decode(), status=response.status_code, body=response.text)


def _spoiled(example: bytes) -> bytes:
    """The example with its first field misspelt and its first nested number out of any sensible range."""
    event = json.loads(example)
    spoiled = {name[:-1] if place == 0 else name: value for place, (name, value) in enumerate(event.items())}
    _exaggerate(spoiled)
    return json.dumps(spoiled).encode()


def _exaggerate(value: object) -> bool:
    """Make the first integer below `value` too large, in place; whether there was one."""
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        return False
    for step, inner in steps:
        if type(inner) is int:
            value[step] = _BEYOND
            return True
        if _exaggerate(inner):
            return True
    return False


def _read_back(bootstrap: str, topic: str, partition: int, offset: int) -> Message | None:
    """The record at that place, by a stock consumer; None where it is not there within ten seconds."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tidegate-demo", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(_READ_S)
        if message is None or message.error() is not None:
            return None
        return message
    except KafkaException:
        return None
    finally:
        consumer.close()


def _show(seen: _Seen) -> None:
    print("Tidegate: a gate in front of Kafka. This is the whole gateway, with an embedded broker (in memory).\n")
    _show_exchange("1. A good event is stored", seen.url, seen.good)
    _show_exchange("2. A bad one is refused, with everything that is wrong", seen.url, seen.bad)
    print("3. What Kafka holds, read by a stock consumer")
    if seen.record is None:
        print("   nothing: the event is not there")
        return
    value = seen.record.value() or b""
    print(f"   {seen.record.topic()}, partition {seen.record.partition()}, offset {seen.record.offset()}")
    print(f"   key      {_text(seen.record.key())}")
    print(f"   value    {len(value)} bytes, schema id {int.from_bytes(value[1:5], 'big')} in its Confluent frame")
    for name, header in dict(seen.record.headers() or []).items():
        print(f"   header   {name}: {_text(header)}")
    print(f"\nNext: `{_runner()} dev` keeps it running, prints a token and curl lines, and shows docs at /docs.")
    print("(The links above pointed to the gateway of this demo, which has ended.)")


def _runner() -> str:
    """This command as it can be typed here."""
    command = Path(sys.argv[0])
    return str(command.relative_to(Path.cwd())) if command.is_relative_to(Path.cwd()) else str(command)


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else (value or b"").decode("utf-8", "replace")


def _show_exchange(title: str, url: str, answer: _Answer) -> None:
    print(title)
    print(f"   POST {url}")
    print(f"   {answer.sent}")
    print(f"   -> {answer.status}")
    for line in json.dumps(json.loads(answer.body), indent=2, ensure_ascii=False).splitlines():
        print(f"   {line}")
    print()


def _facts(seen: _Seen) -> dict[str, object]:
    record = seen.record
    return {
        "good": {"status": seen.good.status, "body": json.loads(seen.good.body)},
        "bad": {"status": seen.bad.status, "body": json.loads(seen.bad.body)},
        "record": None
        if record is None
        else {"partition": record.partition(), "offset": record.offset(), "valueHex": (record.value() or b"").hex()},
    }
