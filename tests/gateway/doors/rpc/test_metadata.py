"""A call's metadata: what counts as a token, and as a trace; who a certificate and an address name."""

import pytest

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
