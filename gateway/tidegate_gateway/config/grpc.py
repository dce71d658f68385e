"""`[grpc]` as the settings of the gRPC port; what is wrong with it is named with its own place. Called by `plan`."""

from tidegate_gateway.config.http import tls_settings
from tidegate_gateway.config.read import Problem, Resolved
from tidegate_gateway.edge.grpc.settings import RpcSettings

__all__ = ["grpc_settings"]


def grpc_settings(resolved: Resolved, problems: list[Problem]) -> RpcSettings:
    """The port's settings; its TLS files are checked as the HTTP port's are."""
    return RpcSettings(
        host=str(resolved["grpc.host"]),
        port=int(_number(resolved, "port")),
        tls=tls_settings(resolved, problems, "grpc", protocol="h2"),
        reflection=resolved["grpc.reflection"] is True,
        max_calls=int(_number(resolved, "max_calls")),
        max_connections=int(_number(resolved, "max_connections")),
        max_streams=int(_number(resolved, "max_streams")),
        keepalive_s=_number(resolved, "keepalive_s"),
        keepalive_timeout_s=_number(resolved, "keepalive_timeout_s"),
        max_connection_age_s=_number(resolved, "max_connection_age_s"),
        max_connection_grace_s=_number(resolved, "max_connection_grace_s"),
    )


def _number(resolved: Resolved, key: str) -> float:
    value = resolved[f"grpc.{key}"]
    if not isinstance(value, int | float):
        raise TypeError(f"grpc.{key} is a number")
    return value
