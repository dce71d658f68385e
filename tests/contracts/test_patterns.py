"""Patterns are searches in linear time, and `$` is the very end."""

import time

import pytest

from tidegate.contracts.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "text", "occurs"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("a$", "a", True),
        ("a$", "a\n", False),
        ("(?m)a$", "a\nb", True),
        ("^.$", "\u00e4", True),
        ("", "", True),
        ("^\\d$", "\u0661", False),
    ],
)
def test_search(pattern: str, text: str, occurs: bool) -> None:
    assert matcher(pattern)(text.encode()) is occurs


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "(a)\\1", "[", "a{2,1}"])
def test_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        matcher(pattern)


def test_linear_time() -> None:
    start = time.process_time()
    assert not matcher("(x+x+)+y")(b"x" * 100_000)
    assert time.process_time() - start < 2
