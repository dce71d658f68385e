"""The cache of one issuer's keys: when to read them again, who waits for it, and how long an issuer may be away.

Called by the token adapter for tokens that are not in its cache. PyJWT's own client blocks, has no bound and reads again
on every request once its issuer is down; this one:

- reads in the background at `soft_ttl_s`; keys pass until `hard_ttl_s` while their issuer is away (stale if error);
- an unknown `kid` causes one read that it waits for (a rotation causes no 401), at most one in `hold_off_s`;
- has one read under way at a time, bounded by `read_timeout_s`.

How a set is read is `key_sources`', what a key is `keys`'.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from random import random
from time import monotonic

from tidegate_gateway.adapters.key_sources import KeySource, KeysUnread
from tidegate_gateway.adapters.keys import KeySet, KeySetRefused, VerificationKey, parse_key_set

__all__ = ["KeyCache", "KeyStatus", "KeyTimes", "KeysAway", "NoSuchKey"]

_log = logging.getLogger("tidegate.auth")


class KeysAway(Exception):
    """There are no keys of this issuer now: never read, or older than `hard_ttl_s`. `retry_after_s`: the next read."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class NoSuchKey(Exception):
    """The issuer's keys are here, and not exactly one of them fits the token's header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTimes:
    """The cache's bounds in seconds. `wait_s` is how long a token waits for a read under way."""

    soft_ttl_s: float = 300.0
    hard_ttl_s: float = 86_400.0
    hold_off_s: float = 30.0
    read_timeout_s: float = 5.0
    wait_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """What readyz says of one issuer's keys: `issuer` is its name, `ok` whether tokens can be verified."""

    issuer: str
    ok: bool
    detail: str


class KeyCache:
    """One issuer's keys. One event loop owns it; `now_s` is any monotonic clock."""

    def __init__(
        self,
        name: str,
        source: KeySource,
        *,
        times: KeyTimes | None = None,
        now_s: Callable[[], float] = monotonic,
        spread: Callable[[], float] = random,
    ) -> None:
        self.withdrawals = 0
        """How often a read found that a key was gone: what was verified before may be so no more."""
        self._name = name
        self._source = source
        self._times = times or KeyTimes()
        self._now_s = now_s
        self._spread = spread
        self._keys: KeySet | None = None
        self._read_at_s = 0.0
        self._tried_at_s = -inf
        self._asked_at_s = -inf
        self._due_at_s = now_s()
        self._failure = ""
        self._reading: asyncio.Task[None] | None = None

    async def key(self, algorithm: str, kid: str | None) -> VerificationKey:
        """The one key that a token with this header must be signed with.

        Without `kid`, exactly one key must fit. Raises NoSuchKey or KeysAway, after one read where that may help.
        """
        for _ in range(2):  # a read that was under way when the token came may have missed its key: one more
            keys = self._current()
            fitting = keys.fitting(algorithm, kid) if keys is not None else ()
            if len(fitting) == 1:
                return fitting[0]
            if fitting or not await self._read_for_a_token():
                break
        keys = self._current()
        if keys is None:
            raise KeysAway(max(1.0, self.due_in_s()))
        fitting = keys.fitting(algorithm, kid)
        if len(fitting) == 1:
            return fitting[0]
        raise NoSuchKey

    async def refresh(self) -> None:
        """Read the set now (start, soft TTL, SIGHUP), after a read under way. Raises nothing: see `status`."""
        if self._reading is not None and not self._reading.done():
            await asyncio.wait({self._reading})
        await asyncio.wait({self._read()})

    async def keep_fresh(self) -> None:
        """Read whenever a read is due, for ever; cancel to stop."""
        while True:
            await asyncio.sleep(self.due_in_s())
            if self.due_in_s() <= 0:
                await self.refresh()

    def due_in_s(self) -> float:
        """Seconds until the next read in the background."""
        return max(0.0, self._due_at_s - self._now_s())

    def status(self) -> KeyStatus:
        """Whether tokens of this issuer can be verified now, and why not. Never waits."""
        keys = self._current()
        why = f"; the last read failed: {self._failure}" if self._failure else ""
        if keys is None:
            state = "no keys yet" if self._keys is None else "the keys are too old to be trusted"
            return KeyStatus(issuer=self._name, ok=False, detail=state + why)
        age_s = self._now_s() - self._read_at_s
        left_out = f", {len(keys.ignored)} left out" if keys.ignored else ""
        return KeyStatus(
            issuer=self._name, ok=True, detail=f"{len(keys.keys)} keys{left_out}, read {age_s:.0f} s ago{why}"
        )

    async def aclose(self) -> None:
        """Stop a read under way and close the source."""
        if self._reading is not None and not self._reading.done():
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._source.aclose()

    def _current(self) -> KeySet | None:
        """The keys, unless they are too old to be trusted."""
        if self._keys is None or self._now_s() - self._read_at_s >= self._times.hard_ttl_s:
            return None
        return self._keys

    async def _read_for_a_token(self) -> bool:
        """Wait, a short while, for a read under way or for one of our own; False where neither is to be had."""
        reading = self._reading
        if reading is None or reading.done():
            if not self._may_read():
                return False
            if self._current() is not None:  # the very first read is nobody's rotation
                self._asked_at_s = self._now_s()
            reading = self._read()
        await asyncio.wait({reading}, timeout=self._times.wait_s)
        return True

    def _may_read(self) -> bool:
        """Strangers choose the kid: they get one read in `hold_off_s`, and none so soon after a failure.

        A read in the background that succeeded does not count: the key may have been rotated right after it.
        """
        held_off_since_s = self._now_s() - self._times.hold_off_s
        if self._asked_at_s > held_off_since_s:
            return False
        return not self._failure or self._tried_at_s <= held_off_since_s

    def _read(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._tried_at_s = self._now_s()
            self._due_at_s = self._tried_at_s + self._times.hold_off_s
            self._reading = asyncio.create_task(self._read_once(), name=f"keys of {self._name}")
        return self._reading

    async def _read_once(self) -> None:
        try:
            async with asyncio.timeout(self._times.read_timeout_s):
                body = await self._source.read()
                keys = await asyncio.to_thread(parse_key_set, body)
        except TimeoutError:
            self._failed(f"no whole answer within {self._times.read_timeout_s:g} s")
        except (KeysUnread, KeySetRefused) as error:
            self._failed(str(error))
        except Exception as error:  # whatever a foreign server provokes, the next read must still happen
            self._failed(type(error).__name__)
        else:
            self._succeeded(keys)

    def _succeeded(self, keys: KeySet) -> None:
        if keys.ignored and (self._keys is None or keys.ignored != self._keys.ignored):
            _log.warning(
                "%d keys of the issuer %s are left out: %s", len(keys.ignored), self._name, "; ".join(keys.ignored[:5])
            )
        if self._keys is not None and not self._keys.within(keys):
            self.withdrawals += 1
        self._keys = keys
        self._read_at_s = self._now_s()
        self._failure = ""
        # Earlier by up to a tenth, so that many gateways do not ask at the same moment.
        self._due_at_s = self._read_at_s + self._times.soft_ttl_s * (1.0 - 0.1 * self._spread())

    def _failed(self, reason: str) -> None:
        self._failure = reason
        _log.warning("the keys of the issuer %s could not be read: %s", self._name, reason)
