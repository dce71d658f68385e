"""Client credentials: refreshed early, one request at a time, once more after a 401 (sdk.md, tokens)."""

import asyncio

import pytest

from tidegate.oauth import ClientCredentials, IssuerAnswer
from tidegate.shell.tokens import NoToken

URL = "https://issuer.example.com/token"


class Issuer:
    """Scripted: gives token0, token1... for 100 s each, or what `answers` hold."""

    def __init__(self, *answers: IssuerAnswer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[dict[str, str], tuple[str, str] | None]] = []
        self.now = 0.0

    async def __call__(
        self, url: str, form: dict[str, str], basic: tuple[str, str] | None, timeout_s: float
    ) -> IssuerAnswer:
        self.asked.append((dict(form), basic))
        number = len(self.asked) - 1
        await asyncio.sleep(0)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return IssuerAnswer(status=200, body=b'{"access_token":"token%d","expires_in":"100"}' % number)

    def credentials(self, **more: object) -> ClientCredentials:
        return ClientCredentials(URL, "me", "s3cret:x", post=self, now=lambda: self.now, **more)  # type: ignore[arg-type]


async def test_many_who_ask_at_once_cause_one_request() -> None:
    issuer = Issuer()
    tokens = issuer.credentials()
    assert set(await asyncio.gather(*(tokens.get() for _ in range(20)))) == {"token0"}
    assert len(issuer.asked) == 1


async def test_a_token_is_refreshed_before_it_expires_while_the_old_one_is_used() -> None:
    issuer = Issuer()
    tokens = issuer.credentials()
    await tokens.get()
    issuer.now = 79.0
    assert await tokens.get() == "token0"
    assert len(issuer.asked) == 1
    issuer.now = 81.0
    assert await tokens.get() == "token0", "nobody waits"
    await asyncio.sleep(0.01)
    assert await tokens.get() == "token1"
    assert len(issuer.asked) == 2


async def test_an_issuer_that_is_down_costs_nothing_while_the_token_lives() -> None:
    issuer = Issuer()
    tokens = issuer.credentials()
    await tokens.get()
    issuer.answers = [OSError("down")] * 50
    issuer.now = 85.0
    for _ in range(20):
        assert await tokens.get() == "token0"
        await asyncio.sleep(0)
    assert len(issuer.asked) == 2, "and is not hammered"
    issuer.now = 101.0
    with pytest.raises(NoToken, match="not reached: OSError"):
        await tokens.get()


async def test_a_refused_token_is_never_given_again() -> None:
    issuer = Issuer()
    tokens = issuer.credentials()
    assert await tokens.get() == "token0"
    tokens.refused("token0")
    assert await tokens.get() == "token1"
    tokens.refused("token0")
    assert await tokens.get() == "token1", "a late answer to the old one costs the new one nothing"


async def test_where_every_new_token_is_refused_the_issuer_is_asked_now_and_then() -> None:
    issuer = Issuer()
    tokens = issuer.credentials()
    for turn in range(2):
        assert await tokens.get() == f"token{turn}"
        tokens.refused(f"token{turn}")
    with pytest.raises(NoToken, match="a moment ago"):
        await tokens.get()
    issuer.now += 2.0
    assert await tokens.get() == "token2"


@pytest.mark.parametrize(
    "answer",
    [
        IssuerAnswer(status=401, body=b'{"error":"invalid_client","secret":"s3cret:x"}'),
        IssuerAnswer(status=200, body=b"<html>s3cret:x"),
        IssuerAnswer(status=302, body=b""),
        OSError("s3cret:x"),
    ],
)
async def test_no_secret_stands_in_an_error_and_the_next_try_waits(answer: IssuerAnswer | Exception) -> None:
    issuer = Issuer(answer)
    tokens = issuer.credentials()
    with pytest.raises(NoToken) as caught:
        await tokens.get()
    assert "s3cret" not in str(caught.value)
    with pytest.raises(NoToken, match="a moment ago"):
        await tokens.get()
    issuer.now = 3.0
    assert await tokens.get() == "token1"


async def test_the_secret_goes_by_basic_authentication_or_in_the_form() -> None:
    issuer = Issuer()
    await issuer.credentials(scope="publish:a publish:b", audience="gate").get()
    await issuer.credentials(client_auth="post").get()
    assert issuer.asked == [
        (
            {"grant_type": "client_credentials", "scope": "publish:a publish:b", "audience": "gate"},
            ("me", "s3cret%3Ax"),
        ),
        ({"grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cret:x"}, None),
    ]


@pytest.mark.parametrize("url", ["http://issuer.example.com/token", "ftp://x", "issuer"])
def test_the_secret_never_travels_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        ClientCredentials(url, "me", "secret")


def test_one_object_serves_one_event_loop_after_the_other() -> None:
    tokens = Issuer().credentials()
    assert asyncio.run(tokens.get()) == "token0"
    tokens.refused("token0")
    assert asyncio.run(tokens.get()) == "token1"
