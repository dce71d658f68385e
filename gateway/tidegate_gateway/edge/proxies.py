"""Who sends, where trusted proxies stand between: Forwarded (RFC 7239), else X-Forwarded-For and X-Forwarded-Proto.

Pure; called by `protocol`, only for peers that `http.trusted_proxies` names. Anybody may write these headers, so they are
read from the right (the nearest proxy's words come last) and only as far as trusted proxies speak.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Network", "Origin", "is_trusted", "networks", "origin_of"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SCHEMES = frozenset({"http", "https"})
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s",;=]*))\s*').fullmatch
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the proxies say: the client's address, and the scheme it used; empty where they do not."""

    client: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class _Hop:
    """One proxy's words: whom it heard from, and how."""

    client: str
    scheme: str


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges. Raises ValueError that quotes the first that is neither."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ValueError(f"{text!r} is no address and no CIDR range (like 10.0.0.0/8)") from None
    return tuple(found)


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Whether the address is one of the trusted proxies'."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def origin_of(headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> Origin:
    """Who sent the request that a trusted peer passed on. The nearest word that cannot be read ends the search."""
    forwarded, addresses, schemes = [], [], []
    for name, value in headers:
        if name == b"forwarded":
            forwarded += value.decode("latin-1").split(",")
        elif name == b"x-forwarded-for":
            addresses += value.decode("latin-1").split(",")
        elif name == b"x-forwarded-proto":
            schemes += value.decode("latin-1").split(",")
    if forwarded:
        return _nearest_stranger([_hop(element) for element in forwarded], trusted)
    origin = _nearest_stranger([_Hop(address.strip(), "") for address in addresses], trusted)
    scheme = schemes[-1].strip().lower() if schemes else ""
    return Origin(client=origin.client, scheme=scheme if scheme in _SCHEMES else "")


def _nearest_stranger(hops: Sequence[_Hop], trusted: Sequence[Network]) -> Origin:
    """From the right, past trusted proxies, to the first who is none: the client."""
    client = scheme = ""
    for hop in reversed(hops):
        address = _bare(hop.client)
        if not address:
            break
        client, scheme = address, hop.scheme or scheme
        if not is_trusted(address, trusted):
            break
    return Origin(client=client, scheme=scheme)


def _hop(element: str) -> _Hop:
    """One element of Forwarded: `for=192.0.2.60;proto=https`; empty where it is not one."""
    pairs: dict[str, str] = {}
    for part in element.split(";"):
        pair = _PAIR(part)
        if pair is None:
            return _Hop("", "")
        pairs[pair[1].lower()] = pair[2] if pair[2] is not None else pair[3]
    scheme = pairs.get("proto", "").lower()
    return _Hop(pairs.get("for", ""), scheme if scheme in _SCHEMES else "")


def _bare(text: str) -> str:
    """The address in canonical form, without brackets and port; empty for what is none (`unknown`, `_hidden`, a name)."""
    with_port = _WITH_PORT(text)
    parsed = _parsed((with_port[1] or with_port[2]) if with_port is not None else text)
    return str(parsed) if parsed is not None else ""


def _parsed(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
