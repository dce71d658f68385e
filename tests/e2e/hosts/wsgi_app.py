"""A WSGI application whose client is made, and used, before the server forks. `/submit` queues, anything else publishes."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from tidegate import Client

TOPIC = "customer.order-status"
gate = Client(os.environ["GATE"], os.environ["TOKEN"])
event = json.loads(os.environ["EXAMPLE"])
gate.publish(TOPIC, event, id="before-the-fork")


def application(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    event_id = environ["QUERY_STRING"]
    if environ["PATH_INFO"] == "/submit":
        gate.submit(TOPIC, event, id=event_id)
    else:
        gate.publish(TOPIC, event, id=event_id)
    start("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]
