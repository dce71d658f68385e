"""Small programs that a lifecycle test runs as a process of its own. Argument: which one, and a file to report into."""

import itertools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from tidegate.client import Client
from tidegate.settings import ClientSettings
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Answer, Request, Unreached

URL = "https://gate.example.com"


class Recorder:
    """A gateway in memory that writes the ids it stores, with the process that sent them, into a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(self, request: Request) -> Answer:
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.writelines(f"{os.getpid()} {event.id}\n" for event in request.events)
        return MemoryTransport().stored(request)


def client(path: str, **settings: object) -> Client:
    answer = Recorder(path)
    values = {"judge": False, "linger_s": 60.0, **settings}
    return Client(URL, settings=ClientSettings(**values), transport=lambda: MemoryTransport(answer, keep=False))


def exits_without_close(path: str) -> None:
    """The main program ends with events in the queue."""
    gate = client(path)
    for n in range(50):
        gate.submit("t", {"n": n}, id=f"e{n}")


def collected_without_close(path: str) -> None:
    """The client is dropped with events in its queue, and the program ends later."""
    gate = client(path)
    for n in range(50):
        gate.submit("t", {"n": n}, id=f"e{n}")
    del gate
    deadline = time.monotonic() + 20
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    print(json.dumps({"threads": threading.active_count()}))


def gateway_is_away(path: str) -> None:
    """The process ends in bounded time and says how many events it could not deliver."""
    away = Unreached(reason="away", maybe_stored=False)
    lost: list[int] = []
    settings = ClientSettings(judge=False, exit_flush_s=0.3, on_drop=lambda report: lost.append(report.count))
    gate = Client(URL, settings=settings, transport=lambda: MemoryTransport(lambda _: away))
    for n in range(7):
        gate.submit("t", {"n": n})
    import atexit

    atexit._run_exitfuncs()
    print(json.dumps({"lost": lost}))


def forks(path: str) -> None:
    """The parent has events in its queue when it forks; parent and child go on publishing with the same client."""
    gate = client(path)
    for n in range(5):
        gate.submit("t", {"n": n}, id=f"before{n}")
    child = os.fork()
    if child == 0:
        for n in range(5):
            gate.submit("t", {"n": n}, id=f"child{n}")
        gate.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    for n in range(5):
        gate.submit("t", {"n": n}, id=f"parent{n}")
    gate.close()
    print(json.dumps({"child": os.waitstatus_to_exitcode(status), "parent": os.getpid()}))


def forks_under_load(path: str) -> None:
    """Children are forked while threads submit: no lock is inherited held, every child can send."""
    gate = client(path, linger_s=0.001)
    gate.publish("t", {"n": 0})
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            gate.submit("t", {"n": 1})

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    exits = []
    for n in range(5):
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            receipt = gate.publish("t", {"n": n}, id=f"child{n}")
            os._exit(0 if receipt.status == "stored" else 3)
        exits.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for thread in threads:
        thread.join()
    gate.close()
    print(json.dumps({"exits": exits}))


def in_multiprocessing(path: str) -> None:
    """A child of multiprocessing, which runs no atexit, ends with events in its queue."""
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=exits_without_close, args=(path,))
    process.start()
    process.join(30)
    print(json.dumps({"exit": process.exitcode}))


def submits_in_a_signal_handler(path: str) -> None:
    """A signal arrives in the middle of submits, and its handler submits."""
    gate = client(path, linger_s=0.001)
    handled: list[int] = []
    numbers = itertools.count()

    def handler(number: int, frame: object) -> None:
        own = next(numbers)  # one step: another signal may come in the middle of this handler
        handled.append(number)
        gate.submit("t", {"from": "handler"}, id=f"signal{own}")

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.01)
    for n in range(5000):
        gate.submit("t", {"n": n}, id=f"e{n}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    gate.close()
    print(json.dumps({"handled": len(handled)}))


def submits_in_a_finaliser(path: str) -> None:
    """Objects submit when they are collected, also in the middle of a submit."""
    gate = client(path, linger_s=0.001)
    count = 0

    class Audited:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            nonlocal count
            gate.submit("t", {"from": "finaliser"})
            count += 1

    import gc

    gc.set_threshold(5)
    for n in range(2000):
        Audited()
        gate.submit("t", {"n": n})
    gc.set_threshold(700)
    gc.collect()
    gate.close()
    print(json.dumps({"count": count, "accepted": gate.stats().accepted, "delivered": gate.stats().delivered}))


def many_short_lived(path: str) -> None:
    """Hundreds of clients, each for one event: nothing is left of them."""
    open_before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    for n in range(200):
        with client(path, linger_s=0.0) as gate:
            gate.publish("t", {"n": n}, id=f"e{n}")
    open_after = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    print(json.dumps({"threads": threading.active_count(), "descriptors": open_after - open_before}))


def idle(path: str) -> None:
    """A client that published once and then has nothing to do."""
    gate = client(path, linger_s=0.0)
    gate.publish("t", {"n": 1})
    worker = next(thread for thread in threading.enumerate() if thread.name == "tidegate-delivery")
    time.sleep(0.3)

    def switches() -> int:
        text = Path(f"/proc/self/task/{worker.native_id}/status").read_text("ascii")
        return sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)

    before = switches()
    time.sleep(1.5)
    print(json.dumps({"wakes": switches() - before}))
    gate.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2])
