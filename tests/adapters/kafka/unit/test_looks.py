"""How often the brokers are asked who is there: a return is seen soon, however long the looks before take to end."""

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest

from tidegate_gateway.adapters.kafka.cluster import Cluster
from tidegate_gateway.adapters.kafka.settings import KafkaSettings


async def test_who_fails_at_what_the_brokers_say_does_not_end_the_looks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One task looks: without it readyz would stay as it is for ever."""
    told: list[bool] = []

    def fails() -> None:
        told.append(cluster.up)
        raise RuntimeError("by a bug")

    cluster = Cluster(KafkaSettings(bootstrap_servers="127.0.0.1:9", probe_s=0.1), changed=fails)
    cluster.up = True

    async def silent(_: object, __: object) -> Any:
        raise TimeoutError

    monkeypatch.setattr(cluster, "_ask", silent)
    monkeypatch.setattr("tidegate_gateway.adapters.kafka.pulse.SILENCE_S", 0.0)
    await cluster.start(5)
    for _ in range(3):
        cluster._wake.set()
        await asyncio.sleep(0)
    assert told == [False]
    assert "was not followed" in caplog.text
    assert cluster._task is not None
    assert not cluster._task.done()
    await cluster.close()


@pytest.mark.parametrize("probe_s", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("woken", [False, True])
async def test_a_broker_that_comes_back_is_asked_soon_whatever_hangs(probe_s: float, woken: bool) -> None:
    """Nobody answers, each look takes its twelve seconds, and (`woken`) failures ask for more all the time."""
    cluster = Cluster(KafkaSettings(bootstrap_servers="127.0.0.1:9", probe_s=probe_s), changed=lambda: None)
    looks: set[Any] = cluster._looks
    begun_s: list[float] = []
    step_s = 0.05 if woken else probe_s
    for step in range(int(60 / step_s)):
        now_s = step * step_s
        looks -= {ends_s for ends_s in looks if cast("float", ends_s) <= now_s}
        if cluster._may_look(now_s):
            begun_s.append(now_s)
            looks.add(now_s + 12.0)
        assert len(looks) <= 24
    gaps_s = [after - before for before, after in pairwise(begun_s)]
    assert max(gaps_s) <= max(1.15, probe_s)


async def test_brokers_that_answer_are_asked_as_often_as_is_said() -> None:
    cluster = Cluster(KafkaSettings(bootstrap_servers="127.0.0.1:9", probe_s=0.1), changed=lambda: None)
    assert all(cluster._may_look(step / 10) for step in range(100))
