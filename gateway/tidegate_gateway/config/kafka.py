"""`[kafka]` as the settings of the publisher; what is wrong with it is named with its own place. Called by `plan`."""

from tidegate_gateway.adapters.kafka.security import Security
from tidegate_gateway.adapters.kafka.settings import BUFFER_MOST_BYTES, KafkaSettings
from tidegate_gateway.config.read import Problem, Resolved
from tidegate_gateway.config.secrets import read_secret

__all__ = ["kafka_settings"]

_SECURITY = (
    "security_protocol", "sasl_mechanism", "sasl_username", "sasl_password", "ssl_ca", "ssl_cert", "ssl_key",
    "ssl_key_password",
)  # fmt: skip
_BUFFERS = 2
_SECRETS = ("sasl_password", "ssl_key_password")


def kafka_settings(resolved: Resolved, problems: list[Problem]) -> KafkaSettings | None:
    """The settings; None for the embedded broker, and where none can be made (then the problems say why)."""
    servers, embedded = resolved["kafka.bootstrap_servers"], resolved["kafka.embedded"] is True
    if embedded:
        problems.extend(_not_with_embedded(resolved))
        return None
    if not servers:
        detail = "is not set: name Kafka's host:port (or, for trials, kafka.embedded = true)"
        problems.append(Problem(where="kafka.bootstrap_servers", detail=detail))
        return None
    secrets = {name: read_secret(resolved, f"kafka.{name}", problems) for name in _SECRETS}
    settings = KafkaSettings(
        bootstrap_servers=str(servers),
        security=Security(**{name: _text(resolved, name) for name in _SECURITY} | secrets),
        linger_ms=_number(resolved, "linger_ms"),
        compression=str(resolved["kafka.compression"]),
        delivery_timeout_s=_number(resolved, "delivery_timeout_s"),
        create_topics=resolved["kafka.create_topics"] is True,
        buffer_bytes=_buffer_bytes(resolved),
    )
    problems.extend(_placed(resolved, wrong) for wrong in settings.validate())
    return settings


def _not_with_embedded(resolved: Resolved) -> list[Problem]:
    where = resolved.settings["kafka.embedded"].origin
    given = [
        setting
        for name, setting in resolved.settings.items()
        if setting.option.section == "kafka"
        and setting.origin != "default"
        and setting.value not in {None, False}
        and setting.option.key in {"bootstrap_servers", *_SECURITY, *(f"{secret}_file" for secret in _SECRETS)}
    ]
    return [
        Problem(where=where, detail=f"kafka.embedded and {setting.option.name} exclude each other") for setting in given
    ]


def _placed(resolved: Resolved, wrong: str) -> Problem:
    """`option: why` at the place of the option; of the one that asks for it where it is not given itself."""
    name, _, why = wrong.partition(": ")
    askers = {"ssl_key": "ssl_cert", "ssl_cert": "ssl_key"}
    for asker in (
        name,
        f"{name}_file",
        askers.get(name, "security_protocol"),
        "security_protocol",
        "bootstrap_servers",
    ):
        setting = resolved.settings.get(f"kafka.{asker}")
        if setting is not None and setting.origin != "default":
            return Problem(where=setting.origin, detail=f"kafka.{name} {why}" if why else wrong)
    return Problem(where="kafka", detail=wrong)


def _text(resolved: Resolved, key: str) -> str:
    value = resolved[f"kafka.{key}"]
    return "" if value is None else str(value)


def _buffer_bytes(resolved: Resolved) -> int:
    """Twice what requests may take: an event on its way is charged up to three times its value, and its request at least twice."""
    return min(_BUFFERS * int(_number(resolved, "in_flight_bytes", "limits")), BUFFER_MOST_BYTES)


def _number(resolved: Resolved, key: str, section: str = "kafka") -> float:
    value = resolved[f"{section}.{key}"]
    if not isinstance(value, int | float):
        raise TypeError(f"{section}.{key} is a number")
    return value
