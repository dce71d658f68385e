"""The authenticator: one text for whatever is wrong, what it remembers and for how long, what it tells operators."""

import asyncio
from collections.abc import Awaitable

import pytest
from tests.adapters.auth.conftest import Bench, bench_of
from tests.adapters.auth.signing import ISSUER, claims, jwk, key_set, sign

from tidegate.errors import Code
from tidegate_gateway.adapters.auth_settings import IssuerSettings
from tidegate_gateway.intake.faults import Fault


async def fault_of(call: Awaitable[object]) -> Fault:
    with pytest.raises(Fault) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_a_token_of_every_default_algorithm_passes(algorithm: str, bench: Bench) -> None:
    bench.source.body = key_set(jwk(algorithm))
    principal = await bench.authenticator.authenticate(sign(claims(), algorithm))
    assert (principal.issuer, principal.subject) == ("login.example", "shop")


async def test_an_algorithm_that_the_issuer_may_not_use_is_refused() -> None:
    bench = bench_of(IssuerSettings(issuer=ISSUER, jwks_url="https://login.example/keys", algorithms=("EdDSA",)))
    bench.source.body = key_set(jwk("ES256"), jwk("EdDSA", "second"))
    assert (await fault_of(bench.authenticator.authenticate(sign(claims())))).code is Code.UNAUTHENTICATED
    await bench.authenticator.authenticate(sign(claims(), "EdDSA", "second"))


async def test_no_token_and_a_bad_one_read_the_same_but_for_the_challenge(bench: Bench) -> None:
    none = await fault_of(bench.authenticator.authenticate(None))
    bad = await fault_of(bench.authenticator.authenticate("bad"))
    empty = await fault_of(bench.authenticator.authenticate(""))
    assert none.code is bad.code is empty.code is Code.UNAUTHENTICATED
    assert none.detail == bad.detail == empty.detail
    assert (none.challenge, bad.challenge, empty.challenge) == (False, True, True)
    assert bench.source.reads == 0


async def test_without_kid_the_one_key_that_fits_is_taken(bench: Bench) -> None:
    bench.source.body = key_set(jwk("ES256", "a"), jwk("EdDSA", "b"))
    await bench.authenticator.authenticate(sign(claims(), "ES256", "a", kid=None))
    bench.source.body = key_set(jwk("ES256", "a"), jwk("ES256", "b"))
    await bench.cache.refresh()
    await fault_of(bench.authenticator.authenticate(sign(claims(sub="other"), "ES256", "a", kid=None)))


async def test_another_key_under_the_right_kid_is_refused(bench: Bench) -> None:
    forged = sign(claims(), "ES256", "stranger", kid="first")
    assert (await fault_of(bench.authenticator.authenticate(forged))).code is Code.UNAUTHENTICATED


async def test_a_changed_payload_is_refused(bench: Bench) -> None:
    good = sign(claims())
    header, _, signature = good.split(".")
    payload = sign(claims(sub="admin")).split(".")[1]
    await bench.authenticator.authenticate(good)
    await fault_of(bench.authenticator.authenticate(f"{header}.{payload}.{signature}"))


async def test_a_remembered_token_is_not_verified_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(claims())
    first = await bench.authenticator.authenticate(token)
    monkeypatch.setattr("tidegate_gateway.adapters.tokens.parse_token", None)
    assert await bench.authenticator.authenticate(token) is first
    bench.pass_s(59.9)
    assert await bench.authenticator.authenticate(token) is first
    bench.pass_s(0.1)
    with pytest.raises(TypeError):
        await bench.authenticator.authenticate(token)


async def test_a_token_is_not_remembered_past_its_end(bench: Bench) -> None:
    token = sign(claims(exp=bench.wall() + 10))
    await bench.authenticator.authenticate(token)
    bench.pass_s(39.9)
    await bench.authenticator.authenticate(token)
    bench.pass_s(0.1)
    await fault_of(bench.authenticator.authenticate(token))


async def test_a_withdrawn_key_ends_what_it_verified_at_once(bench: Bench) -> None:
    token = sign(claims())
    await bench.authenticator.authenticate(token)
    bench.source.body = key_set(jwk("ES256", "second"))
    await bench.cache.refresh()
    await fault_of(bench.authenticator.authenticate(token))


async def test_only_what_passed_is_remembered_and_not_without_bound() -> None:
    bench = bench_of(IssuerSettings(issuer=ISSUER, jwks_url="https://login.example/keys"), remembered=3)
    tokens = [sign(claims(sub=f"shop-{number}")) for number in range(5)]
    first = await bench.authenticator.authenticate(tokens[0])
    for token in tokens[1:3]:
        await bench.authenticator.authenticate(token)
    for number in range(10):
        await fault_of(bench.authenticator.authenticate(f"e30.e30.{number}"))
    assert await bench.authenticator.authenticate(tokens[0]) is first  # used last: it stays
    for token in tokens[3:]:
        await bench.authenticator.authenticate(token)
    assert len(bench.authenticator._verified) == 3
    assert await bench.authenticator.authenticate(tokens[0]) is first


async def test_keys_that_are_away_are_our_fault_and_not_the_token_s(bench: Bench) -> None:
    bench.source.away = True
    fault = await fault_of(bench.authenticator.authenticate(sign(claims())))
    assert fault.code is Code.OVERLOADED
    assert fault.retry_after_s == 30
    assert (await fault_of(bench.authenticator.authenticate("bad"))).code is Code.UNAUTHENTICATED


async def test_a_stranger_s_token_causes_no_read(bench: Bench) -> None:
    for payload in (claims(iss="https://evil.example"), claims(exp=1), claims(aud="other"), claims(sub="")):
        await fault_of(bench.authenticator.authenticate(sign(payload, kid="unknown")))
    for algorithm in ("none", "HS256", "RS512"):
        await fault_of(bench.authenticator.authenticate(sign(claims(), alg=algorithm, kid="unknown")))
    assert bench.source.reads == 0


async def test_tokens_of_one_moment_are_verified_side_by_side(bench: Bench) -> None:
    token = sign(claims())
    principals = await asyncio.gather(*(bench.authenticator.authenticate(token) for _ in range(20)))
    assert len({principal.subject for principal in principals}) == 1
    assert bench.source.reads == 1


async def test_operators_read_the_reason_and_never_the_token(bench: Bench) -> None:
    evil = "https://evil.example/\r\n\x1b[31m" + "x" * 200
    token = sign(claims(iss=evil))
    first = await fault_of(bench.authenticator.authenticate(token))
    second = await fault_of(bench.authenticator.authenticate(sign(claims(), kid="a\r\nb\x00")))
    assert first.detail == second.detail
    lines = [first.reason, second.reason]
    assert lines[0].startswith("iss 'https://evil.example/\\r\\n\\x1b[31mxxx")
    assert "kid 'a\\r\\nb\\x00'" in lines[1]
    for line in lines:
        assert line.isprintable()
        assert len(line) < 200
        assert token.split(".")[2] not in line
