"""Issuers for tests: keys made once, tokens forged byte by byte, clocks that stand still until they are moved."""

import json
from base64 import urlsafe_b64encode
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import get_default_algorithms
from jwt.types import JWKDict

from tidegate_gateway.adapters.key_sources import KeysUnread

__all__ = [
    "ISSUER",
    "NOW_S",
    "Clock",
    "ScriptedSource",
    "claims",
    "jwk",
    "key_set",
    "private_key",
    "segment",
    "sign",
    "sign_raw",
]

ISSUER = "https://login.example"
NOW_S = 1_800_000_000.0


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class ScriptedSource:
    """A key source that answers what it is told to, and counts how often it was asked."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.away = False
        self.reads = 0
        self.closed = False

    async def read(self) -> bytes:
        self.reads += 1
        if self.away:
            raise KeysUnread("the issuer is away")
        return self.body

    async def aclose(self) -> None:
        self.closed = True


@cache
def private_key(algorithm: str, name: str):  # type: ignore[no-untyped-def]  # the union of PyJWT's key types has no name
    """A private key for the algorithm; the same for the same name."""
    if algorithm.startswith(("RS", "PS")):
        return generate_rsa_key(public_exponent=65_537, key_size=2_048)
    if algorithm == "ES256":
        return generate_private_key(SECP256R1())
    return Ed25519PrivateKey.generate()


def jwk(algorithm: str, name: str = "first", **members: object) -> JWKDict:
    """The public half as a JWK whose kid is the name; a member given as None is left out."""
    public = get_default_algorithms()[algorithm].to_jwk(private_key(algorithm, name).public_key(), as_dict=True)
    whole = {**public, "kid": name, "alg": algorithm, "use": "sig", **members}
    return {key: value for key, value in whole.items() if value is not None}


def key_set(*keys: JWKDict) -> bytes:
    """A JWK set's text."""
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: object) -> dict[str, object]:
    """Claims that pass at NOW_S, changed; a claim given as None is left out."""
    whole: dict[str, object] = {
        "iss": ISSUER,
        "aud": "tidegate",
        "sub": "shop",
        "iat": NOW_S,
        "exp": NOW_S + 3_600,
        "scope": "publish:customer.orders publish:shop.*",
        "roles": ["writer"],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def segment(raw: bytes) -> str:
    """Bytes in base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(payload: dict[str, object], algorithm: str = "ES256", name: str = "first", **header: object) -> str:
    """A token signed with the named key; a header given as None is left out."""
    whole = {"alg": algorithm, "kid": name, "typ": "JWT", **header}
    return sign_raw(
        json.dumps({key: value for key, value in whole.items() if value is not None}).encode(),
        json.dumps(payload).encode(),
        algorithm,
        name,
    )


def sign_raw(header: bytes, payload: bytes, algorithm: str = "ES256", name: str = "first") -> str:
    """A token over exactly these bytes, its signature good."""
    signed = f"{segment(header)}.{segment(payload)}"
    signature = get_default_algorithms()[algorithm].sign(signed.encode(), private_key(algorithm, name))
    return f"{signed}.{segment(signature)}"
