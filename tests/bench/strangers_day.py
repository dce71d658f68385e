"""What a stranger's day costs a good producer: its p99 alone and beside everything hostile at once, the gateway a process.

    python -m tests.bench.strangers_day [ROUNDS]

Prints a line a round and the median ratio, with the bound of 2 beside it; the gateway's CPU and memory over all of it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.e2e.processes import gateway_process
from tests.faults.strangers import Producer
from tests.faults.test_edge_bounds import spent_s
from tests.faults.test_edge_day import SERVER, beside_a_day
from tests.faults.test_edge_slow import resident_bytes

ROUNDS = 5
LASTING_S = 9.0
BOUND = 2.0


async def main(rounds: int) -> int:
    """0 where the median ratio is within its bound."""
    with tempfile.TemporaryDirectory() as folder, gateway_process(Path(folder), None, more=SERVER) as gate:
        producer = Producer(gate.http, gate.token())
        await producer.publish_once_stored()
        bad = gate.token("publish:customer.*", "publish:day.*", sub="gone-bad")
        await beside_a_day(gate, producer, bad, 3.0)
        before, ratios = resident_bytes(gate), []
        for number in range(1, rounds + 1):
            alone_s = await producer.p99_of_windows(3, LASTING_S / 6)
            cpu_s = spent_s(gate)
            answers, beside_s = await beside_a_day(gate, producer, bad, LASTING_S)
            count = sum(sum(counted.values()) for counted in answers.values())
            share = (spent_s(gate) - cpu_s) / LASTING_S
            ratios.append(beside_s / alone_s)
            print(
                f"round {number}: p99 {alone_s * 1000:.1f} ms alone, {beside_s * 1000:.1f} beside {count} attempts ({share:.0%} of one CPU)"
            )
        grown = (resident_bytes(gate) - before) / 1e6
        print(
            f"a stranger's day costs a good producer's p99 {median(ratios):.2f} times (bound: {BOUND:g}); memory grew {grown:.1f} MB"
        )
        print(f"the producer's answers: {producer.statuses}")
    return int(median(ratios) > BOUND)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))
