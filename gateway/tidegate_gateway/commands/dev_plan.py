"""The plan of a gateway for developers: loopback, embedded broker or the Kafka named, the dev key, working copies served.

Called by `dev` and `demo`.
"""

from collections.abc import Iterable
from pathlib import Path
from time import time

from tidegate_gateway.adapters.auth_settings import AuthSettings
from tidegate_gateway.adapters.dev_key import DevKey
from tidegate_gateway.adapters.kafka.settings import KafkaSettings
from tidegate_gateway.config.plan import Address, Plan
from tidegate_gateway.edge.grpc.settings import RpcSettings
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.intake.path import IntakeSettings

__all__ = ["dev_plan", "dev_token"]

_DAY_S = 86_400.0
_RELOAD_S = 0.5
"""A save is served while its author still looks at the editor."""


def dev_plan(
    key: DevKey,
    contracts_dir: Path,
    *,
    http_port: int,
    grpc_port: int = 0,
    admin_port: int,
    kafka: str | None = None,
    quiet: bool = False,
) -> Plan:
    """Everything on loopback, contracts and docs open, lines for people."""
    return Plan(
        http=Address(port=http_port),
        admin=Address(port=admin_port),
        grpc=RpcSettings(port=grpc_port, reflection=True),
        contracts_dir=contracts_dir,
        auth=AuthSettings(issuers=(key.settings(),)),
        kafka=KafkaSettings(bootstrap_servers=kafka) if kafka else None,
        intake=IntakeSettings(),
        public=True,
        reload_s=_RELOAD_S,
        drain_s=5.0,
        working_copies=True,
        human_logs=True,
        quiet=quiet,
    )


def dev_token(key: DevKey, catalogue: Catalogue) -> str:
    """A token that holds every scope, and every role that a contract names, for a day."""
    return key.mint(
        sub="developer",
        scopes=("publish:*", "contracts:read"),
        roles=_roles(catalogue),
        ttl_s=_DAY_S,
        now_s=time(),
    )


def _roles(catalogue: Catalogue) -> Iterable[str]:
    return sorted(
        {
            role
            for contract in catalogue.contracts.values()
            for role in contract.source.roles
            if not role.startswith("client:")
        }
    )
