"""Who sends, as trusted proxies say, and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_gateway.edge.proxies import Origin, is_trusted, networks, origin_of

TRUSTED = networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])


def of(*headers: tuple[str, str]) -> Origin:
    return origin_of([(name.encode(), value.encode("latin-1")) for name, value in headers], TRUSTED)


@pytest.mark.parametrize(
    ("headers", "client", "scheme"),
    [
        ([], "", ""),
        ([("x-forwarded-for", "203.0.113.9")], "203.0.113.9", ""),
        ([("x-forwarded-for", "1.2.3.4, 203.0.113.9")], "203.0.113.9", ""),
        ([("x-forwarded-for", "203.0.113.9, 10.1.1.1")], "203.0.113.9", ""),
        ([("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.1.1.1, 192.0.2.7")], "203.0.113.9", ""),
        ([("x-forwarded-for", "10.2.2.2, 10.1.1.1")], "10.2.2.2", ""),
        ([("x-forwarded-for", "203.0.113.9, evil")], "", ""),
        ([("x-forwarded-for", "evil, 203.0.113.9")], "203.0.113.9", ""),
        ([("x-forwarded-for", "203.0.113.9:1234"), ("x-forwarded-proto", "https")], "203.0.113.9", "https"),
        ([("x-forwarded-for", "[2001:db9::1]:443"), ("x-forwarded-proto", "ftp")], "2001:db9::1", ""),
        ([("x-forwarded-for", "::ffff:203.0.113.9")], "203.0.113.9", ""),
        ([("forwarded", 'for="[2001:db9::1]:4711";proto=https')], "2001:db9::1", "https"),
        ([("forwarded", "for=1.2.3.4, for=203.0.113.9;proto=http;by=10.0.0.1")], "203.0.113.9", "http"),
        ([("forwarded", "for=203.0.113.9;proto=https, for=10.0.0.2")], "203.0.113.9", "https"),
        ([("forwarded", "for=unknown")], "", ""),
        ([("forwarded", "for=203.0.113.9, nonsense")], "", ""),
        ([("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "1.2.3.4")], "203.0.113.9", ""),
    ],
)
def test_the_nearest_stranger_is_the_client(headers: list[tuple[str, str]], client: str, scheme: str) -> None:
    assert of(*headers) == Origin(client=client, scheme=scheme)


@given(
    st.sampled_from(["forwarded", "x-forwarded-for", "x-forwarded-proto"]), st.text(st.characters(max_codepoint=255))
)
def test_no_text_breaks_it(name: str, text: str) -> None:
    origin = of((name, text))
    assert origin.scheme in {"", "http", "https"}
    assert not origin.client or is_trusted(origin.client, networks(["0.0.0.0/0", "::/0"]))


def test_who_is_trusted() -> None:
    assert is_trusted("10.255.0.1", TRUSTED)
    assert is_trusted("::ffff:10.0.0.1", TRUSTED)
    assert not is_trusted("192.0.2.8", TRUSTED)
    assert not is_trusted("", TRUSTED)


@pytest.mark.parametrize("text", ["", "gate", "10.0.0.0/33", "10.0.0.1/8", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no address and no CIDR range"):
        networks([text])
