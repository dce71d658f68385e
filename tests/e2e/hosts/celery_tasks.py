"""Tasks that submit and forget, with a client that was used before the pool forks; the broker is a folder."""

import json
import os

from celery import Celery

from tidegate import Client

TOPIC = "customer.order-status"
app = Celery("celery_tasks", broker="filesystem://", backend=None)
app.conf.broker_transport_options = {"data_folder_in": os.environ["QUEUE"], "data_folder_out": os.environ["QUEUE"]}
gate = Client(os.environ["GATE"], os.environ["TOKEN"])
event = json.loads(os.environ["EXAMPLE"])
if "WORKER" in os.environ:
    gate.publish(TOPIC, event, id="before-the-fork")


@app.task
def send(number: int) -> None:
    gate.submit(TOPIC, event, id=f"task-{number}")
