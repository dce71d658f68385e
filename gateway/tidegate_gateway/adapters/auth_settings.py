"""What the operator says of tokens: `[auth]` and `[[auth.issuers]]` (operations.md), as values that check themselves.

Read by `config`, the key cache and the token adapter. No I/O and no keys here.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

__all__ = ["ALGORITHMS", "AuthSettings", "IssuerSettings"]

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Every signature algorithm that may be named: asymmetric ones only, so that a public key is never a secret (RFC 8725)."""

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """One issuer of tokens. `issuer` is compared with `iss` exactly; one of `audiences` must be in `aud`.

    Its keys (a JWK set, RFC 7517) are at `jwks_url` or in `jwks_file`. `name` is the issuer's half of a principal; empty
    means the host of `issuer`. Every claim of `scope_claims` that a token has counts; `require_at_jwt` takes only
    access tokens typed by RFC 9068.
    """

    issuer: str
    audiences: tuple[str, ...] = ("tidegate",)
    jwks_url: str = ""
    jwks_file: str = ""
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    name: str = ""
    require_at_jwt: bool = False
    scope_claims: tuple[str, ...] = ("scope", "scp")
    roles_claim: str = "roles"

    @property
    def known_as(self) -> str:
        """The issuer's name in principals, roles, limits and logs."""
        return self.name or urlsplit(self.issuer).netloc or self.issuer

    def validate(self) -> None:
        """Raise ValueError, with one clear sentence, for what cannot be served."""
        if not self.issuer:
            raise ValueError("issuer is empty: it must be what the tokens' iss says, exactly")
        if not _NAME(self.known_as):
            raise ValueError(
                f"name is needed for the issuer {self.issuer!r}: 1 to 64 letters, digits, dots, colons, underscores, hyphens"
            )
        if self.known_as == "mtls":
            raise ValueError("name mtls is reserved for client certificates")
        if not self.audiences or not all(self.audiences):
            raise ValueError(f"audiences of {self.issuer!r} are empty: a token for anyone would pass")
        if bool(self.jwks_url) == bool(self.jwks_file):
            raise ValueError(f"the issuer {self.issuer!r} needs exactly one of jwks_url and jwks_file")
        if self.jwks_url:
            _check_url(self.jwks_url)
        self._check_claims()

    def _check_claims(self) -> None:
        if not self.algorithms:
            raise ValueError(f"algorithms of {self.issuer!r} are empty")
        for algorithm in self.algorithms:
            if algorithm not in ALGORITHMS:
                raise ValueError(f"algorithm {algorithm!r} is not served; served are {', '.join(ALGORITHMS)}")
        if not self.scope_claims or not all(self.scope_claims):
            raise ValueError(f"scope_claims of {self.issuer!r} are empty")
        if not self.roles_claim:
            raise ValueError(f"roles_claim of {self.issuer!r} is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """All issuers, and the bounds of time for every token.

    `leeway_s` is how far clocks may differ; `max_lifetime_s` bounds `exp - iat`. Without issuers every token is refused.
    """

    leeway_s: float = 30.0
    max_lifetime_s: float = 86_400.0
    issuers: tuple[IssuerSettings, ...] = ()

    def validate(self) -> None:
        """Raise ValueError, with one clear sentence, for what cannot be served."""
        if not 0 <= self.leeway_s <= 300:
            raise ValueError(f"leeway_s is {self.leeway_s}: 0 to 300 seconds are allowed")
        if not 1 <= self.max_lifetime_s <= 366 * 86_400:
            raise ValueError(f"max_lifetime_s is {self.max_lifetime_s}: 1 second to 366 days are allowed")
        for issuer in self.issuers:
            issuer.validate()
        _refuse_twins("issuer", [issuer.issuer for issuer in self.issuers])
        _refuse_twins("name", [issuer.known_as for issuer in self.issuers])


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"jwks_url is no URL: {error}") from error
    if parts.scheme not in {"https", "http"}:
        raise ValueError(f"jwks_url must start with https:// or http://, not {parts.scheme or 'nothing'}://")
    if not parts.hostname or port == 0:
        raise ValueError("jwks_url names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("jwks_url must not hold a user or a password")
    if parts.fragment:
        raise ValueError("jwks_url must not have a fragment")


def _refuse_twins(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"two issuers have the {what} {value!r}")
