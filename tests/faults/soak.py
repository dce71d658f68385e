"""Half an hour of random faults on one gateway under steady load: `python3 .ci/task.py soak [--minutes 30] [--seed N]`.

Three Kafka nodes behind proxies, one gateway process that is never restarted. At the end the load drains, everything is
read back and compared, and a table says what each kind of fault did. Exit code 1 where anything is wrong: the set checker, a
status beside 2xx, 503 and 504, an answer past its deadline + 1 s, events that never got through, memory or descriptors that
still grow (`grows`).
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.contracts import LONELY, ONE, ORDERS, STRICT
from tests.faults.faults import Cut, Fault, Frozen, Killed, Reset, Restarted, Slow, Together
from tests.faults.load import Attempt, Load, Stream
from tests.faults.report import Row, row_of, table
from tests.faults.rig import Gate, Rig
from tests.faults.watch import Sample, Watch
from tests.kafka.real_kafka import KafkaCluster

__all__ = ["grows", "main"]

_DEADLINE_S = 10.0
_LONGEST_S = 25.0
_CALM_S = (5.0, 12.0)
_PATIENCE_S = 60.0
_DRAIN_S = 90.0
_STREAMS = (
    Stream(topic=ORDERS.name, producers=30, pause_s=0.25),
    Stream(topic=LONELY.name, producers=8, pause_s=0.3),
    Stream(topic=STRICT.name, producers=8, pause_s=0.3),
    Stream(topic=ONE.name, producers=4, pause_s=0.3),
    Stream(topic=ORDERS.name, producers=3, pause_s=0.6, outstanding=4),
    Stream(topic=ORDERS.name, producers=3, pause_s=1.0, batch=12),
    Stream(topic=ORDERS.name, producers=4, pause_s=0.5, rpc=True),
    Stream(topic=ONE.name, producers=2, pause_s=3.0, batch=24, pad_bytes=6_000),
)
"""Events one by one; several of a key at a time; batches over partitions, and in several pieces for one."""
_GROWTH = 1.10
_SPARE_DESCRIPTORS = 5


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault that happened: what, from when to when, and when the next one may begin."""

    name: str
    began_s: float
    healed_s: float
    ended_s: float


def pick(rig: Rig, dice: random.Random) -> Fault:
    """A random fault."""
    nodes = rig.cluster.nodes
    node = dice.choice(nodes)
    makers = [
        lambda: Killed(node),
        lambda: Killed(*nodes),
        lambda: Restarted(node),
        lambda: Frozen(node),
        lambda: Frozen(*nodes),
        lambda: Frozen(*dice.sample(nodes, 2)),
        lambda: Reset(rig.proxies),
        lambda: Slow(rig.proxies, dice.choice([0.2, 0.5, 1.0])),
        lambda: Slow(rig.proxies, dice.choice([2.0, 4.0, 8.0])),
        lambda: Together("killed, far away", [Slow(rig.proxies, 0.3), Killed(node)]),
    ]
    namespace = rig.namespace
    if namespace is not None:
        makers += [lambda: Cut(namespace), lambda: Cut(namespace, answers_only=True)]
    return dice.choice(makers)()


def grows(samples: Sequence[Sample]) -> dict[str, str]:
    """What is not flat: the median of the last third over that of the middle third by more than 10 % (descriptors: and by 5)."""
    third = len(samples) // 3
    if third < 3:
        return {}
    middle, last = samples[third : 2 * third], samples[2 * third :]
    found = {}
    for name, spare in (("rss_bytes", 0), ("descriptors", _SPARE_DESCRIPTORS)):
        before, after = (statistics.median(getattr(sample, name) for sample in part) for part in (middle, last))
        if after > before * _GROWTH + spare:
            found[name] = f"{before:,.0f} -> {after:,.0f}"
    return found


def torment(rig: Rig, load: Load, watch: Watch, dice: random.Random, ends_s: float) -> list[Episode]:
    """Fault after fault until the time is over; each heals, and the gateway has to be well before the next."""
    episodes: list[Episode] = []
    while time.monotonic() < ends_s:
        watch.wait_ready(True, _PATIENCE_S)
        load.wait_stored(50, _PATIENCE_S)
        time.sleep(dice.uniform(*_CALM_S))
        fault = pick(rig, dice)
        lasts_s = dice.uniform(1.0, _LONGEST_S)
        began_s = time.monotonic()
        with fault:
            time.sleep(lasts_s)
        healed_s = time.monotonic()
        say(f"{fault.name} for {healed_s - began_s:.1f} s, {max(0.0, ends_s - healed_s):.0f} s to go")
        watch.wait_ready(True, _PATIENCE_S)
        load.wait_stored(50, _PATIENCE_S)
        episodes.append(Episode(fault.name, began_s, healed_s, time.monotonic()))
    return episodes


