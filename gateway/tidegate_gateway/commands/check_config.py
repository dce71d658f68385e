"""`check-config`: every option, its value and where it came from; what is wrong, with file and line."""

import argparse
import json
import os
from collections.abc import Sequence

from tidegate_gateway.commands.exits import FAILED, OK, stop
from tidegate_gateway.config.options import Value
from tidegate_gateway.config.plan import missing_files, plan_of
from tidegate_gateway.config.read import ConfigError, Problem, Resolved, Setting, default_file, resolve

__all__ = ["check_config"]


def check_config(arguments: argparse.Namespace) -> int:
    """Print the configuration as it would be used; exit code 1 where it could not be."""
    try:
        resolved = resolve(arguments.config or default_file(), os.environ)
        problems: Sequence[Problem] = missing_files(plan_of(resolved))
    except ConfigError as error:
        resolved, problems = None, error.problems
    if resolved is None or problems:
        if arguments.json:
            wrong = [{"where": problem.where, "detail": problem.detail} for problem in problems]
            print(json.dumps({"ok": False, "problems": wrong}))
            return FAILED
        return stop(FAILED, "\n".join(["the configuration cannot be used", *map(str, problems)]))
    rows = _rows(resolved)
    if arguments.json:
        options = {name: {"value": value, "from": origin} for name, value, origin in rows}
        print(json.dumps({"ok": True, "options": options}))
        return OK
    width = max(len(name) for name, _, _ in rows)
    values = max(len(_shown(value)) for _, value, _ in rows)
    for name, value, origin in rows:
        print(f"{name:<{width}}  {_shown(value):<{values}}  {origin}")
    return OK


def _rows(resolved: Resolved) -> list[tuple[str, Value, str]]:
    rows = [(name, _told(setting), setting.origin) for name, setting in resolved.settings.items()]
    for index, issuer in enumerate(resolved.issuers):
        rows += [(f"auth.issuers[{index}].{key}", setting.value, setting.origin) for key, setting in issuer.items()]
    return rows


def _told(setting: Setting) -> Value:
    """The value, but no secret."""
    return "(a secret)" if setting.option.secret and setting.value else setting.value


def _shown(value: Value) -> str:
    return "(not set)" if value is None else json.dumps(value)
