"""An authenticator for one issuer, whose clocks and keys the tests hold in their hands."""

from dataclasses import dataclass

import pytest
from tests.adapters.auth.signing import ISSUER, NOW_S, Clock, ScriptedSource, jwk, key_set

from tidegate_gateway.adapters.auth_settings import AuthSettings, IssuerSettings
from tidegate_gateway.adapters.jwks import KeyCache
from tidegate_gateway.adapters.tokens import TokenAuthenticator


@dataclass
class Bench:
    """One issuer's authenticator and all that it stands on."""

    wall: Clock
    clock: Clock
    source: ScriptedSource
    cache: KeyCache
    authenticator: TokenAuthenticator

    def pass_s(self, seconds: float) -> None:
        self.wall.now_s += seconds
        self.clock.now_s += seconds


def bench_of(issuer: IssuerSettings, *, remembered: int = 10_000) -> Bench:
    """An authenticator that has not read its keys yet; they are an ES256 key named `first`."""
    wall, clock = Clock(NOW_S), Clock()
    source = ScriptedSource(key_set(jwk("ES256")))
    cache = KeyCache(issuer.known_as, source, now_s=clock, spread=lambda: 0.0)
    authenticator = TokenAuthenticator(
        AuthSettings(issuers=(issuer,)), {issuer.issuer: cache}, wall_s=wall, now_s=clock, remembered=remembered
    )
    return Bench(wall, clock, source, cache, authenticator)


@pytest.fixture
def bench() -> Bench:
    return bench_of(IssuerSettings(issuer=ISSUER, jwks_url="https://login.example/keys"))
