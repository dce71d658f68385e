"""Where tokens come from: fixed, a callable, a file (sdk.md, tokens)."""

import os
from pathlib import Path

import pytest

from tidegate.oauth import ClientCredentials
from tidegate.shell.tokens import NoToken, tokens_of


async def test_a_text_is_the_token() -> None:
    assert await tokens_of("abc").get() == "abc"
    assert await tokens_of(None).get() is None


@pytest.mark.parametrize("token", ["", "s3cret\n", "two s3cret", "s3crét"])
def test_a_text_that_no_request_could_carry_is_refused_at_once_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="the token") as caught:
        tokens_of(token)
    assert "s3cr" not in str(caught.value)


async def test_a_callable_is_asked_each_time_and_may_be_a_coroutine() -> None:
    numbers = iter(range(9))

    async def ask() -> str:
        return f"t{next(numbers)}"

    tokens = tokens_of(ask)
    assert [await tokens.get(), await tokens.get()] == ["t0", "t1"]
    assert await tokens_of(lambda: "plain").get() == "plain"


async def test_what_a_callable_raises_is_no_token_and_says_no_secret() -> None:
    def ask() -> str:
        raise KeyError("s3cret")

    with pytest.raises(NoToken, match="KeyError") as caught:
        await tokens_of(ask).get()
    assert "s3cret" not in str(caught.value)


async def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n", "ascii")
    tokens = tokens_of(file)
    assert await tokens.get() == "one"
    other = tmp_path / "next"
    other.write_text("two", "ascii")
    os.utime(other, ns=(1, 1))
    other.replace(file)
    assert await tokens.get() == "two", "a mounted secret is swapped by a rename"


async def test_a_file_whose_token_was_refused_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one", "ascii")
    tokens = tokens_of(file)
    stat = file.stat()
    await tokens.get()
    file.write_text("two", "ascii")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    tokens.refused("one")
    assert await tokens.get() == "two"


@pytest.mark.parametrize("text", [None, "", " \n", "ä"])
async def test_a_file_without_a_token_is_said(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(NoToken, match="the token file"):
        await tokens_of(file).get()


def test_anything_else_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="token is a str"):
        tokens_of(7)  # type: ignore[arg-type]  # what the test is about
    credentials = ClientCredentials("https://issuer.example.com/token", "a", "b")
    assert tokens_of(credentials) is credentials
