"""tidegate.toml and the environment resolved; everything wrong is said at once, with its place."""

import json
from pathlib import Path

import pytest

from tidegate_gateway.config.options import LATER, OPTIONS
from tidegate_gateway.config.plan import missing_files, plan_of
from tidegate_gateway.config.read import ConfigError, default_file, resolve

SOUND = """
[contracts]
dir = "contracts-here"
base_url = "https://gate.example.com/"

[kafka]
bootstrap_servers = "k1:9092,k2:9092"
compression = "zstd"

[limits]
events_per_s = 100

[[auth.issuers]]
issuer = "https://login.example.com/"
name = "coffeeco"
jwks_url = "https://login.example.com/jwks.json"

[[auth.issuers]]
issuer = "other"
name = "other"
jwks_file = "keys.json"
audiences = ["gate"]
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "tidegate.toml"
        file.write_text(text, "utf-8")
        return file

    return write


def problems(file: Path | None, environ: dict[str, str] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        plan_of(resolve(file, environ or {}))
    return [(problem.where.rpartition("/")[2], problem.detail) for problem in caught.value.problems]


def test_a_sound_file(written) -> None:
    file = written(SOUND)
    resolved = resolve(file, {})
    plan = plan_of(resolved)
    assert plan.contracts_dir == Path("contracts-here")
    assert plan.base_url == "https://gate.example.com"
    assert plan.kafka is not None
    assert (plan.kafka.bootstrap_servers, plan.kafka.compression) == ("k1:9092,k2:9092", "zstd")
    assert plan.intake.limits is not None
    assert (plan.intake.limits.events_per_second, plan.intake.limits.bytes_per_second) == (100.0, None)
    assert [issuer.known_as for issuer in plan.auth.issuers] == ["coffeeco", "other"]
    assert plan.auth.issuers[1].audiences == ("gate",)
    assert resolved.settings["kafka.compression"].origin == f"{file}:8"
    assert resolved.settings["http.port"].origin == "default"


def test_the_environment_wins(written) -> None:
    environ = {
        "TIDEGATE_HTTP_PORT": "0",
        "TIDEGATE_CONTRACTS_PUBLIC": "true",
        "TIDEGATE_KAFKA_LINGER_MS": "0.5",
        "PATH": "x",
    }
    resolved = resolve(written(SOUND + "\n[http]\nport = 99\n"), environ)
    plan = plan_of(resolved)
    assert (plan.http.port, plan.public) == (0, True)
    assert plan.kafka is not None
    assert plan.kafka.linger_ms == 0.5
    assert resolved.settings["http.port"].origin == "TIDEGATE_HTTP_PORT"


def test_the_environment_alone() -> None:
    issuers = [{"issuer": "i", "name": "n", "jwks_file": "f", "require_at_jwt": True}]
    plan = plan_of(
        resolve(
            None,
            {
                "TIDEGATE_AUTH_ISSUERS": json.dumps(issuers),
                "TIDEGATE_KAFKA_EMBEDDED": "1",
                "TIDEGATE_SERVER_READY_WITHOUT_KAFKA": "true",
            },
        )
    )
    assert plan.kafka is None
    assert plan.ready_without_kafka
    assert plan.auth.issuers[0].require_at_jwt


def test_everything_wrong_is_said_at_once_with_its_line(written) -> None:
    file = written(
        "[http]\nport = 70000\nhots = 'x'\n[kafka]\nbootstrap_servers = 3\ncompression = 'zst'\n"
        "[redis]\nurl = 'x'\n[server]\ndrain_s = -1\n[servre]\n[[auth.issuers]]\nissuer = 'a'\njwks = 'b'\n[[auth.issuers]]\naudience = 'c'\n"
    )
    assert problems(file) == [
        ("tidegate.toml:2", "http.port must be at most 65535"),
        ("tidegate.toml:3", 'http.hots is no option, did you mean "host"?'),
        ("tidegate.toml:5", "kafka.bootstrap_servers must be a string"),
        ("tidegate.toml:6", 'kafka.compression must be one of none, gzip, snappy, lz4, zstd, did you mean "zstd"?'),
        ("tidegate.toml:7", "redis is not served by this build yet"),
        ("tidegate.toml:10", "server.drain_s must be 0 or more"),
        ("tidegate.toml:11", 'servre is no option, did you mean "server"?'),
        ("tidegate.toml:14", 'auth.issuers.jwks is no option, did you mean "jwks_url"?'),
        ("tidegate.toml:16", 'auth.issuers.audience is no option, did you mean "audiences"?'),
    ]


def test_what_does_not_fit_together(written) -> None:
    assert problems(None) == [
        ("auth.issuers", "no issuer is named: every token would be refused"),
        ("kafka.bootstrap_servers", "is not set: name Kafka's host:port (or, for trials, kafka.embedded = true)"),
    ]
    both = written("[kafka]\nembedded = true\nbootstrap_servers = 'k:1'\n[[auth.issuers]]\nissuer = 'a'\n")
    exclusive, issuer = sorted(problems(both))
    assert exclusive == ("tidegate.toml:2", "kafka.embedded and kafka.bootstrap_servers exclude each other")
    assert issuer[0] == "tidegate.toml:5"
    assert "jwks_url and jwks_file" in issuer[1]


@pytest.mark.parametrize(
    "text",
    [
        "[http]\nport = true\n",
        "[http]\nport = 1.5\n",
        "http = 3\n",
        "[auth]\nissuers = 3\n",
        "[kafka]\nlinger_ms = nan\n",
    ],
)
def test_wrong_types(written, text: str) -> None:
    assert len(problems(written(text))) == 1


def test_a_file_that_is_none(written, tmp_path: Path) -> None:
    assert problems(written("[http\n"))[0][0] == "tidegate.toml:1"
    assert "cannot be read" in problems(tmp_path / "missing.toml")[0][1]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIDEGATE_HTTP_PORT", "x"),
        ("TIDEGATE_HTTP_PROT", "1"),
        ("TIDEGATE_REDIS_URL", "x"),
        ("TIDEGATE_AUTH_ISSUERS", "{"),
        ("TIDEGATE_KAFKA_EMBEDDED", "maybe"),
    ],
)
def test_wrong_variables_are_named(variable: str, value: str) -> None:
    assert problems(None, {variable: value})[0][0] == variable


def test_later_options_are_none_of_this_build() -> None:
    assert not LATER & {option.name for option in OPTIONS}


def test_what_a_plan_names_and_is_not_there(tmp_path: Path) -> None:
    issuers = json.dumps([{"issuer": "i", "name": "n", "jwks_file": str(tmp_path / "keys.json")}])
    environ = {
        "TIDEGATE_AUTH_ISSUERS": issuers,
        "TIDEGATE_KAFKA_EMBEDDED": "1",
        "TIDEGATE_CONTRACTS_DIR": str(tmp_path),
    }
    plan = plan_of(resolve(None, environ))
    assert [problem.where for problem in missing_files(plan)] == ["contracts.dir", "auth.issuers.jwks_file"]
    (tmp_path / "contracts").mkdir()
    (tmp_path / "keys.json").touch()
    assert missing_files(plan) == []


def test_the_working_folder_s_file_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_file() is None
    (tmp_path / "tidegate.toml").touch()
    assert default_file() == Path("tidegate.toml")
