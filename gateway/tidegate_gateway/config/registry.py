"""`contracts.registry_*` as the settings of the registry whose ids are used. Called by `plan`."""

from urllib.parse import urlsplit

from tidegate_gateway.adapters.external_registry import RegistrySettings
from tidegate_gateway.config.read import Problem, Resolved
from tidegate_gateway.config.secrets import read_secret

__all__ = ["registry_settings"]


def registry_settings(resolved: Resolved, problems: list[Problem]) -> RegistrySettings | None:
    """The settings; None where no registry is named, and where it cannot be one (then the problems say why)."""
    url = str(resolved["contracts.registry_url"] or "")
    username = str(resolved["contracts.registry_username"] or "")
    password = read_secret(resolved, "contracts.registry_password", problems)
    if not url:
        for name in ("registry_username", "registry_password", "registry_password_file"):
            setting = resolved.settings[f"contracts.{name}"]
            if setting.origin != "default" and setting.value:
                detail = f"contracts.{name} is set, and contracts.registry_url is not"
                problems.append(Problem(where=setting.origin, detail=detail))
        return None
    where = resolved.settings["contracts.registry_url"].origin
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        problems.append(Problem(where=where, detail="contracts.registry_url is no http or https URL"))
    elif parts.username is not None or parts.password is not None:
        detail = "contracts.registry_url holds a user: name it in registry_username and registry_password_file"
        problems.append(Problem(where=where, detail=detail))
    elif password and not username:
        problems.append(Problem(where=where, detail="contracts.registry_password is set without registry_username"))
    return RegistrySettings(url=url, username=username, password=password)
