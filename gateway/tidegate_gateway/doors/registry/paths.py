"""A raw path below /registry to its segments, as stock clients write them. Called by `door`.

Doubled slashes count once (base URLs end with one, paths begin with one); `%2F` in a subject is no slash of the path; a
subject may come with the default context's prefix.
"""

from urllib.parse import parse_qsl, unquote_to_bytes

__all__ = ["PREFIX", "is_below", "query_of", "segments_of", "subject_name"]

PREFIX = b"/registry"
_DEFAULT_CONTEXT = ":.:"


def is_below(raw: bytes) -> bool:
    """Whether a raw path is the registry's."""
    return raw.startswith(PREFIX) and raw[len(PREFIX) : len(PREFIX) + 1] in {b"", b"/"}


def segments_of(raw: bytes) -> tuple[str, ...]:
    """The segments after /registry, each decoded once; what is no UTF-8 becomes what no name has."""
    parts = raw[len(PREFIX) :].split(b"/")
    return tuple(unquote_to_bytes(part).decode("utf-8", "replace") for part in parts if part)


def query_of(raw: bytes) -> dict[str, str]:
    """The query's parameters, names in lower case; of those that stand twice the last. Which are known is the reader's."""
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
    return {name.lower(): value for name, value in pairs}


def subject_name(segment: str) -> str:
    """The subject without the prefix of the default context."""
    return segment.removeprefix(_DEFAULT_CONTEXT)
