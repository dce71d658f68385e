"""Limits and waits as header fields: RateLimit, RateLimit-Policy and Retry-After. Pure.

The fields are draft-ietf-httpapi-ratelimit-headers, as structured fields (RFC 9651). Called by `problems`, and by what writes
answers: `rest.answers`, `restproxy`, `rpc.calls` and `rpc.status`.
"""

import math
from collections.abc import Sequence

from tidegate_gateway.intake.limits import Quota

__all__ = ["Fields", "rate_fields", "retry_after_s", "tightest"]

Fields = list[tuple[bytes, bytes]]


def tightest(quotas: Sequence[Quota], wait_s: float | None = None) -> Quota:
    """The limit that a producer meets first: of a refusal the one that asks for the wait, else the one most used."""
    if wait_s is not None:
        return min(quotas, key=lambda quota: abs(quota.reset_s - wait_s))
    return min(quotas, key=lambda quota: quota.remaining / quota.burst if quota.burst else 0.0)


def rate_fields(quotas: Sequence[Quota], wait_s: float | None = None) -> Fields:
    """The two fields: the tightest limit as it stands, and every limit's policy. Nothing where there is no limit."""
    if not quotas:
        return []
    now = tightest(quotas, wait_s)
    policy = ", ".join(_policy(quota) for quota in quotas)
    limit = f'"{now.name}";r={now.remaining};t={math.ceil(now.reset_s)}'
    return [(b"ratelimit", limit.encode("ascii")), (b"ratelimit-policy", policy.encode("ascii"))]


def retry_after_s(wait_s: float, jitter: float) -> int:
    """Whole seconds to wait: at least 1, never below `wait_s`, up to twice that by `jitter` of [0, 1).

    Without jitter all clients of one outage come back in the same second.
    """
    least = max(1, math.ceil(wait_s))
    return least + int(jitter * (least + 1))


def _policy(quota: Quota) -> str:
    unit = ';qu="content-bytes"' if quota.name.endswith("bytes") else ""
    return f'"{quota.name}";q={quota.burst};w={math.ceil(quota.window_s)}{unit}'
