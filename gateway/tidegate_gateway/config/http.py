"""`[http]` (and what `[grpc]` shares with it) as settings of a public port; what is wrong is named with its own place. Called by `plan`."""

from pathlib import Path

from tidegate_gateway.config.read import Problem, Resolved
from tidegate_gateway.edge.proxies import Network, networks
from tidegate_gateway.edge.tls import TlsSettings, TlsUnusable

__all__ = ["tls_settings", "trusted_proxies"]


def tls_settings(
    resolved: Resolved, problems: list[Problem], section: str = "http", protocol: str = "http/1.1"
) -> TlsSettings | None:
    """The TLS of the section's port, its files read once to see that they fit; None for plain HTTP, or where the problems say why."""
    cert, key, client_ca = (resolved[f"{section}.{option}"] for option in ("tls_cert", "tls_key", "client_ca"))
    if not cert and not key and not client_ca:
        return None
    for option, value in (("tls_cert", cert), ("tls_key", key)):
        if not value:
            given = "tls_cert" if cert else "tls_key" if key else "client_ca"
            where = resolved.settings[f"{section}.{given}"].origin
            problems.append(Problem(where=where, detail=f"{section}.{given} needs {section}.{option} beside it"))
            return None
    settings = TlsSettings(
        cert=Path(str(cert)),
        key=Path(str(key)),
        client_ca=Path(str(client_ca)) if client_ca else None,
        protocol=protocol,
    )
    try:
        settings.context()
    except TlsUnusable as error:
        where = resolved.settings[f"{section}.{error.option}"].origin
        problems.append(Problem(where=where, detail=f"{section}.{error.option}: {error}"))
        return None
    return settings


def trusted_proxies(resolved: Resolved, problems: list[Problem]) -> tuple[Network, ...]:
    """The peers that may say whom they speak for."""
    setting = resolved.settings["http.trusted_proxies"]
    try:
        return networks(setting.value if isinstance(setting.value, tuple) else ())
    except ValueError as error:
        problems.append(Problem(where=setting.origin, detail=f"http.trusted_proxies: {error}"))
        return ()
