"""Greenlets that publish, with everything patched; the last events are only submitted before the program ends."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 -- after the patch, as gevent wants it
import os  # noqa: E402 -- as above

import gevent  # noqa: E402 -- as above

from tidegate import Client  # noqa: E402 -- as above

TOPIC = "customer.order-status"
gate = Client(os.environ["GATE"], os.environ["TOKEN"])
event = json.loads(os.environ["EXAMPLE"])
jobs = [gevent.spawn(gate.publish, TOPIC, event, id=f"publish-{number}") for number in range(20)]
gevent.joinall(jobs, timeout=60, raise_error=True)
for number in range(10):
    gate.submit(TOPIC, event, id=f"submit-{number}")
