"""A JWK set (RFC 7517) as the keys that may verify a token: pure, bounded, and one bad key never spoils a good one.

Called by the key cache, off the event loop: a set of the largest size costs tens of milliseconds. No I/O here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from jwt.exceptions import PyJWTError

__all__ = ["KeySet", "KeySetRefused", "PublicKey", "VerificationKey", "parse_key_set"]

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_MOST_KEYS: Final = 1_000
_LONGEST_MEMBER: Final = 1_400
"""Characters of one member: the modulus of an RSA key of 8,192 bits has 1,366."""
_LEAST_RSA_BITS: Final = 2_048
_MOST_RSA_BITS: Final = 8_192
_MOST_EXPONENT_BITS: Final = 32
"""Verification time grows with the public exponent; every issuer in use has 65537."""

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_FITTING: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("RSA", ""): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


class KeySetRefused(Exception):
    """The text is no JWK set, or holds no usable key."""


class _KeyRefused(Exception):
    """One key of the set is not taken; the text says why and never holds key material."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """One public key: its `kid` (None where it has none) and the algorithms that it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    public: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The usable keys of a set, in its order, and why the others were left out (`3: weak RSA key, 1024 bits`)."""

    keys: tuple[VerificationKey, ...]
    ignored: tuple[str, ...] = ()

    def fitting(self, algorithm: str, kid: str | None) -> tuple[VerificationKey, ...]:
        """The keys that may verify a token with this header: one at most where it names a `kid`."""
        return tuple(key for key in self.keys if algorithm in key.algorithms and (kid is None or key.kid == kid))

    def within(self, other: "KeySet") -> bool:
        """Whether the other set still has every key of this one."""
        return {_identity(key) for key in self.keys} <= {_identity(key) for key in other.keys}


def parse_key_set(body: bytes) -> KeySet:
    """The keys of a JWK set's JSON text. Raises KeySetRefused; keys that cannot verify are left out and listed."""
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise KeySetRefused("the answer is not JSON in UTF-8") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise KeySetRefused("the answer is no JWK set: it has no list of keys")
    if len(entries) > _MOST_KEYS:
        raise KeySetRefused(f"the JWK set has {len(entries)} keys; at most {_MOST_KEYS} are read")
    keys: list[VerificationKey] = []
    ignored: list[str] = []
    taken: set[tuple[str, str]] = set()
    for place, entry in enumerate(entries):
        try:
            key = _key(entry)
            _refuse_twin(key, taken)
        except _KeyRefused as refused:
            ignored.append(f"{place}: {refused}")
        else:
            keys.append(key)
    if not keys:
        raise KeySetRefused(f"the JWK set has no usable key ({'; '.join(ignored[:5]) or 'it is empty'})")
    return KeySet(keys=tuple(keys), ignored=tuple(ignored))


def _key(entry: object) -> VerificationKey:
    if not isinstance(entry, dict):
        raise _KeyRefused("not an object")
    kty, kid, use = entry.get("kty"), entry.get("kid"), entry.get("use")
    if not isinstance(kty, str) or kty not in _MEMBERS:
        raise _KeyRefused("not a public key of a type that is served (RSA, EC, OKP)")
    if kid is not None and not isinstance(kid, str):
        raise _KeyRefused("its kid is no string")
    if use is not None and use != "sig":
        raise _KeyRefused("its use is not sig")
    operations = entry.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        raise _KeyRefused("its key_ops do not hold verify")
    if "d" in entry:
        raise _KeyRefused("it holds a private key: whoever can read the set can sign")
    algorithms = _algorithms(entry, kty)
    return VerificationKey(kid=kid, algorithms=algorithms, public=_public(entry, kty, min(algorithms)))


def _algorithms(entry: Mapping[str, object], kty: str) -> frozenset[str]:
    curve = entry.get("crv", "") if kty != "RSA" else ""
    fitting = _FITTING.get((kty, curve), ()) if isinstance(curve, str) else ()
    if not fitting:
        raise _KeyRefused("its curve is not served (P-256, P-384, P-521, Ed25519)")
    named = entry.get("alg")
    if named is None:
        return frozenset(fitting)
    if named not in fitting:
        raise _KeyRefused("its alg does not fit its type, or is not served")
    return frozenset({str(named)})


def _public(entry: Mapping[str, object], kty: str, algorithm: str) -> PublicKey:
    members: dict[str, str] = {"kty": kty}
    for name in _MEMBERS[kty]:
        value = entry.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_MEMBER:
            raise _KeyRefused(f"its member {name} is missing, no string, or too long")
        members[name] = value
    try:
        public = PyJWK(members, algorithm).key
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError) as error:
        raise _KeyRefused("its members are no valid key") from error
    if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        raise _KeyRefused("it is no public key")
    if isinstance(public, RSAPublicKey):
        _check_rsa(public)
    return public


def _check_rsa(public: RSAPublicKey) -> None:
    if not _LEAST_RSA_BITS <= public.key_size <= _MOST_RSA_BITS:
        raise _KeyRefused(
            f"an RSA key of {public.key_size} bits; {_LEAST_RSA_BITS} to {_MOST_RSA_BITS} are taken (NIST SP 800-131A)"
        )
    if public.public_numbers().e.bit_length() > _MOST_EXPONENT_BITS:
        raise _KeyRefused(f"an RSA key whose public exponent has more than {_MOST_EXPONENT_BITS} bits")


def _identity(key: VerificationKey) -> tuple[str | None, frozenset[str], bytes]:
    spki = key.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.kid, key.algorithms, spki


def _refuse_twin(key: VerificationKey, taken: set[tuple[str, str]]) -> None:
    """Keys may share a `kid` where they differ in type (RFC 7517, 4.5); of two that one token could mean, the first."""
    if key.kid is None:
        return
    names = {(key.kid, algorithm) for algorithm in key.algorithms}
    if names & taken:
        raise _KeyRefused("an earlier key has the same kid")
    taken |= names