def rows(episodes: Sequence[Episode], load: Load, watch: Watch) -> list[Row]:
    """A row for each kind of fault: sums of the counts, the worst of the times."""
    kinds: dict[str, list[Row]] = defaultdict(list)
    nexts = [episode.began_s for episode in episodes[1:]] + [float("inf")]
    for episode, until_s in zip(episodes, nexts, strict=True):
        attempts = load.since(episode.began_s - _DEADLINE_S, until_s)
        touched = [attempt for attempt in attempts if episode.began_s < attempt.at_s + attempt.wait_s <= until_s]
        kinds[episode.name].append(
            row_of(
                episode.name, touched, episode.began_s, episode.healed_s,
                unready_s=watch.delay_s(False, episode.began_s, episode.healed_s),
                ready_s=watch.delay_s(True, episode.healed_s),
            )
        )  # fmt: skip
    return [_sum(name, found) for name, found in sorted(kinds.items())]


def _sum(name: str, found: Sequence[Row]) -> Row:
    def worst(field: str) -> float | None:
        return max((value for one in found if (value := getattr(one, field)) is not None), default=None)

    return Row(
        name=f"{name} ({len(found)} x)",
        seconds=sum(one.seconds for one in found),
        statuses=sum((one.statuses for one in found), Counter()),
        longest_s=max(one.longest_s for one in found),
        p99_503_s=worst("p99_503_s"),
        unready_s=worst("unready_s"),
        ready_s=worst("ready_s"),
        first_ok_s=worst("first_ok_s"),
        last_failure_s=worst("last_failure_s"),
    )


def wrong_answers(attempts: Sequence[Attempt]) -> list[str]:
    """What no answer may be."""
    others = Counter(attempt.code for attempt in attempts if not attempt.ok and attempt.status not in {503, 504})
    late = [attempt.wait_s for attempt in attempts if attempt.wait_s - attempt.own_lag_s > _DEADLINE_S + 1]
    found = [f"{count} answers: {code}" for code, count in others.items()]
    return found + ([f"{len(late)} answers past the deadline + 1 s, the longest {max(late):.1f} s"] if late else [])


def soak(rig: Rig, gate: Gate, seed: int, minutes: float) -> int:
    """Run it and tell; the exit code."""
    load = Load(
        gate.process.http,
        gate.token,
        _STREAMS,
        seed=seed,
        deadline_s=gate.deadline_s,
        name="soak",
        rpc_address=gate.process.facts["grpc"],
    )
    began_s = time.monotonic()
    with Watch(gate.process.admin, gate.process.pid) as watch:
        with load:
            episodes = torment(rig, load, watch, random.Random(seed), began_s + minutes * 60)
            load.stop(_DRAIN_S)
        steady = [sample for sample in watch.samples if sample.at_s > began_s + 20]
        told = rows(episodes, load, watch)
    rig.sent.extend(load.ledger)
    verdict = rig.check()
    whole = row_of("all", load.attempts, began_s, time.monotonic(), verdict)
    growth = grows(steady)
    left = sum(not event.stored for event in load.ledger)
    wrong = [f"{name}: {', '.join(ids)}" for name, ids in verdict.wrong().items()]
    wrong += wrong_answers(load.attempts) + [f"{name} grows: {how}" for name, how in growth.items()]
    wrong += [f"{left} events were never stored, {_DRAIN_S:.0f} s after the last fault"] if left else []
    wrong += [f"out of turn: {', '.join(load.out_of_turn[:5])}"] if load.out_of_turn else []
    wrong += [] if gate.process.process.poll() is None else ["the gateway ended"]
    peak = max(sample.rss_bytes for sample in steady)
    tail = replace(whole, rss_bytes=peak, descriptors=max(s.descriptors for s in steady), first_ok_s=None, last_failure_s=None)  # fmt: skip
    sys.stdout.write(
        "\n".join([*table([*told, tail]), *_medians(steady), *(f"WRONG: {line}" for line in wrong)]) + "\n"
    )
    sys.stdout.write(f"soak: seed {seed}, {minutes:g} minutes, {len(episodes)} faults: {'FAILED' if wrong else 'ok'}\n")
    return 1 if wrong else 0


def _medians(samples: Sequence[Sample]) -> list[str]:
    third = max(1, len(samples) // 3)
    parts = [samples[:third], samples[third : 2 * third], samples[2 * third :] or samples[-1:]]
    rss = " ".join(f"{statistics.median(s.rss_bytes for s in part) / 1e6:.1f}" for part in parts if part)
    fds = " ".join(f"{statistics.median(s.descriptors for s in part):.0f}" for part in parts if part)
    return [f"medians of the thirds: RSS {rss} MB, descriptors {fds}"]


def say(text: str) -> None:
    """Progress, on stderr."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Random faults on one gateway under steady load.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    say(f"soak: seed {options.seed}, {options.minutes:g} minutes")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def make(**wanted: object) -> KafkaCluster:
            (folder / "kafka").mkdir()
            made = KafkaCluster(folder / "kafka", **wanted)  # type: ignore[arg-type]  # by name
            clusters.append(made)
            made.start()
            return made

        clusters: list[KafkaCluster] = []
        try:
            rig = Rig(folder, make, 3)
            if rig.namespace is None:
                say(f"DROPPED PACKETS ARE NOT TESTED: {rig.why_no_namespace}")
            try:
                with rig.gateway(folder / "gateway", deadline_s=_DEADLINE_S, proxied=True) as gate:
                    return soak(rig, gate, options.seed, options.minutes)
            finally:
                rig.close()
        finally:
            for cluster in clusters:
                cluster.kill()


if __name__ == "__main__":
    sys.exit(main())
