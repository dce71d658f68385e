"""Secrets of the configuration: from an option, or better from a file beside it. Called by the modules that build settings."""

from pathlib import Path

from tidegate_gateway.config.read import Problem, Resolved

__all__ = ["read_secret"]

_MAX_SECRET_BYTES = 65_536


def read_secret(resolved: Resolved, name: str, problems: list[Problem]) -> str:
    """A secret from the option, or from the file that `<name>_file` names (its last line end taken off)."""
    given, file = resolved[name], resolved[f"{name}_file"]
    if not file:
        return "" if given is None else str(given)
    where = resolved.settings[f"{name}_file"].origin
    if given:
        problems.append(Problem(where=where, detail=f"{name} and {name}_file exclude each other"))
        return str(given)
    try:
        content = Path(str(file)).read_bytes()
        secret = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        problems.append(Problem(where=where, detail=f"{name}_file: {file} cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem(where=where, detail=f"{name}_file: {file} is not UTF-8"))
    else:
        if secret and len(content) <= _MAX_SECRET_BYTES:
            return secret
        fault = f"is larger than {_MAX_SECRET_BYTES} bytes" if secret else "is empty"
        problems.append(Problem(where=where, detail=f"{name}_file: {file} {fault}"))
    return "?"  # so that it is not called missing, too
