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


@pytest.mark.parametrize("pattern", ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(a)\\1", "(?P<n>a)(?P=n)", "(?<n>a)\\k<n>"])
def test_what_re2_leaves_out_is_said(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\(RE2 has no lookaround and no backreferences\)$"):
        matcher(pattern)


@pytest.mark.parametrize("pattern", ["(", "\\y", "[", "(?>a)"])
def test_other_faults_of_a_pattern_are_told_as_they_are(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        matcher(pattern)
    assert "lookaround" not in str(caught.value)


def test_linear_time() -> None:
    start = time.process_time()
    assert not matcher("(x+x+)+y")(b"x" * 100_000)
    assert time.process_time() - start < 2
