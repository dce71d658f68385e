"""`[kafka]` in the file and the environment: logins and TLS, secrets from files, everything wrong at its own place."""

import argparse
import json
from pathlib import Path

import pytest
import trustme

from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.commands.check_config import check_config
from tidegate_gateway.config.kafka import kafka_settings
from tidegate_gateway.config.read import Problem, resolve

SCRAM = (
    "[kafka]\nbootstrap_servers = 'k:9092'\nsecurity_protocol = 'SASL_PLAINTEXT'\nsasl_mechanism = 'SCRAM-SHA-256'\n"
)


def settings(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None
) -> tuple[KafkaSettings | None, list[str]]:
    file = tmp_path / "tidegate.toml"
    file.write_text(text, "utf-8")
    problems: list[Problem] = []
    found = kafka_settings(resolve(file, environ or {}), problems)
    return found, [str(problem).replace(f"{tmp_path}/", "") for problem in problems]


def test_a_login_with_its_password_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame \n", "utf-8")
    text = SCRAM + f"sasl_username = 'gate'\nsasl_password_file = '{tmp_path}/password'\ncreate_topics = true\n"
    found, problems = settings(tmp_path, text)
    assert problems == []
    assert found is not None
    assert (found.security.sasl_username, found.security.sasl_password) == ("gate", "open sesame ")
    assert found.create_topics


def test_mutual_tls_from_the_environment(tmp_path: Path) -> None:
    ca = trustme.CA()
    issued = ca.issue_cert("client.example.com")
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    environ = {
        "TIDEGATE_KAFKA_BOOTSTRAP_SERVERS": "k:9093",
        "TIDEGATE_KAFKA_SECURITY_PROTOCOL": "SSL",
        "TIDEGATE_KAFKA_SSL_CA": str(tmp_path / "ca.pem"),
        "TIDEGATE_KAFKA_SSL_CERT": str(tmp_path / "me.pem"),
        "TIDEGATE_KAFKA_SSL_KEY": str(tmp_path / "me.pem"),
    }
    found, problems = settings(tmp_path, "", environ)
    assert problems == []
    assert found is not None
    assert found.security.ssl_cert.endswith("me.pem")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (SCRAM + "sasl_username = 'gate'\n", ["tidegate.toml:3: kafka.sasl_password is missing: give it, or sasl_password_file, as security_protocol is SASL_PLAINTEXT"]),
        ("[kafka]\nbootstrap_servers = 'k:1'\nsasl_password = 'x'\n", ["tidegate.toml:3: kafka.sasl_password is given, and security_protocol PLAINTEXT has no login: set SASL_SSL or SASL_PLAINTEXT"]),
        ("[kafka]\nbootstrap_servers = 'k:1'\nssl_ca = 'x'\n", ["tidegate.toml:3: kafka.ssl_ca is given, and security_protocol PLAINTEXT has no TLS: set SSL"]),
        ("[kafka]\nbootstrap_servers = 'k:1'\nsecurity_protocol = 'SSL'\nssl_cert = 'c.pem'\n", ["tidegate.toml:4: kafka.ssl_key is missing: the key of ssl_cert (it may be the same file)"]),
        ("[kafka]\nbootstrap_servers = 'k:1'\nsecurity_protocol = 'SSL'\nssl_ca = 'nowhere.pem'\n", ["tidegate.toml:4: kafka.ssl_ca nowhere.pem cannot be read: No such file or directory"]),
        (SCRAM + "sasl_username = 'g'\nsasl_password = 'x'\nsasl_password_file = 'y'\n", ["tidegate.toml:7: kafka.sasl_password and kafka.sasl_password_file exclude each other"]),
        (SCRAM + "sasl_username = 'g'\nsasl_password_file = 'nowhere'\n", ["tidegate.toml:6: kafka.sasl_password_file: nowhere cannot be read: No such file or directory"]),
        ("[kafka]\nembedded = true\nsasl_username = 'x'\n", ["tidegate.toml:2: kafka.embedded and kafka.sasl_username exclude each other"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_option_and_line(tmp_path: Path, text: str, wrong: list[str]) -> None:
    assert settings(tmp_path, text)[1] == wrong


@pytest.mark.parametrize(("content", "why"), [(b"\n", "is empty"), (b"\xff", "is not UTF-8")])
def test_a_password_file_that_holds_none(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "password").write_bytes(content)
    text = SCRAM + f"sasl_username = 'g'\nsasl_password_file = '{tmp_path}/password'\n"
    assert settings(tmp_path, text)[1] == [f"tidegate.toml:6: kafka.sasl_password_file: password {why}"]


@pytest.mark.parametrize("as_json", [True, False])
def test_check_config_prints_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "keys.json").write_text("{}", "utf-8")
    file = tmp_path / "tidegate.toml"
    file.write_text(
        SCRAM + "sasl_username = 'gate'\nsasl_password = 'sesame'\n"
        f"[contracts]\ndir = '{tmp_path}'\n[[auth.issuers]]\nissuer = 'a'\njwks_file = '{tmp_path}/keys.json'\n",
        "utf-8",
    )
    for name in ("TIDEGATE_KAFKA_SASL_PASSWORD", "TIDEGATE_KAFKA_EMBEDDED"):
        monkeypatch.delenv(name, raising=False)
    assert check_config(argparse.Namespace(config=file, json=as_json)) == 0
    printed = capsys.readouterr().out
    assert "sesame" not in printed
    assert "(a secret)" in printed
    if as_json:
        options = json.loads(printed)["options"]
        assert options["kafka.sasl_password"] == {"value": "(a secret)", "from": f"{file}:6"}
        assert options["kafka.ssl_key_password"]["value"] is None


@pytest.mark.parametrize(
    ("limits", "buffer_bytes"),
    [("", 2 * 67_108_864), ("[limits]\nin_flight_bytes = 1000000", 2_000_000), ("[limits]\nin_flight_bytes = 68719476736", 2**34)],
)  # fmt: skip
def test_what_waits_for_kafka_has_twice_the_memory_of_requests(tmp_path: Path, limits: str, buffer_bytes: int) -> None:
    """Else raising `limits.in_flight_bytes` would end at a bound that no option names."""
    found, problems = settings(tmp_path, f"[kafka]\nbootstrap_servers = 'k:9092'\n{limits}\n")
    assert problems == []
    assert found is not None
    assert found.buffer_bytes == buffer_bytes
    assert found.validate() == ()


def test_the_publishers_default_is_that_of_the_options(tmp_path: Path) -> None:
    found, _ = settings(tmp_path, "[kafka]\nbootstrap_servers = 'k:9092'\n")
    assert found is not None
    assert found.buffer_bytes == KafkaSettings(bootstrap_servers="k:9092").buffer_bytes
