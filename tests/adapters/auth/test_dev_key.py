"""The dev key: made once, readable by its owner alone, and good for tokens that the gateway takes."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.adapters.auth.signing import NOW_S, Clock

from tidegate_gateway.adapters.auth_settings import AuthSettings
from tidegate_gateway.adapters.dev_key import DEV_ISSUER, DevKeyRefused, dev_key_path, load_or_make, make
from tidegate_gateway.adapters.jwks import KeyCache
from tidegate_gateway.adapters.key_sources import MemorySource
from tidegate_gateway.adapters.keys import parse_key_set
from tidegate_gateway.adapters.tokens import TokenAuthenticator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tidegate" / "dev-key.pem"


def test_the_key_lives_under_the_state_folder() -> None:
    home = Path("/home/me")
    assert dev_key_path({"XDG_STATE_HOME": "/state"}, home) == Path("/state/tidegate/dev-key.pem")
    for environment in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "relative"}):
        assert dev_key_path(environment, home) == Path("/home/me/.local/state/tidegate/dev-key.pem")


def test_the_key_is_made_once_and_for_its_owner_alone(path: Path) -> None:
    made = load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["dev-key.pem"]
    assert load_or_make(path).kid == made.kid
    assert make().kid != made.kid


def test_processes_that_make_it_at_once_use_one_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kids = {key.kid for key in pool.map(load_or_make, [path] * 24)}
    assert len(kids) == 1
    assert [file.name for file in path.parent.iterdir()] == ["dev-key.pem"]


async def test_its_tokens_pass(path: Path) -> None:
    key = load_or_make(path)
    clock = Clock()
    cache = KeyCache("dev", MemorySource(key.jwks()), now_s=clock)
    authenticator = TokenAuthenticator(
        AuthSettings(issuers=(key.settings(),)), {DEV_ISSUER: cache}, wall_s=Clock(NOW_S), now_s=clock
    )
    token = key.mint(sub="me", scopes=["publish:*", "contracts:read"], roles=["writer"], ttl_s=60, now_s=NOW_S)
    principal = await authenticator.authenticate(token)
    assert (principal.issuer, principal.subject) == ("dev", "me")
    assert principal.scopes == {"publish:*", "contracts:read"}
    assert principal.roles == {"writer"}
    assert principal.covers("anything")


def test_the_key_set_holds_the_public_half_only(path: Path) -> None:
    key = load_or_make(path)
    assert b'"d"' not in key.jwks()
    assert [found.kid for found in parse_key_set(key.jwks()).keys] == [key.kid]


@pytest.mark.parametrize(
    ("sub", "scopes", "ttl_s", "says"),
    [
        ("", ["a"], 60.0, "subject"),
        ("me", [""], 60.0, "scope"),
        ("me", ["a b"], 60.0, "scope"),
        ("me", ["a"], 0.0, "at least 1 s"),
        ("me", ["a"], float("nan"), "at least 1 s"),
    ],
)
def test_a_token_that_could_not_pass_is_not_made(sub: str, scopes: list[str], ttl_s: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make().mint(sub=sub, scopes=scopes, ttl_s=ttl_s, now_s=NOW_S)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_that_others_can_touch_is_refused(path: Path, mode: int) -> None:
    load_or_make(path)
    path.chmod(mode)
    with pytest.raises(DevKeyRefused, match="by others"):
        load_or_make(path)


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_folder_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    load_or_make(path)
    path.parent.chmod(mode)
    with pytest.raises(DevKeyRefused, match="chmod 700"):
        load_or_make(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "key.pem"
    load_or_make(elsewhere)
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(elsewhere)
    with pytest.raises(DevKeyRefused, match="cannot be read"):
        load_or_make(path)


def test_a_folder_in_the_key_s_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    with pytest.raises(DevKeyRefused):
        load_or_make(path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no key",
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_a_file_that_holds_no_such_key_is_refused(path: Path, text: bytes) -> None:
    load_or_make(path)
    path.write_bytes(text)
    with pytest.raises(DevKeyRefused, match="remove it"):
        load_or_make(path)
