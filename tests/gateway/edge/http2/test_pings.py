"""How often a peer may ping (gRPC proposal A8)."""

import pytest

from tidegate_gateway.edge.http2.frames import ErrorCode, Violated
from tidegate_gateway.edge.http2.pings import Pings


def test_the_least_that_grpcs_clients_allow_may_jitter() -> None:
    pings, now_s = Pings(), 0.0
    for place in range(100):
        now_s += 9.0 if place % 2 else 11.0
        pings.came(now_s, after_something=False)


def test_three_that_come_too_soon_are_forgiven_and_no_fourth() -> None:
    pings = Pings()
    for now_s in (0.0, 1.0, 2.0, 3.0):
        pings.came(now_s, after_something=False)
    with pytest.raises(Violated) as caught:
        pings.came(4.0, after_something=False)
    assert (caught.value.code, caught.value.detail, caught.value.stream) == (
        ErrorCode.ENHANCE_YOUR_CALM,
        "too_many_pings",
        0,
    )


def test_an_answer_in_between_forgives_all() -> None:
    pings = Pings()
    for place in range(100):
        pings.came(place * 0.1, after_something=place % 4 == 0)
