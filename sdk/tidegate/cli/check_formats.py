"""The findings of a check as text, JSON, GitHub's workflow commands and JUnit XML. Called by `check`; nothing is judged here.

Paths are as the user wrote the schemas folder, so that editors and CI systems find the files.
"""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from types import MappingProxyType

import msgspec

from tidegate.check.examination import Examined
from tidegate.check.finding import Finding

__all__ = ["FORMATS"]

_XML_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


def _place(folder: Path, finding: Finding) -> str:
    return f"{_path(folder, finding)}:{finding.place.line}:{finding.place.column}"


def _path(folder: Path, finding: Finding) -> str:
    """As the user wrote the folder; a name that is no text, which git may hold, is escaped."""
    return _line((folder / finding.place.file).as_posix())


def _line(text: str) -> str:
    """One line, whatever a schema's names hold."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _text(folder: Path, examined: Examined) -> str:
    lines: list[str] = []
    for finding in examined.findings:
        warning = "warning: " if finding.severity == "warning" else ""
        lines.append(f"{_place(folder, finding)}: [{finding.rule}] {warning}{_line(finding.message)}")
        if finding.hint:
            lines.append(f"    hint: {_line(finding.hint)}")
    return "".join(f"{line}\n" for line in lines) + _summary(examined) + "\n"


def _summary(examined: Examined) -> str:
    errors = sum(finding.severity == "error" for finding in examined.findings)
    warnings = len(examined.findings) - errors
    what = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}" if examined.findings else "nothing wrong"
    return f"{_counted(len(examined.contracts), 'contract')}: {what}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _json(folder: Path, examined: Examined) -> str:
    rows = [
        {
            "path": _path(folder, finding),
            "line": finding.place.line,
            "column": finding.place.column,
            "rule": finding.rule,
            "severity": finding.severity,
            "topic": finding.topic,
            "message": finding.message,
            "hint": finding.hint,
        }
        for finding in examined.findings
    ]
    answer = {"contracts": examined.contracts, "broken": examined.broken, "findings": rows}
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n"


def _github(folder: Path, examined: Examined) -> str:
    """https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""

    def data(text: str) -> str:
        return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    def attribute(text: str) -> str:
        return data(text).replace(":", "%3A").replace(",", "%2C")

    lines = [
        f"::{finding.severity} file={attribute(_path(folder, finding))},line={finding.place.line},"
        f"col={finding.place.column},title={attribute(finding.rule)}::{data(_said(finding))}"
        for finding in examined.findings
    ]
    return "".join(f"{line}\n" for line in lines) + _summary(examined) + "\n"


def _said(finding: Finding) -> str:
    return f"[{finding.rule}] {_line(finding.message)}" + (f"\nhint: {finding.hint}" if finding.hint else "")


def _junit(folder: Path, examined: Examined) -> str:
    """One test case a contract; its failures are the errors, warnings stand in system-out."""
    cases: dict[str, list[Finding]] = {topic: [] for topic in examined.contracts}
    for finding in examined.findings:
        cases.setdefault(finding.topic or finding.place.file, []).append(finding)
    failed = sum(any(one.severity == "error" for one in rows) for rows in cases.values())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites><testsuite name="tidegate check" tests="{len(cases)}" failures="{failed}" errors="0">',
    ]
    for name, rows in cases.items():
        lines.append(f"<testcase classname={_attribute('tidegate.check')} name={_attribute(_line(name))}>")
        errors = [one for one in rows if one.severity == "error"]
        if errors:
            told = "\n".join(f"{_place(folder, one)}: {_said(one)}" for one in errors)
            lines.append(f"<failure message={_attribute(_line(errors[0].message))}>{_escaped(told)}</failure>")
        warnings = [one for one in rows if one.severity == "warning"]
        if warnings:
            told = "\n".join(f"{_place(folder, one)}: {_said(one)}" for one in warnings)
            lines.append(f"<system-out>{_escaped(told)}</system-out>")
        lines.append("</testcase>")
    lines.append("</testsuite></testsuites>")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return escape(text.translate(_XML_FORBIDDEN), quote=False)


def _attribute(text: str) -> str:
    return f'"{escape(text.translate(_XML_FORBIDDEN))}"'


FORMATS: Mapping[str, Callable[[Path, Examined], str]] = MappingProxyType(
    {"text": _text, "json": _json, "github": _github, "junit": _junit}
)
"""Each takes the schemas folder as the user wrote it, and what was found."""
