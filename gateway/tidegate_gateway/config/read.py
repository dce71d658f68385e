"""Resolves the table of options from a TOML file and the environment, and says of each value where it came from.

Wrong names, types and values are collected, all of them, with file and line; nothing is guessed and nothing is ignored.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from tidegate_gateway.config.options import ISSUER_OPTIONS, LATER, OPTIONS, Option, Value

__all__ = ["ConfigError", "Problem", "Resolved", "Setting", "default_file", "resolve"]

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong: `where` is `file:line`, or the environment variable."""

    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The value of one option, and its origin: `default`, `file:line` or the variable's name."""

    option: Option
    value: Value
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Every option's setting by `section.key`, and one mapping for each issuer (by key)."""

    settings: Mapping[str, Setting]
    issuers: tuple[Mapping[str, Setting], ...]

    def __getitem__(self, name: str) -> Value:
        return self.settings[name].value


class _Lines:
    """Where keys stand in a TOML text: tomllib keeps no positions."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._at: dict[tuple[str, int, str], int] = {}
        section, index = "", 0
        seen: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if table := _TABLE.match(line):
                section = table[2]
                index = seen.get(section, -1) + 1 if table[1] == "[[" else 0
                seen[section] = index
                self._at.setdefault((section, index, ""), number)
            elif key := _KEY.match(line):
                self._at.setdefault((section, index, key[1]), number)

    def of(self, section: str, key: str = "", index: int = 0) -> str:
        """`file:line` of a key, of its table where the key is not found, else of the file's first line."""
        line = (
            self._at.get((section, index, key)) or self._at.get((section, index, "")) or self._at.get(("", 0, section))
        )
        return f"{self._file}:{line or 1}"


def default_file() -> Path | None:
    """`tidegate.toml` of the working folder, where there is one."""
    file = Path("tidegate.toml")
    return file if file.is_file() else None


def resolve(file: Path | None, environ: Mapping[str, str]) -> Resolved:
    """The settings from `file` (None: defaults and environment only). Raises ConfigError with every problem."""
    problems: list[Problem] = []
    data, lines = _read(file)
    settings = {option.name: Setting(option=option, value=option.default, origin="default") for option in OPTIONS}
    issuers = _from_file(data, lines, settings, problems)
    issuers = _from_environment(environ, settings, issuers, problems)
    if problems:
        raise ConfigError(problems)
    return Resolved(settings=settings, issuers=tuple(issuers))


