"""The resolved options as the settings of each part; what spans several options is checked here.

Called by the commands, read by `app`. The parts' own settings say what each value means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.contracts.source import Limits
from tidegate_gateway.adapters.auth_settings import AuthSettings, IssuerSettings
from tidegate_gateway.adapters.external_registry import RegistrySettings
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.config.grpc import grpc_settings
from tidegate_gateway.config.http import tls_settings, trusted_proxies
from tidegate_gateway.config.kafka import kafka_settings
from tidegate_gateway.config.read import ConfigError, Problem, Resolved, Setting
from tidegate_gateway.config.registry import registry_settings
from tidegate_gateway.edge.deadlines import Deadlines
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.edge.proxies import Network
from tidegate_gateway.edge.tls import TlsSettings
from tidegate_gateway.intake.path import IntakeSettings

__all__ = ["Address", "Plan", "missing_files", "plan_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a port listens; port 0 is any free one."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a gateway process is made of.

    `kafka` None: the embedded broker. `working_copies`: unreleased versions and drafts are served too (`dev`).
    `reload_s`: how often changed files are looked for, 0 for never. `human_logs`: lines for people, one for each event unless `quiet`.
    """

    http: Address
    admin: Address
    contracts_dir: Path
    auth: AuthSettings
    kafka: KafkaSettings | None
    intake: IntakeSettings
    in_flight_bytes: int = 67_108_864
    base_url: str = ""
    public: bool = False
    reload_s: float = 5.0
    drain_s: float = 20.0
    body_timeout_s: float = 10.0
    ready_without_kafka: bool = False
    working_copies: bool = False
    human_logs: bool = False
    quiet: bool = False
    tls: TlsSettings | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)
    max_connections: int = 4096
    trusted_proxies: tuple[Network, ...] = ()
    grpc: RpcSettings = field(default_factory=lambda: RpcSettings(port=0))
    registry: RegistrySettings | None = None


def plan_of(resolved: Resolved) -> Plan:
    """The plan of `serve`. Raises ConfigError with everything that does not fit together."""
    problems: list[Problem] = []
    auth = _auth(resolved, problems)
    kafka = kafka_settings(resolved, problems)
    limits = _limits(resolved)
    tls, trusted = tls_settings(resolved, problems), trusted_proxies(resolved, problems)
    grpc = grpc_settings(resolved, problems)
    registry = registry_settings(resolved, problems)
    if problems:
        raise ConfigError(problems)
    return Plan(
        http=Address(host=_text(resolved, "http.host"), port=int(_number(resolved, "http.port"))),
        admin=Address(host=_text(resolved, "admin.host"), port=int(_number(resolved, "admin.port"))),
        contracts_dir=Path(_text(resolved, "contracts.dir")),
        auth=auth,
        kafka=kafka,
        intake=IntakeSettings(
            max_event_bytes=int(_number(resolved, "limits.max_event_bytes")),
            max_batch_bytes=int(_number(resolved, "limits.max_batch_bytes")),
            max_batch_events=int(_number(resolved, "limits.max_batch_events")),
            delivery_timeout_s=_number(resolved, "kafka.delivery_timeout_s"),
            limits=limits,
        ),
        in_flight_bytes=int(_number(resolved, "limits.in_flight_bytes")),
        base_url=_text(resolved, "contracts.base_url").rstrip("/"),
        public=resolved["contracts.public"] is True,
        reload_s=_number(resolved, "contracts.reload_s"),
        drain_s=_number(resolved, "server.drain_s"),
        body_timeout_s=_number(resolved, "server.body_timeout_s"),
        ready_without_kafka=resolved["server.ready_without_kafka"] is True,
        tls=tls,
        deadlines=Deadlines(
            head_s=_number(resolved, "server.header_timeout_s"), idle_s=_number(resolved, "server.keep_alive_s")
        ),
        max_connections=int(_number(resolved, "http.max_connections")),
        trusted_proxies=trusted,
        grpc=grpc,
        registry=registry,
    )


def missing_files(plan: Plan) -> list[Problem]:
    """What the plan names and this machine does not have now. `serve` starts without some of it; `check-config` says it."""
    problems = []
    if not (plan.contracts_dir / "contracts").is_dir():
        problems.append(Problem(where="contracts.dir", detail=f"{plan.contracts_dir} holds no folder contracts/"))
    files = [issuer.jwks_file for issuer in plan.auth.issuers if issuer.jwks_file]
    problems += [
        Problem(where="auth.issuers.jwks_file", detail=f"{file} is not there")
        for file in files
        if not Path(file).is_file()
    ]
    return problems


def _auth(resolved: Resolved, problems: list[Problem]) -> AuthSettings:
    if not resolved.issuers:
        problems.append(Problem(where="auth.issuers", detail="no issuer is named: every token would be refused"))
    issuers = []
    for row in resolved.issuers:
        issuer = IssuerSettings(
            issuer=_own(row, "issuer"),
            audiences=_list(row, "audiences"),
            jwks_url=_own(row, "jwks_url"),
            jwks_file=_own(row, "jwks_file"),
            algorithms=_list(row, "algorithms"),
            name=_own(row, "name"),
            require_at_jwt=row["require_at_jwt"].value is True,
            scope_claims=_list(row, "scope_claims"),
            roles_claim=_own(row, "roles_claim"),
        )
        issuers.append(issuer)
        where = next((setting.origin for setting in row.values() if setting.origin != "default"), "auth.issuers")
        _validate(issuer, where, problems)
    auth = AuthSettings(
        leeway_s=_number(resolved, "auth.leeway_s"),
        max_lifetime_s=_number(resolved, "auth.max_lifetime_s"),
        issuers=tuple(issuers),
    )
    if not problems:
        _validate(auth, "auth", problems)
    return auth


def _limits(resolved: Resolved) -> Limits | None:
    events, size = resolved["limits.events_per_s"], resolved["limits.bytes_per_s"]
    if events is None and size is None:
        return None
    return Limits(
        events_per_second=float(events) if isinstance(events, int | float) else None,
        bytes_per_second=float(size) if isinstance(size, int | float) else None,
        burst_seconds=_number(resolved, "limits.burst_s"),
    )


def _validate(settings: AuthSettings | IssuerSettings, where: str, problems: list[Problem]) -> None:
    try:
        settings.validate()
    except ValueError as error:
        problems.append(Problem(where=where, detail=str(error)))


def _text(resolved: Resolved, name: str) -> str:
    return str(resolved[name])


def _number(resolved: Resolved, name: str) -> float:
    value = resolved[name]
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is a number")
    return value


def _own(row: Mapping[str, Setting], key: str) -> str:
    value = row[key].value
    return "" if value is None else str(value)


def _list(row: Mapping[str, Setting], key: str) -> tuple[str, ...]:
    value = row[key].value
    return value if isinstance(value, tuple) else ()
