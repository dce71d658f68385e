"""A bug that aiokafka does not have today, in a gateway of a test: at SIGUSR2 the senders of all its producers stop for ever.

Python imports this module at start where its folder is on PYTHONPATH (`faults.Wedged`). A producer that is made after the
signal works. Nothing of the gateway is changed: its producer just never moves again, its queue keeps what is in it.
"""

import asyncio
import signal
from weakref import WeakSet

from aiokafka.producer.sender import Sender

_alive: "WeakSet[Sender]" = WeakSet()
_stuck: "WeakSet[Sender]" = WeakSet()
_plain_wait = Sender._maybe_wait_for_pid


async def _wait(sender: Sender) -> None:
    """What a sender does first in every turn of its loop."""
    _alive.add(sender)
    if sender in _stuck:
        await asyncio.Event().wait()
    await _plain_wait(sender)


Sender._maybe_wait_for_pid = _wait
signal.signal(signal.SIGUSR2, lambda *_: _stuck.update(_alive))