def _read(file: Path | None) -> tuple[dict[str, object], _Lines]:
    if file is None:
        return {}, _Lines("tidegate.toml", "")
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError([Problem(where=str(file), detail=f"cannot be read: {reason}")]) from error
    try:
        return tomllib.loads(text), _Lines(str(file), text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{file}:{line[1] if line else 1}"
        raise ConfigError([Problem(where=where, detail=f"is not TOML: {error}")]) from error


def _from_file(
    data: Mapping[str, object], lines: _Lines, settings: dict[str, Setting], problems: list[Problem]
) -> list[dict[str, Setting]]:
    sections = sorted({option.section for option in OPTIONS})
    issuers: list[dict[str, Setting]] = []
    for section, table in data.items():
        if section not in sections:
            problems.append(Problem(where=lines.of(section), detail=_unknown(section, section, sections)))
        elif not isinstance(table, dict):
            problems.append(Problem(where=lines.of("", section), detail=f"{section} is a section: write [{section}]"))
        else:
            known = [option.key for option in OPTIONS if option.section == section]
            for key, value in table.items():
                where = lines.of(section, key)
                if section == "auth" and key == "issuers":
                    issuers = _issuers(value, lines, problems)
                elif f"{section}.{key}" in settings:
                    _set(settings, f"{section}.{key}", value, where, problems)
                else:
                    problems.append(Problem(where=where, detail=_unknown(f"{section}.{key}", key, known)))
    return issuers


def _unknown(name: str, word: str, known: Iterable[str]) -> str:
    if name in LATER or name.partition(".")[0] in LATER:
        return f"{name} is not served by this build yet"
    near = get_close_matches(word, list(known), n=1)
    return f"{name} is no option" + (f', did you mean "{near[0]}"?' if near else "")


def _issuers(value: object, lines: _Lines, problems: list[Problem]) -> list[dict[str, Setting]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        problems.append(
            Problem(where=lines.of("auth", "issuers"), detail="auth.issuers is a list: write [[auth.issuers]]")
        )
        return []
    return [_issuer(row, partial(_issuer_place, lines, index), problems) for index, row in enumerate(value)]


def _issuer_place(lines: _Lines, index: int, key: str) -> str:
    return lines.of("auth.issuers", key, index)


def _issuer(row: Mapping[str, object], where: Callable[[str], str], problems: list[Problem]) -> dict[str, Setting]:
    options = {option.key: option for option in ISSUER_OPTIONS}
    settings = {key: Setting(option=option, value=option.default, origin="default") for key, option in options.items()}
    for key, value in row.items():
        if key in options:
            _set(settings, key, value, where(key), problems)
        else:
            problems.append(Problem(where=where(key), detail=_unknown(f"auth.issuers.{key}", key, options)))
    return settings


def _set(settings: dict[str, Setting], name: str, value: object, origin: str, problems: list[Problem]) -> None:
    option = settings[name].option
    try:
        settings[name] = Setting(option=option, value=_checked(option, value), origin=origin)
    except ValueError as error:
        problems.append(Problem(where=origin, detail=f"{option.name} {error}"))


def _checked(option: Option, value: object) -> Value:
    """The value in the option's type, within its bounds. Raises ValueError with a phrase that follows its name."""
    checked: Value
    match option.kind, value:
        case "bool", bool():
            checked = value
        case "str", str():
            checked = value
        case "int", int() if not isinstance(value, bool):
            checked = value
        case "float", int() | float() if not isinstance(value, bool):
            checked = float(value)
        case "strs", list() if (value or option.default == ()) and all(
            isinstance(item, str) and item for item in value
        ):
            checked = tuple(value)
        case _:
            kinds = {"str": "a string", "int": "an integer", "float": "a number", "bool": "true or false"}
            raise ValueError(f"must be {kinds.get(option.kind, 'a list of strings')}")
    if option.one_of and checked not in option.one_of:
        near = get_close_matches(str(checked), option.one_of, n=1)
        hint = f', did you mean "{near[0]}"?' if near else ""
        raise ValueError(f"must be one of {', '.join(option.one_of)}{hint}")
    if isinstance(checked, int | float) and not isinstance(checked, bool):
        if option.low is not None and not checked >= option.low:
            raise ValueError(f"must be {_plain(option.low)} or more")
        if option.high is not None and not checked <= option.high:
            raise ValueError(f"must be at most {_plain(option.high)}")
    return checked


def _plain(bound: float) -> str:
    return f"{bound:.0f}" if bound == int(bound) else f"{bound:g}"


def _from_environment(
    environ: Mapping[str, str],
    settings: dict[str, Setting],
    issuers: list[dict[str, Setting]],
    problems: list[Problem],
) -> list[dict[str, Setting]]:
    by_variable = {option.variable: option for option in OPTIONS}
    sections = {option.section.upper() for option in OPTIONS}
    for variable, text in sorted(environ.items()):
        if not variable.startswith("TIDEGATE_"):
            continue
        if variable == "TIDEGATE_AUTH_ISSUERS":
            issuers = _issuers_of_text(text, problems)
        elif (option := by_variable.get(variable)) is not None:
            _set_text(settings, option, text, problems)
        elif variable.split("_")[1] in sections | {"GRPC", "REDIS"}:
            name = variable.removeprefix("TIDEGATE_").lower().replace("_", ".", 1)
            problems.append(Problem(where=variable, detail=_unknown(name, variable, by_variable)))
    return issuers


def _set_text(settings: dict[str, Setting], option: Option, text: str, problems: list[Problem]) -> None:
    value: object = text
    try:
        if option.kind == "int":
            value = int(text)
        elif option.kind == "float":
            value = float(text)
        elif option.kind == "bool":
            value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        elif option.kind == "strs":
            value = [item.strip() for item in text.split(",") if item.strip()]
    except ValueError:
        pass  # `_set` says what the option wants
    _set(settings, option.name, value, option.variable, problems)


def _issuers_of_text(text: str, problems: list[Problem]) -> list[dict[str, Setting]]:
    variable = "TIDEGATE_AUTH_ISSUERS"
    try:
        rows = json.loads(text)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.append(Problem(where=variable, detail="must be a JSON array of objects, one an issuer"))
        return []
    return [_issuer(row, lambda _key: variable, problems) for row in rows]
