"""Who has to go from a full port."""

from tidegate_gateway.edge.crowd import victims


def test_the_longest_waiting_of_the_greediest_address_go() -> None:
    waiting = [("a", 1.0, "a1"), ("b", 5.0, "b5"), ("b", 3.0, "b3"), ("b", 4.0, "b4"), ("c", 0.0, "c0")]
    assert victims(waiting, 2) == ["b3", "b4"]


def test_of_one_address_the_oldest_go() -> None:
    assert victims([("a", 2.0, "young"), ("a", 1.0, "old")], 1) == ["old"]


def test_of_equals_who_waits_longest() -> None:
    assert victims([("a", 2.0, "a"), ("b", 1.0, "b")], 1) == ["b"]


def test_nobody_waits() -> None:
    assert victims([], 3) == []
