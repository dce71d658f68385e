"""What a head must be: one host, one framing, a path."""

import pytest

from tidegate_gateway.edge.framing import check_head, head_bytes, unreadable

HOST = (b"host", b"gate")
CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("target", "version", "watched"),
    [
        (b"/", "1.1", [HOST]),
        (b"//x?y=1", "1.1", [(b"host", b"")]),
        (b"/docs", "1.0", []),
        (b"/docs", "1.1", [(b"host", b"[::1]:8080")]),
        (b"/docs", "1.1", [(b"host", b"gate.example.com:443"), CHUNKED]),
        (b"/docs", "1.1", [HOST, (b"transfer-encoding", b"Chunked")]),
    ],
)
def test_good_heads(target: bytes, version: str, watched: list[tuple[bytes, bytes]]) -> None:
    assert check_head(target, version, watched) is None


@pytest.mark.parametrize(
    ("target", "version", "watched", "says"),
    [
        (b"/", "2.0", [HOST], "HTTP/1.1 is spoken"),
        (b"/", "0.9", [HOST], "HTTP/1.1 is spoken"),
        (b"http://gate/", "1.1", [HOST], "no proxy"),
        (b"*", "1.1", [HOST], "no proxy"),
        (b"/#x", "1.1", [HOST], "fragment"),
        (b"/", "1.1", [], "exactly one Host"),
        (b"/", "1.1", [HOST, HOST], "exactly one Host"),
        (b"/", "1.0", [HOST, HOST], "exactly one Host"),
        (b"/", "1.1", [(b"host", b"a b")], "no host"),
        (b"/", "1.1", [(b"host", b"gate:123456")], "no host"),
        (b"/", "1.1", [HOST, CHUNKED, CHUNKED], "chunked, once"),
        (b"/", "1.1", [HOST, (b"transfer-encoding", b"gzip, chunked")], "chunked, once"),
        (b"/", "1.0", [HOST, CHUNKED], "chunked, once"),
    ],
)
def test_bad_heads(target: bytes, version: str, watched: list[tuple[bytes, bytes]], says: str) -> None:
    fault = check_head(target, version, watched)
    assert fault is not None
    assert says in fault.detail


def test_a_head_counts_what_it_took_on_the_wire() -> None:
    assert head_bytes(b"/docs", [(b"host", b"gate"), (b"x", b"")]) == len("/docshost: gate\r\nx: \r\n")


def test_what_only_the_parsers_author_understands_is_said_in_words() -> None:
    assert "HTTP/2 is not spoken" in unreadable("Pause on PRI/Upgrade").detail
    assert unreadable("Invalid method encountered").detail.endswith(": Invalid method encountered")
