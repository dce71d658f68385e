"""OPERATIONS.md says every option and every metric, as the code's own tables do.

`python3 -m tests.architecture.test_operations` writes the tables anew.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tidegate_gateway.config.options import ISSUER_OPTIONS, OPTIONS, Option
from tidegate_gateway.telemetry.table import METRICS

PAGE = Path(__file__).resolve().parents[2] / "gateway" / "OPERATIONS.md"


def option_rows(options: Iterable[Option]) -> list[str]:
    rows = ["| option | default | what |", "|---|---|---|"]
    for option in options:
        default = "" if option.default is None else f"`{json.dumps(option.default)}`"
        doc = option.doc + (f"; one of {', '.join(option.one_of)}" if option.one_of else "")
        rows.append(f"| `{option.name.removeprefix('auth.issuers.')}` | {default} | {doc} |")
    return rows


def metric_rows() -> list[str]:
    rows = ["| metric | kind | what |", "|---|---|---|"]
    for metric in METRICS:
        labels = "{" + ",".join(metric.labels) + "}" if metric.labels else ""
        rows.append(f"| `{metric.name}{labels}` | {metric.type} | {metric.help} |")
    return rows


TABLES = {"OPTIONS": option_rows(OPTIONS), "ISSUERS": option_rows(ISSUER_OPTIONS), "METRICS": metric_rows()}


def block(name: str) -> str:
    return "\n".join([f"<!-- {name} -->", *TABLES[name], f"<!-- /{name} -->"])


@pytest.mark.parametrize("name", TABLES)
def test_the_page_holds_the_code_s_table(name: str) -> None:
    assert block(name) in PAGE.read_text("utf-8"), "python3 -m tests.architecture.test_operations writes it anew"


def rewritten(text: str, name: str) -> str:
    """The page with one table as the code has it."""
    pattern = rf"^{name}$|<!-- {name} -->.*?<!-- /{name} -->"
    return re.sub(pattern, lambda _: block(name), text, flags=re.DOTALL | re.MULTILINE)


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    for table in TABLES:
        page = rewritten(page, table)
    PAGE.write_text(page, "utf-8")
