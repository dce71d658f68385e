"""A schemas folder made for one test: one Avro contract, edited, released, and kept in a real git repository."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tidegate.check.examination import Examined, examine
from tidegate.check.finding import Finding
from tidegate.repository.release import release

CONTRACT = """\
team: {{name: shop}}
support: [{{channel: "#shop"}}]
schema:
  - physicalName: {topic}
    authoritativeDefinitions: [{{type: avro, url: avro/{file}.avsc}}]
    customProperties:
      - {{property: key, value: id}}
{options}"""


class Shop:
    """A schemas folder with helpers that say in a line what a test is about."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "schemas"
        for name in ("contracts", "avro"):
            (self.folder / name).mkdir(parents=True)

    def contract(self, topic: str = "shop.orders", file: str = "order", **options: str) -> None:
        """Writes the contract file; `options` are customProperties."""
        rows = "".join(f"      - {{property: {name}, value: {value}}}\n" for name, value in options.items())
        text = CONTRACT.format(topic=topic, file=file, options=rows)
        (self.folder / f"contracts/{topic}.yaml").write_text(text)

    def schema(self, *fields: Any, file: str = "order", name: str = "Order", **more: Any) -> None:
        """Writes a record's schema, one field a line: field n stands in line n + 1, `id` in line 2."""
        head = json.dumps({"type": "record", "name": name, "namespace": "shop", "doc": "It.", **more})[:-1]
        rows = [{"name": "id", "type": "string", "doc": "Id."}, *fields]
        body = ",\n".join(json.dumps({"doc": "It.", **row}) for row in rows)
        (self.folder / f"avro/{file}.avsc").write_text(f'{head}, "fields": [\n{body}\n]}}\n')

    def release(self, topic: str = "shop.orders") -> None:
        """Freezes the working copy, judged by nobody."""
        release(self.folder, topic)

    def examine(self, *topics: str, against: str | None = None) -> Examined:
        return examine(self.folder, topics, against)

    def errors(self, *topics: str, against: str | None = None) -> list[tuple[str, int, str]]:
        """File, line and rule of every error."""
        return [row(one) for one in self.examine(*topics, against=against).findings if one.severity == "error"]

    def warnings(self) -> list[tuple[str, int, str]]:
        return [row(one) for one in self.examine().findings if one.severity == "warning"]

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def commit(self, message: str = "A change") -> None:
        if not (self.root / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


def row(finding: Finding) -> tuple[str, int, str]:
    return finding.place.file, finding.place.line, finding.rule


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The contract shop.orders with one released version: id, and an int `count` in line 3."""
    made = Shop(tmp_path / "repo")
    made.contract()
    made.schema({"name": "count", "type": "int"})
    made.release()
    return made
