"""The embedded broker's process: it ends with its owner, and says when it cannot start."""

import asyncio
import os
import sys

import pytest

from tidegate_gateway.adapters.embedded import EmbeddedBroker, EmbeddedBrokerFailed


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_ends_when_it_is_stopped() -> None:
    broker = EmbeddedBroker()
    bootstrap = await broker.start()
    pid = broker.pid
    assert bootstrap.startswith("127.0.0.1:")
    assert pid is not None
    assert alive(pid)
    await broker.stop()
    await broker.stop()
    assert not alive(pid)
    assert broker.pid is None


async def test_it_ends_with_its_parent_however_that_ends() -> None:
    """The parent kills itself without a chance to clean up."""
    code = (
        "import asyncio, os, signal\n"
        "from tidegate_gateway.adapters.embedded import EmbeddedBroker\n"
        "async def main():\n"
        "    broker = EmbeddedBroker()\n"
        "    await broker.start()\n"
        "    print(broker.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(parent.communicate(), 20)
    pid = int(out)
    for _ in range(100):
        if not alive(pid):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the broker outlived its parent")


async def test_a_process_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EmbeddedBrokerFailed, match="did not start"):
        await EmbeddedBroker().start()
