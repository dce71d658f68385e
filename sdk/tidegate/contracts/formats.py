"""The rule keyword `format`: date, date-time, time, email, hostname, ipv4, ipv6, uri, uuid (contracts.md, "Rules").

Each is a predicate on a string. Checks of form only: nothing is resolved or looked up.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from datetime import time as clock
from types import MappingProxyType

from tidegate.contracts.times import instant_us

__all__ = ["EXAMPLES", "FORMATS", "is_date", "is_uuid"]

_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_time = re.compile(r"(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII).fullmatch
_label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_hostname = re.compile(rf"{_label}(?:\.{_label})*", re.ASCII).fullmatch
_local = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII).fullmatch
_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.ASCII | re.DOTALL).fullmatch
_uri_rest = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*", re.ASCII).fullmatch
_authority = re.compile(r"//(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#\[\]]*)(?::(\d*))?(?=[/?]|\Z)", re.ASCII).match

_MAX_HOSTNAME = 253
_MAX_LOCAL = 64


def is_date(text: str) -> bool:
    """RFC 3339 full-date that exists."""
    if _date(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_uuid(text: str) -> bool:
    """RFC 9562 text form, in any case."""
    return _uuid(text) is not None


def _is_date_time(text: str) -> bool:
    try:
        instant_us(text, len(text))  # RFC 3339 bounds no fraction
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    match = _time(text)
    if match is None:
        return False
    try:
        clock.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def _is_hostname(text: str) -> bool:
    return len(text) <= _MAX_HOSTNAME and _hostname(text) is not None


def _is_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(at) and len(local) <= _MAX_LOCAL and _local(local) is not None and _is_hostname(domain)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return text.isascii()


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return address.scope_id is None and text.isascii()


def _is_uri(text: str) -> bool:
    match = _scheme(text)
    if match is None:
        return False
    rest, hash_, fragment = match[2].partition("#")
    if _uri_rest(rest) is None or (hash_ and (_uri_rest(fragment) is None or set(fragment) & set("[]"))):
        return False
    if not rest.startswith("//"):
        return not set(rest) & set("[]")
    authority = _authority(rest)
    if authority is None:
        return False
    host = authority[1]
    if host.startswith("[") and not _is_ipv6(host[1:-1]):
        return False
    return not set(rest[authority.end() :]) & set("[]")


FORMATS: Mapping[str, Callable[[str], bool]] = MappingProxyType({
    "date": is_date,
    "date-time": _is_date_time,
    "time": _is_time,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "uri": _is_uri,
    "uuid": is_uuid,
})  # fmt: skip

EXAMPLES: Mapping[str, str] = MappingProxyType({
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "hostname": "shop.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "01920000-0000-7000-8000-000000000000",
})  # fmt: skip
"""One valid text of each format."""
