"""The own signing key of `dev`, `demo` and `token`: made on first use under the user's state folder, and never in production.

Called by the commands. It signs tokens of the issuer `tidegate-dev`; a gateway started by `serve` does not know it.
"""

import json
import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from tidegate_gateway.adapters.auth_settings import IssuerSettings

__all__ = ["DEV_AUDIENCE", "DEV_ISSUER", "DEV_NAME", "DevKey", "DevKeyRefused", "dev_key_path", "load_or_make", "make"]

DEV_ISSUER: Final = "tidegate-dev"
DEV_NAME: Final = "dev"
DEV_AUDIENCE: Final = "tidegate"
_MOST_BYTES: Final = 4_096


class DevKeyRefused(Exception):
    """The key's file cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevKey:
    """An ES256 key; `kid` is its thumbprint (RFC 7638)."""

    private: EllipticCurvePrivateKey
    kid: str

    def mint(
        self, *, sub: str, scopes: Iterable[str], roles: Iterable[str] = (), ttl_s: float = 3_600.0, now_s: float
    ) -> str:
        """A signed token for `sub`, good from `now_s` (seconds since 1970) for `ttl_s`. Raises ValueError."""
        wanted = list(scopes)
        if not sub:
            raise ValueError("the subject is empty")
        if not ttl_s >= 1:
            raise ValueError(f"a token that lives {ttl_s} s is of no use: at least 1 s")
        if any(not scope or " " in scope for scope in wanted):
            raise ValueError("a scope is empty or holds a space")
        claims = {
            "iss": DEV_ISSUER,
            "aud": DEV_AUDIENCE,
            "sub": sub,
            "iat": int(now_s),
            "exp": int(now_s + ttl_s),
            "jti": token_hex(8),
            "scope": " ".join(wanted),
            "roles": list(roles),
        }
        return jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": self.kid, "typ": "at+jwt"})

    def jwks(self) -> bytes:
        """The key's public half, as the JSON text of a JWK set."""
        public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "ES256"}]}).encode()

    def settings(self) -> IssuerSettings:
        """The issuer as configuration; its keys come from `jwks`, not from a URL or a file."""
        return IssuerSettings(
            issuer=DEV_ISSUER, audiences=(DEV_AUDIENCE,), name=DEV_NAME, algorithms=("ES256",), require_at_jwt=True
        )


def dev_key_path(environment: Mapping[str, str], home: Path) -> Path:
    """Where the key lives: under XDG_STATE_HOME where that is absolute (XDG base directories, 0.8), else ~/.local/state."""
    state = Path(environment.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else home / ".local" / "state") / "tidegate" / "dev-key.pem"


def make() -> DevKey:
    """A new key, kept nowhere."""
    return _dev_key(generate_private_key(SECP256R1()))


def load_or_make(path: Path) -> DevKey:
    """The key of the file, made at first. Raises DevKeyRefused where others could read or replace it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write(path, make())
        return _read(path)
    except OSError as error:
        raise DevKeyRefused(f"the dev key {path} cannot be read or made: {error.strerror}") from error


def _write(path: Path, key: DevKey) -> None:
    """Whole or not at all; of two processes that make it at once, the first wins and both use its key."""
    text = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _read(path: Path) -> DevKey:
    folder = path.parent.stat()
    if folder.st_mode & 0o022 or folder.st_uid != os.geteuid():
        raise DevKeyRefused(f"the folder {path.parent} can be written by others: chmod 700 it")
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 -- a descriptor
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise DevKeyRefused(f"the dev key {path} is no regular file: remove it")
        if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
            raise DevKeyRefused(f"the dev key {path} can be read by others: remove it, and a new one will be made")
        text = file.read(_MOST_BYTES)
    try:
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise DevKeyRefused(f"the dev key {path} is no private key: remove it, and a new one will be made") from error
    if not isinstance(private, EllipticCurvePrivateKey) or private.curve.name != SECP256R1.name:
        raise DevKeyRefused(f"the dev key {path} is no P-256 key: remove it, and a new one will be made")
    return _dev_key(private)


def _dev_key(private: EllipticCurvePrivateKey) -> DevKey:
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    members = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = urlsafe_b64encode(sha256(members.encode()).digest()).rstrip(b"=").decode()
    return DevKey(private=private, kid=thumbprint)
