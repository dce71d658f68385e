"""A thousand contracts against three: start, memory, CPU of an event, a reload of one, the OpenAPI document.

`python -m tests.bench.many_contracts [--contracts 1000] [--events 3000]`; prints one line a figure. The contracts are
coffeeco's three, copied under other topics and packages with an id each; a third of them is Protobuf.
"""

import argparse
import shutil
import signal
import tempfile
import time
from pathlib import Path

import httpx2
from tests.bench._load import cpu_seconds
from tests.e2e.processes import SCHEMAS, GatewayProcess, gateway_process

ROUNDS = 5
TOPIC = "customer.profiles"
ROLES = ("crm-producer", "checkout-producer")


def generate(folder: Path, count: int) -> None:
    """A schemas folder with coffeeco's contracts and copies of them, `count` in all; what was released is copied too."""
    shutil.copytree(SCHEMAS, folder)
    originals = sorted((folder / "contracts").glob("*.yaml"))
    lock = folder / "released.lock"
    lines = lock.read_text().splitlines()
    for number in range(count - len(originals)):
        source = originals[number % len(originals)]
        prefix, topic = f"copy{number:04}", f"copy{number:04}.{source.stem}"
        text = source.read_text().replace(f"physicalName: {source.stem}", f"physicalName: {topic}")
        text = text.replace("id: urn:coffeeco:", f"id: urn:{prefix}:").replace("/v1/customer/", f"/v1/{prefix}/")
        (folder / "contracts" / f"{topic}.yaml").write_text(text)
        shutil.copytree(folder / "released" / source.stem, folder / "released" / topic)
        lines += [line.replace(source.stem, topic) for line in lines if f" {source.stem} " in f" {line} "]
    lock.write_text("\n".join(lines) + "\n")


def resident_bytes(pid: int) -> int:
    """The resident memory of a process (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def idle_share(gateway: GatewayProcess) -> float:
    """What an idle gateway takes of a core, a look at the files every five seconds with it."""
    before = cpu_seconds(gateway.pid)
    time.sleep(10)
    return (cpu_seconds(gateway.pid) - before) / 10


def cpu_of_an_event_us(gateway: GatewayProcess, events: int, idle: float) -> float:
    """CPU of the gateway for each single event that is validated, best of a few rounds; without what `idle` takes anyway."""
    headers = {"Authorization": f"Bearer {gateway.token(roles=ROLES)}"}
    url = f"http://{gateway.http}/v1/topics/{TOPIC}"
    best = float("inf")
    with httpx2.Client(timeout=30.0, trust_env=False, headers=headers) as client:
        event = client.get(url).json()["example"]
        for _ in range(ROUNDS):
            began, before = time.perf_counter(), cpu_seconds(gateway.pid)
            for _ in range(events):
                client.post(f"{url}/events:validate", json=event).raise_for_status()
            spent_s = cpu_seconds(gateway.pid) - before - idle * (time.perf_counter() - began)
            best = min(best, spent_s / events * 1e6)
    return best


def reload_s(gateway: GatewayProcess, folder: Path) -> float:
    """From the save of one contract, and a SIGHUP, until it is served."""
    path = folder / "contracts" / f"{TOPIC}.yaml"
    headers = {"Authorization": f"Bearer {gateway.token(roles=ROLES)}"}
    path.write_text(path.read_text().replace("name: Customer profiles", "name: Saved profiles"))
    gateway.signal(signal.SIGHUP)
    began = time.perf_counter()
    with httpx2.Client(timeout=60.0, trust_env=False, headers=headers) as client:
        while time.perf_counter() - began < 60:
            if client.get(f"http://{gateway.http}/v1/topics/{TOPIC}").json()["name"] == "Saved profiles":
                break
            time.sleep(0.02)
    return time.perf_counter() - began


def document_s(gateway: GatewayProcess) -> tuple[float, float, int]:
    """The OpenAPI document made and kept, in seconds, and its bytes."""
    headers = {"Authorization": f"Bearer {gateway.token(roles=ROLES)}"}
    took = []
    with httpx2.Client(timeout=120.0, trust_env=False, headers=headers) as client:
        for _ in range(2):
            began = time.perf_counter()
            size = len(client.get(f"http://{gateway.http}/openapi.json").content)
            took.append(time.perf_counter() - began)
    return took[0], took[1], size


def measure(count: int, events: int) -> None:
    """One gateway with so many contracts."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "schemas"
        generate(folder, count)
        began = time.perf_counter()
        environ = {"TIDEGATE_SERVER_DRAIN_S": "1"}
        with gateway_process(Path(root), None, contracts=folder, environ=environ) as gateway:
            print(f"{count} contracts: start {time.perf_counter() - began:.1f} s, {resident_bytes(gateway.pid) / 1e6:.0f} MB", flush=True)  # fmt: skip
            idle = idle_share(gateway)
            print(f"{count} contracts: {idle * 1e2:.1f} % of a core while idle, the looks at the files with it", flush=True)  # fmt: skip
            print(f"{count} contracts: {cpu_of_an_event_us(gateway, events, idle):.0f} us CPU an event (validated alone), without that", flush=True)  # fmt: skip
            print(f"{count} contracts: one saved contract is served after {reload_s(gateway, folder):.2f} s", flush=True)  # fmt: skip
            made, kept, size = document_s(gateway)
            print(f"{count} contracts: OpenAPI {size / 1e6:.1f} MB, made in {made:.2f} s, kept {kept:.3f} s; then {resident_bytes(gateway.pid) / 1e6:.0f} MB", flush=True)  # fmt: skip


def main() -> None:
    """Three, then many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contracts", type=int, default=1000)
    parser.add_argument("--events", type=int, default=3000)
    given = parser.parse_args()
    for count in (3, given.contracts):
        measure(count, given.events)


if __name__ == "__main__":
    main()
