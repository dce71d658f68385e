"""A token's text read strictly, and its claims judged: pure decisions, `now` an argument (RFC 7515, 7519, 8725, 9068).

Called by the token adapter around the signature's verification. No keys, no cache and no log here; what is wrong is a
TokenRefused, whose text is for operators.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate_gateway.adapters.auth_settings import IssuerSettings
from tidegate_gateway.intake.principal import Principal

__all__ = ["MAX_TOKEN_BYTES", "ParsedToken", "TokenRefused", "judge", "parse_token"]

MAX_TOKEN_BYTES: Final = 8_192

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+").fullmatch
_MOST_CONTAINERS: Final = 256
"""Braces and brackets of a part, those in strings counted too: a bound on nesting that costs no parsing."""
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_ACCESS_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
_FOREIGN_KEYS: Final = ("jku", "x5u", "jwk")

Claims = Mapping[str, object]
"""A JSON object whose members have not been judged yet."""


class TokenRefused(Exception):
    """The token does not pass. The text is for operators: one line, never the token, claims only escaped and cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedToken:
    """What an unverified token says: how it claims to be signed, and by whom it claims to be issued."""

    algorithm: str
    kid: str | None
    typ: str | None
    issuer: str
    payload: bytes
    claims: Claims


def parse_token(token: str) -> ParsedToken:
    """Header and issuer of a token in compact form, nothing of it verified yet. Raises TokenRefused.

    Refused are a `crit` (no extension is understood here, so none may be required: RFC 7515, 4.1.11) and keys that a
    token brings or points to (`jku`, `x5u`, `jwk`): they are never read.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused(f"the token has more than {MAX_TOKEN_BYTES} bytes")
    parts = _COMPACT(token)
    if parts is None:
        raise TokenRefused("not three parts of base64url")
    header = _object(_decode(parts[1]), "header")
    payload = _decode(parts[2])
    for name in ("crit", *_FOREIGN_KEYS):
        if name in header:
            raise TokenRefused(f"the header has {name}")
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ")
    if not isinstance(algorithm, str):
        raise TokenRefused("the header's alg is missing or no string")
    if "kid" in header and not isinstance(kid, str):
        raise TokenRefused("the header's kid is no string")
    if "typ" in header and not (isinstance(typ, str) and typ.lower() in _TYPES):
        raise TokenRefused("the header's typ is not that of an access token")
    claims = _object(payload, "payload")
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        raise TokenRefused("iss is missing or no string")
    return ParsedToken(
        algorithm=algorithm,
        kid=kid if isinstance(kid, str) else None,
        typ=typ.lower() if isinstance(typ, str) else None,
        issuer=issuer,
        payload=payload,
        claims=claims,
    )


def judge(
    token: ParsedToken, settings: IssuerSettings, *, now_s: float, leeway_s: float, max_lifetime_s: float
) -> tuple[Principal, float]:
    """The principal that the claims make, and when (seconds since 1970) it stops to be one. Raises TokenRefused.

    It means something only where the signature fits too; judged first, since a signature costs more than all claims.
    """
    claims = token.claims
    if settings.require_at_jwt and token.typ not in _ACCESS_TYPES:
        raise TokenRefused("the header's typ is not at+jwt")
    if claims.get("iss") != settings.issuer:
        raise TokenRefused("iss is another issuer")
    ends_s = _check_times(claims, now_s, leeway_s, max_lifetime_s)
    audiences = claims.get("aud")
    if not set(settings.audiences).intersection([audiences] if isinstance(audiences, str) else _strings(claims, "aud")):
        raise TokenRefused("aud holds none of the audiences")
    principal = Principal.of(
        issuer=settings.known_as,
        subject=_subject(claims),
        scopes=_scopes(claims, settings.scope_claims),
        roles=frozenset(_strings(claims, settings.roles_claim)),
    )
    return principal, ends_s


def _decode(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise TokenRefused("a part is no base64url") from error


def _object(raw: bytes, what: str) -> Claims:
    if raw.count(b"{") + raw.count(b"[") > _MOST_CONTAINERS:
        raise TokenRefused(f"the {what} has more than {_MOST_CONTAINERS} objects and arrays")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise TokenRefused(f"the {what} is not strict JSON") from error
    if not isinstance(value, dict):
        raise TokenRefused(f"the {what} is no JSON object")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_times(claims: Claims, now_s: float, leeway_s: float, max_lifetime_s: float) -> float:
    expires_s = _time(claims, "exp")
    if expires_s is None:
        raise TokenRefused("exp is missing")
    if now_s >= expires_s + leeway_s:
        raise TokenRefused("it has expired")
    issued_s = _time(claims, "iat")
    if issued_s is not None and issued_s > now_s + leeway_s:
        raise TokenRefused("iat is in the future")
    starts_s = _time(claims, "nbf")
    if starts_s is not None and starts_s > now_s + leeway_s:
        raise TokenRefused("nbf is in the future")
    if expires_s - (now_s if issued_s is None else issued_s) > max_lifetime_s:
        raise TokenRefused(f"it lives longer than {max_lifetime_s:g} s")
    return expires_s + leeway_s


def _time(claims: Claims, name: str) -> float | None:
    """A NumericDate (RFC 7519, 2): a JSON number, never a string."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"{name} is no number")
    if abs(value) > 1e15:  # an int past float's range would raise below
        raise TokenRefused(f"{name} is out of range")
    return float(value)


def _subject(claims: Claims) -> str:
    name = "sub" if "sub" in claims else "client_id"
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TokenRefused(f"{name} is missing, no string, empty, or holds what cannot be printed")
    return value


def _scopes(claims: Claims, names: tuple[str, ...]) -> frozenset[str]:
    """All scope claims together. `scope` is a string with spaces between (RFC 6749, 3.3); others may be arrays."""
    scopes: set[str] = set()
    for name in names:
        value = claims.get(name)
        if isinstance(value, str):
            scopes.update(value.split(" "))
        elif name in claims and name == "scope":
            raise TokenRefused("scope is no string")
        else:
            scopes.update(_strings(claims, name))
    return frozenset(scopes - {""})


def _strings(claims: Claims, name: str) -> list[str]:
    """An array of strings; empty where the claim is absent."""
    if name not in claims:
        return []
    value = claims[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TokenRefused(f"{name!a} is no array of strings")
    return value
