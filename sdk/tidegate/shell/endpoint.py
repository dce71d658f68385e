"""The gateway's URL, checked once. Called by both shells."""

from urllib.parse import urlsplit

__all__ = ["endpoint_of"]


def endpoint_of(url: str) -> str:
    """The URL as requests begin with it, without a slash at its end. Raises `ValueError` for what names no gateway."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the gateway's URL begins with https:// (or http://) and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong into the gateway's URL; give a token")
    if parts.query or parts.fragment:
        raise ValueError("the gateway's URL ends with its host or path: no query, no fragment")
    return url.rstrip("/")
