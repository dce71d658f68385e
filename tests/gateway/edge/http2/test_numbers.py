"""Which streams are idle, open, closed and past the last call."""

import pytest

from tidegate_gateway.edge.http2.frames import ErrorCode, Violated
from tidegate_gateway.edge.http2.numbers import Numbers


def opened(*numbers: int) -> Numbers:
    one = Numbers()
    for number in numbers:
        assert one.opens(number)
    return one


def test_each_number_is_past_the_last() -> None:
    one = opened(1, 3, 9)
    assert one.last == 9
    for number in (5, 7, 9):  # 5 and 7 are closed since 9 was opened
        with pytest.raises(Violated) as caught:
            one.opens(number)
        assert (caught.value.code, caught.value.stream) == (ErrorCode.PROTOCOL_ERROR, 0)


def test_a_stream_that_the_peer_has_closed_has_no_second_head() -> None:
    one = opened(1)
    one.close(1, ours=False)
    with pytest.raises(Violated) as caught:
        one.opens(1)
    assert (caught.value.code, caught.value.stream) == (ErrorCode.STREAM_CLOSED, 0)
    assert one.is_closed_by_peer(1)


def test_one_that_we_have_closed_may_get_trailers_still() -> None:
    one = opened(1)
    one.close(1, ours=True)
    assert not one.opens(1)
    assert not one.is_closed_by_peer(1)


def test_past_the_last_call_nothing_opens() -> None:
    one = opened(1)
    one.final = one.last
    assert not one.opens(3)
    assert one.last == 1
    one.check(3, "DATA")  # as far as its client knows it is open


@pytest.mark.parametrize("number", [0, 2, 4, 7, 2**31 - 1])
def test_frames_of_streams_that_never_were(number: int) -> None:
    with pytest.raises(Violated) as caught:
        opened(1, 5).check(number, "DATA")
    assert (caught.value.code, caught.value.stream) == (ErrorCode.PROTOCOL_ERROR, 0)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_frames_of_streams_that_were(number: int) -> None:
    opened(1, 5).check(number, "DATA")


@pytest.mark.parametrize(
    ("number", "was"), [(0, False), (1, True), (2, False), (3, True), (5, True), (6, False), (7, False)]
)
def test_what_is_idle_no_more(number: int, *, was: bool) -> None:
    assert opened(5).was_opened(number) is was


def test_it_remembers_the_latest_and_no_more() -> None:
    one = Numbers()
    for number in range(1, 10_001, 2):
        one.opens(number)
        one.close(number, ours=False)
    assert len(one._closed) == 512
    assert one.is_closed_by_peer(9_999)
    assert not one.is_closed_by_peer(1)
    one.check(1, "DATA")
