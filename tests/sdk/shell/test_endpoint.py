"""The gateway's URL and the settings of a client: what is taken, what is refused and how."""

from pathlib import Path

import pytest

from tidegate.client import Client
from tidegate.settings import ClientSettings
from tidegate.shell.bundle_files import BundleFiles
from tidegate.shell.endpoint import endpoint_of
from tidegate.transport.port import Bundle


@pytest.mark.parametrize(
    ("url", "target", "grpc", "secure"),
    [
        ("https://gate.example.com/", "gate.example.com:443", False, True),
        ("http://localhost:8080/behind/a/proxy/", "localhost:8080", False, False),
        ("grpcs://gate.example.com", "gate.example.com:443", True, True),
        ("grpc://[::1]:8081", "[::1]:8081", True, False),
    ],
)
def test_the_scheme_says_transport_and_security(url: str, target: str, grpc: bool, secure: bool) -> None:
    endpoint = endpoint_of(url)
    assert (endpoint.target, endpoint.grpc, endpoint.secure) == (target, grpc, secure)
    assert not endpoint.url.endswith("/")
    assert endpoint.docs_url == ("" if grpc else endpoint.url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("gate.example.com", "begins with"),
        ("ftp://gate.example.com", "begins with"),
        ("https://", "names a host"),
        ("https://user:secret@gate.example.com", "credentials"),
        ("https://gate.example.com/?a=b", "no query"),
        ("grpc://gate.example.com/path", "no path"),
    ],
)
def test_what_names_no_gateway_is_refused_before_anything_is_sent(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        Client(url)
    assert "secret" not in str(caught.value)


def test_every_wrong_setting_is_named_with_its_bounds() -> None:
    with pytest.raises(ValueError, match="batch_events is 0") as caught:
        Client("https://gate.example.com", settings=ClientSettings(batch_events=0, lanes=99, when_full="explode"))  # type: ignore[arg-type]  # what a user may write
    assert "lanes is 99, from 1 to 64" in str(caught.value)
    assert "when_full is 'explode', one of block, raise, drop_oldest" in str(caught.value)
    assert ClientSettings().validate() == []


def test_grpc_cannot_leave_certificates_unverified() -> None:
    with pytest.raises(ValueError, match="gRPC verifies always"):
        Client("grpcs://gate.example.com", settings=ClientSettings(verify=False))


def test_bundles_on_disk_are_a_cache_and_every_fault_is_not_there(tmp_path: Path) -> None:
    files = BundleFiles(tmp_path / "cache", "https://a.example.com")
    assert files.read("t") is None
    files.write("t", Bundle(body=b"{}\n{}", etag='"1"'))
    assert files.read("t") == Bundle(body=b"{}\n{}", etag='"1"')
    assert BundleFiles(tmp_path / "cache", "https://b.example.com").read("t") is None, "gateways never meet"
    (file,) = (tmp_path / "cache").rglob("*.bundle")
    file.write_bytes(b"\xff\xfe garbage")
    assert files.read("t") is None
    files.write("../../evil", Bundle(body=b"{}", etag='"1"'))
    assert {path.parent.parent for path in tmp_path.rglob("*.bundle")} == {tmp_path / "cache"}
    (tmp_path / "a file").write_text("in the way", "ascii")
    BundleFiles(tmp_path / "a file", "https://a.example.com").write("t", Bundle(body=b"{}", etag='"1"'))
