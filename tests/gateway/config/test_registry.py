"""`contracts.registry_*`: where the ids of another registry come from, and every combination that means nothing."""

from pathlib import Path

import pytest

from tidegate_gateway.config.plan import plan_of
from tidegate_gateway.config.read import ConfigError, resolve

BASE = """
[kafka]
bootstrap_servers = "127.0.0.1:9092"
[[auth.issuers]]
issuer = "https://issuer.example.com"
jwks_url = "https://issuer.example.com/keys"
[contracts]
"""
URL = 'registry_url = "https://registry.example.com"\n'


def settings(tmp_path: Path, text: str):
    file = tmp_path / "tidegate.toml"
    file.write_text(BASE + text, "utf-8")
    return plan_of(resolve(file, {})).registry


def test_none_is_named(tmp_path) -> None:
    assert settings(tmp_path, "") is None


def test_a_password_out_of_a_file(tmp_path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    found = settings(tmp_path, URL + f'registry_username = "me"\nregistry_password_file = "{tmp_path}/password"\n')
    assert (found.url, found.username, found.password) == ("https://registry.example.com", "me", "s3cret")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('registry_url = "registry:8081"', "is no http or https URL"),
        ('registry_url = "https://me:secret@registry.example.com"', "holds a user"),
        ('registry_username = "me"', "contracts.registry_url is not"),
        (URL + 'registry_password = "x"', "without registry_username"),
        (URL + 'registry_username = "me"\nregistry_password_file = "/does/not/exist"', "cannot be read"),
    ],
)
def test_what_means_nothing(tmp_path, text, told) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(tmp_path, text)
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)
