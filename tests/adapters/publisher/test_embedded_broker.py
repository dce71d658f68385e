"""The embedded broker's process: it ends with its owner, and says when it cannot start."""

import asyncio
import os
import sys
from pathlib import Path

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


async def test_a_ctrl_c_in_the_terminal_is_not_the_brokers() -> None:
    """The gateway drains at Ctrl-C, and needs its broker for that."""
    broker = EmbeddedBroker()
    await broker.start()
    try:
        assert broker.pid is not None
        assert os.getpgid(broker.pid) != os.getpgid(0)
    finally:
        await broker.stop()


async def test_a_start_that_is_cancelled_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexec cat\n")  # lives until its stdin ends, and says nothing
    mute.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(mute))
    broker = EmbeddedBroker()
    starting = asyncio.create_task(broker.start())
    for _ in range(200):
        if broker.pid is not None:
            break
        await asyncio.sleep(0.01)
    pid = broker.pid
    assert pid is not None
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert broker.pid is None
    assert not alive(pid)


async def test_a_process_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(EmbeddedBrokerFailed, match="cannot be started"):
        await EmbeddedBroker().start()
