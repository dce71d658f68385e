"""Whether Kafka is there: late answers, sure refusals, silence. Time is an argument."""

from tidegate_gateway.adapters.kafka.pulse import SILENCE_S, Pulse


def up_at(now_s: float) -> Pulse:
    pulse = Pulse(now_s)
    pulse.answered(now_s)
    return pulse


def test_nothing_is_known_before_the_first_answer_or_the_first_refusal() -> None:
    pulse = Pulse(10.0)
    pulse.silent(11.0, "nobody")
    assert (pulse.known, pulse.up) == (False, False)
    pulse.refused(10.0, "closed")
    assert (pulse.known, pulse.up, pulse.why) == (True, False, "closed")
    pulse.answered(12.0)
    assert (pulse.up, pulse.why) == (True, "")


def test_a_start_in_silence_ends_as_known() -> None:
    pulse = Pulse(10.0)
    pulse.silent(10.0 + SILENCE_S, "nobody")
    assert (pulse.known, pulse.up, pulse.why) == (True, False, "nobody")


def test_a_broker_of_three_seconds_away_stays_up() -> None:
    """Looks begin each second and are answered three seconds later: between two answers there is one second."""
    pulse = up_at(3.0)
    for now_s in range(4, 60):
        pulse.silent(now_s - 0.001, "nobody")
        assert pulse.up
        pulse.answered(float(now_s))


def test_silence_is_a_loss_within_five_seconds() -> None:
    pulse = up_at(100.0)
    pulse.silent(100.0 + SILENCE_S - 0.01, "nobody")
    assert pulse.up
    assert pulse.wait_s(104.0, 1.0) == 100.0 + SILENCE_S - 104.0
    pulse.silent(100.0 + SILENCE_S, "nobody")
    assert not pulse.up
    assert SILENCE_S < 5.0


def test_one_refused_look_is_no_loss_and_two_in_a_row_are() -> None:
    pulse = up_at(100.0)
    pulse.refused(100.5, "refused")
    assert pulse.up
    pulse.answered(101.0)
    pulse.refused(101.5, "refused")
    assert pulse.up
    pulse.refused(102.5, "refused")
    assert (pulse.up, pulse.why) == (False, "refused")


def test_a_refusal_older_than_the_last_answer_says_nothing() -> None:
    pulse = up_at(100.0)
    for _ in range(3):
        pulse.refused(99.0, "refused")
    assert pulse.up


def test_while_it_is_down_the_last_sure_reason_is_told_and_silence_adds_none() -> None:
    pulse = Pulse(0.0)
    pulse.refused(0.0, "wrong password")
    pulse.silent(60.0, "nobody")
    assert pulse.why == "wrong password"
    assert pulse.wait_s(60.0, 1.0) == 1.0
