"""A schemas folder with golden records, and pytest as its users run it: in a process of its own, with the plugin and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidegate.golden.judging import Judge
from tidegate.golden.mismatch import Mismatch
from tidegate.repository.broken import Problems
from tidegate.repository.golden import read_golden
from tidegate.repository.golden_making import golden_files
from tidegate.repository.release import release

TOPIC = "shop.orders"


class Golden:
    """One Avro contract whose versions are released with golden records, whether they are compatible or not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "schemas"
        for name in ("contracts", "avro"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / f"contracts/{TOPIC}.yaml").write_text(
            "team: {name: shop}\nschema:\n"
            f"  - physicalName: {TOPIC}\n    authoritativeDefinitions: [{{type: avro, url: avro/order.avsc}}]\n"
            "    customProperties:\n      - {property: compatibility, value: NONE}\n"
            "      - {property: inputs, value: pinned}\n"
        )

    def schema(self, *fields: Any, **more: Any) -> None:
        record = {"type": "record", "name": "Order", "namespace": "shop", "doc": "It.", "fields": fields, **more}
        (self.folder / "avro/order.avsc").write_text(json.dumps(record, indent=1))

    def release(self) -> None:
        release(
            self.folder,
            TOPIC,
            lambda version: {f"golden/{name}": made for name, made in golden_files(TOPIC, version).items()},
        )

    def released(self, *fields: Any, **more: Any) -> None:
        self.schema(*fields, **more)
        self.release()

    def record(self, version: int, name: str, event: Any) -> Path:
        path = self.folder / f"released/{TOPIC}/{version}/golden/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(event))
        return path

    def mismatch(self, version: int, name: str, reader: str) -> Mismatch | None:
        judge = Judge.of(self.folder)
        readers = {one.name: one for one in judge.readers(TOPIC, version)}
        records = read_golden(self.folder, TOPIC, version, Problems("golden", TOPIC))
        return judge.judge(next(one for one in records if one.name == name), readers[reader])

    def pytest(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run_pytest(self.root, *arguments)


def run_pytest(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """pytest below `root`; the plugin is named since an environment may be older than its entry point."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tidegate.golden.plugin", "-p", "no:cacheprovider", "--color=no", *arguments],
        cwd=root,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    return Golden(tmp_path / "repo")
