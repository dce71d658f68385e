"""Runs a gateway until a signal ends it: one loop, SIGTERM and SIGINT drain, SIGHUP and changed files reload, failures to start have codes.

Called by `dev` and `serve`.
"""

import asyncio
import logging
import signal
from collections.abc import Callable

import uvloop

from tidegate_gateway.adapters.dev_key import DevKey
from tidegate_gateway.adapters.embedded import EmbeddedBrokerFailed
from tidegate_gateway.app import Bound, Gateway, NoContractError
from tidegate_gateway.commands.exits import BAD_CONFIGURATION, NO_CONTRACT, OK, PORT_TAKEN, stop
from tidegate_gateway.config.plan import Plan
from tidegate_gateway.servers import PortTakenError

__all__ = ["run_gateway"]

_log = logging.getLogger("tidegate")


def run_gateway(plan: Plan, announce: Callable[[Bound, Gateway], None], dev_key: DevKey | None = None) -> int:
    """Start, announce what was bound, serve until SIGTERM or SIGINT, drain; the exit code."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(Gateway(plan, dev_key), announce))
    except PortTakenError as error:
        return stop(PORT_TAKEN, str(error))
    except NoContractError as error:
        return stop(NO_CONTRACT, str(error))
    except EmbeddedBrokerFailed as error:
        return stop(BAD_CONFIGURATION, str(error))
    return OK


async def _run(gateway: Gateway, announce: Callable[[Bound, Gateway], None]) -> None:
    loop = asyncio.get_running_loop()
    ended, asked = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # From the first moment: until a handler is there, SIGHUP ends the process.
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    bound = await gateway.start()
    announce(bound, gateway)
    reloading = asyncio.create_task(_reload_when_asked(gateway, asked))
    watching = asyncio.create_task(gateway.watch())
    await gateway.run(ended)
    for task in (reloading, watching):
        task.cancel()
    await asyncio.gather(reloading, watching, return_exceptions=True)


async def _reload_when_asked(gateway: Gateway, asked: asyncio.Event) -> None:
    """A reload after each signal; signals that come while one runs cause one more, however many they are."""
    while True:
        await asked.wait()
        asked.clear()
        try:
            await gateway.reload()
        except Exception:  # what is served now stays; the next signal tries again
            _log.exception("the reload failed; what was served before is still served")
