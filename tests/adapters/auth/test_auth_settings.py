"""What the operator may say of tokens, and the one clear sentence for what may not be said."""

from dataclasses import replace

import pytest

from tidegate_gateway.adapters.auth_settings import ALGORITHMS, AuthSettings, IssuerSettings

GOOD = IssuerSettings(issuer="https://login.example/realms/shop", jwks_url="https://login.example/keys", name="shop")


def test_the_defaults_are_those_of_the_specification() -> None:
    settings = AuthSettings()
    assert (settings.leeway_s, settings.max_lifetime_s) == (30, 86_400)
    assert GOOD.audiences == ("tidegate",)
    assert GOOD.algorithms == ("RS256", "PS256", "ES256", "EdDSA")
    assert GOOD.scope_claims == ("scope", "scp")
    assert GOOD.roles_claim == "roles"
    assert not GOOD.require_at_jwt
    settings.validate()
    GOOD.validate()


def test_no_algorithm_with_a_shared_secret_can_be_named() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"]


@pytest.mark.parametrize(
    ("issuer", "known_as"),
    [
        ("https://login.example/realms/a", "login.example"),
        ("https://login.example:8443", "login.example:8443"),
        ("plain", "plain"),
    ],
)
def test_an_issuer_without_a_name_is_known_by_its_host(issuer: str, known_as: str) -> None:
    settings = replace(GOOD, issuer=issuer, name="")
    settings.validate()
    assert settings.known_as == known_as


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": ""}, "issuer is empty"),
        ({"name": "a/b"}, "name is needed"),  # client:<issuer>/<sub> would be ambiguous
        ({"name": "", "issuer": "urn:a/b"}, "name is needed"),
        ({"name": "mtls"}, "reserved"),
        ({"audiences": ()}, "audiences"),
        ({"audiences": ("",)}, "audiences"),
        ({"jwks_url": ""}, "exactly one of jwks_url and jwks_file"),
        ({"jwks_file": "keys.json"}, "exactly one of jwks_url and jwks_file"),
        ({"jwks_url": "file:///etc/keys.json"}, "not file://"),
        ({"jwks_url": "ftp://host/keys"}, "not ftp://"),
        ({"jwks_url": "login.example/keys"}, "not nothing://"),
        ({"jwks_url": "https:///keys"}, "names no host"),
        ({"jwks_url": "https://host:99999/keys"}, "is no URL"),
        ({"jwks_url": "https://user:secret@host/keys"}, "user or a password"),
        ({"jwks_url": "https://host/keys#a"}, "fragment"),
        ({"algorithms": ()}, "algorithms"),
        ({"algorithms": ("HS256",)}, "'HS256' is not served"),
        ({"algorithms": ("none",)}, "'none' is not served"),
        ({"scope_claims": ()}, "scope_claims"),
        ({"roles_claim": ""}, "roles_claim"),
    ],
)
def test_a_wrong_issuer_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError) as caught:
        replace(GOOD, **changes).validate()  # type: ignore[arg-type]  # one table for fields of several types
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (AuthSettings(leeway_s=-1), "leeway_s"),
        (AuthSettings(leeway_s=301), "leeway_s"),
        (AuthSettings(leeway_s=float("nan")), "leeway_s"),
        (AuthSettings(max_lifetime_s=0), "max_lifetime_s"),
        (AuthSettings(issuers=(GOOD, replace(GOOD, name="other"))), "two issuers have the issuer"),
        (AuthSettings(issuers=(GOOD, replace(GOOD, issuer="https://b.example"))), "two issuers have the name 'shop'"),
        (AuthSettings(issuers=(replace(GOOD, audiences=()),)), "audiences"),
    ],
)
def test_wrong_settings_are_named(settings: AuthSettings, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings.validate()
