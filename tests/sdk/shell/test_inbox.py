"""The queue between threads: its bounds, when it wakes the driver, who waits for room."""

import threading

from tests.sdk.delivery.conftest import outgoing

from tidegate.shell.inbox import Inbox


def inbox(**changes: object) -> tuple[Inbox, list[int]]:
    values: dict[str, object] = {
        "max_events": 100, "max_bytes": 10**6, "linger_s": 1.0, "batch_events": 10, "batch_bytes": 10**5, "drops": False, **changes,
    }  # fmt: skip
    made, wakes = Inbox(**values), []  # type: ignore[arg-type]  # a test's own table
    made.wake = lambda: wakes.append(1)
    return made, wakes


def test_the_first_event_wakes_and_those_that_may_linger_do_not() -> None:
    box, wakes = inbox()
    box.put(outgoing("a", at=0.0))
    assert len(wakes) == 1
    assert [event.id for event in box.drain()] == ["a"]
    box.engine_holds(1, 100, wakes_at=1.0, filling=1)
    for n in range(5):
        box.put(outgoing(f"b{n}", at=0.5))
    assert len(wakes) == 1, "the driver wakes at 1.0 by itself, when the first is due"


def test_an_urgent_event_wakes() -> None:
    box, wakes = inbox()
    box.engine_holds(1, 100, wakes_at=0.1, filling=1)
    box.put(outgoing("a", urgent=True))
    assert len(wakes) == 1


def test_a_full_batch_wakes_what_the_engine_has_of_it_counted() -> None:
    box, wakes = inbox()
    box.engine_holds(7, 700, wakes_at=0.5, filling=7)
    for n in range(3):
        assert wakes == []
        box.put(outgoing(str(n)))
    assert len(wakes) == 1


def test_a_batch_full_of_bytes_wakes() -> None:
    box, wakes = inbox(batch_bytes=250)
    box.engine_holds(0, 0, wakes_at=0.5)
    for n in range(3):
        box.put(outgoing(str(n)))
    assert len(wakes) == 1


def test_it_is_full_by_events_and_by_bytes_the_engine_s_included() -> None:
    box, _ = inbox(max_events=3)
    box.engine_holds(2, 200, None)
    assert box.put(outgoing("a"))
    assert not box.put(outgoing("b"))
    small, _ = inbox(max_bytes=4000)
    assert small.put(outgoing("giant", size_bytes=9999)), "one event larger than the queue must go somehow"
    assert not small.put(outgoing("b"))


def test_with_drops_it_is_never_full() -> None:
    box, _ = inbox(max_events=1, drops=True)
    assert all(box.put(outgoing(str(n))) for n in range(5))


def test_who_waits_for_room_is_told_once_there_is_some() -> None:
    box, _ = inbox(max_events=1)
    box.put(outgoing("a"))
    told: list[str] = []
    box.when_room(lambda: told.append("room"), 100)
    box.drain()
    box.engine_holds(1, 100, None)
    assert told == []
    box.engine_holds(0, 0, None)
    box.engine_holds(0, 0, None)
    assert told == ["room"]
    box.when_room(lambda: told.append("closed"), 100)
    box.close()
    assert told == ["room", "closed"]


def test_who_waits_with_a_large_event_is_told_when_it_fits() -> None:
    box, _ = inbox(max_bytes=10_000)
    box.engine_holds(4, 8400, None)
    told: list[str] = []
    box.when_room(lambda: told.append("room"), 5000)
    box.engine_holds(2, 4200, None)
    assert told == [], "2,000 of overhead and 5,000 more do not fit yet"
    box.engine_holds(1, 2100, None)
    assert told == ["room"]
    box.engine_holds(1, 9999, None)
    box.when_room(lambda: told.append("giant"), 10**9)
    box.engine_holds(0, 0, None)
    assert told == ["room", "giant"], "an event larger than the queue goes alone"


def test_once_closed_it_takes_nothing_and_nobody_waits_for_room() -> None:
    box, _ = inbox()
    told: list[str] = []
    assert box.put(outgoing("a"))
    box.when_room(lambda: told.append("before"), 1)
    box.close()
    assert not box.put(outgoing("b"))
    box.when_room(lambda: told.append("after"), 1)
    assert told == ["before", "after"]
    assert [event.id for event in box.drain()] == ["a"]


def test_threads_lose_nothing_between_them() -> None:
    box, _ = inbox(max_events=10**6, max_bytes=10**9)
    taken: list[str] = []

    def submit(name: str) -> None:
        for n in range(500):
            box.put(outgoing(f"{name}-{n}"))

    threads = [threading.Thread(target=submit, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += [event.id for event in box.drain()]
    taken += [event.id for event in box.drain()]
    assert len(taken) == len(set(taken)) == 2000
    for name in "abcd":
        numbers = [int(event_id[2:]) for event_id in taken if event_id.startswith(name)]
        assert numbers == sorted(numbers), "each thread's own order holds"
    assert box.accepted == 2000
