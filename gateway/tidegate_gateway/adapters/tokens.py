"""The authenticator: bearer tokens (JWT) of the configured issuers, verified once and remembered for up to a minute.

Chosen by `app`, called by the intake through `ports.Authenticator`. Size comes first, then what the token says of itself,
then its claims, then its signature: what costs most comes last. Whatever is wrong, the producer reads one text; the
operator reads the reason in the log, where the door puts it under the request's id. How claims are judged is `claims`', where keys come from `jwks`'.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic, time
from typing import Final

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from tidegate.errors import Code
from tidegate_gateway.adapters.auth_settings import ALGORITHMS, AuthSettings, IssuerSettings
from tidegate_gateway.adapters.claims import MAX_TOKEN_BYTES, ParsedToken, TokenRefused, judge, parse_token
from tidegate_gateway.adapters.jwks import KeyCache, KeysAway, NoSuchKey
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.principal import Principal

__all__ = ["TokenAuthenticator"]

_TEXT: Final = "a valid access token is needed"
_REMEMBERED_S: Final = 60.0

_jws = PyJWS(algorithms=ALGORITHMS)


class _Verified:
    """A principal that stays verified until `until_s`, or until its issuer withdraws any key."""

    __slots__ = ("keys", "principal", "until_s", "withdrawals")

    def __init__(self, principal: Principal, until_s: float, keys: KeyCache, withdrawals: int) -> None:
        self.principal = principal
        self.until_s = until_s
        self.keys = keys
        self.withdrawals = withdrawals


class TokenAuthenticator:
    """Verified principals for tokens. One event loop owns it. `wall_s` is UTC since 1970, `now_s` any monotonic clock."""

    def __init__(
        self,
        settings: AuthSettings,
        caches: Mapping[str, KeyCache],
        *,
        wall_s: Callable[[], float] = time,
        now_s: Callable[[], float] = monotonic,
        remembered: int = 10_000,
    ) -> None:
        """`caches` holds each issuer's keys by its `issuer`; `remembered` bounds the verified tokens kept."""
        self._settings = settings
        self._issuers = {issuer.issuer: (issuer, caches[issuer.issuer]) for issuer in settings.issuers}
        self._wall_s = wall_s
        self._now_s = now_s
        self._most = remembered
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def authenticate(self, token: str | None) -> Principal:
        """The verified principal. Raises Fault: `unauthenticated`, one text; `overloaded` where keys are away."""
        if token is None:
            raise Fault(Code.UNAUTHENTICATED, _TEXT)
        if len(token) > MAX_TOKEN_BYTES:
            raise _refused(f"the token has more than {MAX_TOKEN_BYTES} bytes")
        digest = sha256(token.encode("utf-8", "replace")).digest()
        known = self._verified.get(digest)
        if known is not None:
            if self._now_s() < known.until_s and known.keys.withdrawals == known.withdrawals:
                self._verified.move_to_end(digest)
                return known.principal
            del self._verified[digest]
        try:
            verified = await self._verify(token)
        except TokenRefused as refused:
            raise _refused(str(refused)) from None
        self._remember(digest, verified)
        return verified.principal

    async def _verify(self, token: str) -> "_Verified":
        """The principal, and for how long it may be remembered. Raises TokenRefused, or Fault `overloaded`."""
        parsed = parse_token(token)
        settings, cache = self._issuers.get(parsed.issuer, (None, None))
        if settings is None or cache is None:
            raise TokenRefused(f"iss {_shown(parsed.issuer)} is not configured")
        if parsed.algorithm not in settings.algorithms:
            raise TokenRefused(f"alg {_shown(parsed.algorithm)} is not one of {settings.known_as}'s")
        self._judged(parsed, settings)
        try:
            key = await cache.key(parsed.algorithm, parsed.kid)
        except NoSuchKey:
            kid = "no kid" if parsed.kid is None else f"kid {_shown(parsed.kid)}"
            raise TokenRefused(f"not exactly one key of {settings.known_as} fits {kid}") from None
        except KeysAway as away:
            raise Fault(
                Code.OVERLOADED,
                "the keys of the token's issuer are not here yet: it cannot be verified now",
                retry_after_s=away.retry_after_s,
            ) from None
        try:
            verified = _jws.decode_complete(token, key.public, algorithms=[parsed.algorithm])
        except (PyJWTError, ValueError) as error:
            raise TokenRefused(f"its signature does not fit the key ({type(error).__name__})") from None
        if verified["payload"] != parsed.payload:
            raise TokenRefused("what was signed is not what was read")
        principal, left_s = self._judged(parsed, settings)  # again: waiting for a key took time
        return _Verified(principal, self._now_s() + left_s, cache, cache.withdrawals)

    def _judged(self, parsed: ParsedToken, settings: IssuerSettings) -> tuple[Principal, float]:
        now_s = self._wall_s()
        principal, ends_s = judge(
            parsed,
            settings,
            now_s=now_s,
            leeway_s=self._settings.leeway_s,
            max_lifetime_s=self._settings.max_lifetime_s,
        )
        return principal, min(ends_s - now_s, _REMEMBERED_S)

    def _remember(self, digest: bytes, verified: "_Verified") -> None:
        """Only what passed is kept: a stranger's tokens take no room and push nobody out."""
        self._verified[digest] = verified
        if len(self._verified) > self._most:
            self._verified.popitem(last=False)


def _refused(reason: str) -> Fault:
    """One text for the producer, whatever was wrong; `reason` is for the door's log."""
    return Fault(Code.UNAUTHENTICATED, _TEXT, challenge=True, reason=reason)


def _shown(text: str) -> str:
    """A stranger's text for a log line: escaped to ASCII without CR, LF or ESC, cut at 64 characters."""
    return ascii(text[:64])
