"""A call's metadata: what counts as a token, and as a trace; who a certificate and an address name."""

import pytest

from tidegate_gateway.doors.rpc.calls import certificate_name, client_address
from tidegate_gateway.doors.rpc.metadata import Head, read_head

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("metadata", "token"),
    [
        ((), None),
        ((("authorization", "Bearer a.b.c"),), "a.b.c"),
        ((("authorization", "bearer  a.b.c "),), "a.b.c"),
        ((("authorization", "Basic eDp5"),), None),
        ((("authorization", "Bearer a"), ("authorization", "Bearer a")), ""),
        ((("authorization", "Bearer " + "x" * 9000),), ""),
        ((("authorization", b"Bearer a"),), None),
    ],
)
def test_tokens(metadata: tuple[tuple[str, str | bytes], ...], token: str | None) -> None:
    assert read_head(metadata).token == token


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(TRACE, TRACE), (TRACE.upper(), ""), ("ff" + TRACE[2:], ""), ("", ""), (TRACE + "\n", "")],
)
def test_traces(sent: str, kept: str) -> None:
    assert read_head((("traceparent", sent), ("x", b"y"))) == Head(traceparent=kept)


@pytest.mark.parametrize(
    ("peer", "address"),
    [("ipv4:127.0.0.1:4711", "127.0.0.1"), ("ipv6:%5B::1%5D:4711", "::1"), ("unix:/x", ""), ("", "")],
)
def test_addresses(peer: str, address: str) -> None:
    assert client_address(peer) == address


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ({}, None),
        ({"transport_security_type": [b"ssl"]}, None),
        ({"transport_security_type": [b"ssl"], "peer_dns": [b"a.example.com", b"b"]}, "a.example.com"),
        ({"transport_security_type": [b"ssl"], "peer_dns": [b"a"], "peer_uri": [b"spiffe://x/y"]}, "spiffe://x/y"),
        ({"peer_uri": [b"spiffe://x/y"]}, None),
    ],
)
def test_certificates(context: dict[str, list[bytes]], name: str | None) -> None:
    assert certificate_name(context) == name
