"""What can be typed."""

import argparse

import pytest

from tidegate_gateway.commands.arguments import parse, seconds


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("1.5h", 5400), ("1d", 86400)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "h", "-1h", "0", "1w", "nan", "inf", "1000d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no duration"):
        seconds(text)


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["nope"],
        ["dev", "--http-port", "70000"],
        ["dev", "--http-port", "²"],
        ["token"],
        ["token", "--scope", "x", "--ttl", "soon"],
    ],
)
def test_wrong_arguments_end_with_2(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(typed)
    assert ended.value.code == 2
    assert "usage: tidegate-gateway" in capsys.readouterr().err


def test_defaults() -> None:
    arguments = parse(["dev"])
    assert (str(arguments.contracts), arguments.http_port, arguments.admin_port, arguments.kafka) == (
        "schemas",
        8080,
        9090,
        None,
    )
