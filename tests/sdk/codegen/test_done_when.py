"""Issue 8's "Done when" in a scratch clone of this repository's contracts, with real git and the commands as their users run them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest
from tests.sdk.golden.conftest import run_pytest

from tidegate.cli.main import main
from tidegate.contracts.avro.parsing import parse_schema
from tidegate.contracts.avro.resolution import Resolution
from tidegate.models import from_json, to_json
from tidegate.repository.folder import load

ROOT = Path(__file__).resolve().parents[3]
ORDER = "schemas/avro/coffeeco/customer/order.avsc"
NOTE = '    {"name": "note", "type": ["null", "string"]'
GIFT = '    {"name": "gift", "type": ["null", "string"], "default": null, "doc": "What the card says."},\n'


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a repository that holds coffeeco's contracts."""
    origin, made = tmp_path / "origin", tmp_path / "clone"
    shutil.copytree(ROOT / "schemas", origin / "schemas")
    shutil.copy(ROOT / "buf.yaml", origin / "buf.yaml")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-q", "-m", "The contracts"]):
        subprocess.run([*git, *command], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(made)], check=True)
    monkeypatch.chdir(made)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> str:
    found = capsys.readouterr()
    return found.out + found.err


def edit(change: Callable[[str], str]) -> None:
    path = Path(ORDER)
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def test_a_break_is_named_and_its_mended_form_is_released_read_and_generated(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(clone)
    assert main(["codegen", "--out", "coffeeco_done_2"]) == 0
    old_model = import_module("coffeeco_done_2.customer_orders")
    told(capsys)

    # a breaking edit: file, line, rule, and who breaks
    edit(lambda text: "".join(row for row in text.splitlines(keepends=True) if '"customerId"' not in row))
    assert main(["check", "--against", "origin/main", "customer.orders"]) == 1
    said = told(capsys)
    (consumers,) = [row for row in said.splitlines() if "forward/READER_FIELD_MISSING_DEFAULT_VALUE" in row][:1]
    assert consumers.startswith(f"{ORDER}:")
    assert "consumers on version" in consumers
    assert "producer/field-removed" in said
    assert "producers on version" in said
    assert main(["release", "customer.orders"]) == 1
    assert not Path("schemas/released/customer.orders/3").exists()
    told(capsys)

    # made compatible, and released
    subprocess.run(["git", "checkout", "-q", "--", ORDER], check=True)
    edit(lambda text: text.replace(NOTE, GIFT + NOTE))
    assert main(["check", "--against", "origin/main", "customer.orders"]) == 0
    assert main(["diff", "customer.orders", "2", "work"]) == 0
    assert "- `gift` is new: null or string, optional, default `null`.\n" in told(capsys)
    assert main(["release", "customer.orders"]) == 0
    assert "released customer.orders version 3" in told(capsys)

    # its golden records are collected, for every version that reads them
    tests = run_pytest(clone, "-q", "--collect-only")
    base = "schemas/released/customer.orders"
    assert f"{base}/3/golden/maximal.json::read by version 3" in tests.stdout
    assert f"{base}/1/golden/minimal.json::read by version 3" in tests.stdout
    assert run_pytest(clone, "-q").returncode == 0

    # the generated models change
    assert main(["codegen", "--out", "coffeeco_done_2", "--check"]) == 1
    assert "coffeeco_done_2/customer_orders.py: stale" in told(capsys)
    assert main(["codegen", "--out", "coffeeco_done_3"]) == 0
    invalidate_caches()
    new_model = import_module("coffeeco_done_3.customer_orders")
    assert (old_model.VERSION, new_model.VERSION) == (2, 3)
    golden = json.loads(Path(base, "3/golden/maximal.json").read_bytes()) | {"gift": "for you"}
    model = from_json(new_model.Order, json.dumps(golden).encode())
    assert model.gift == "for you"

    # what `dev` serves of the folder has the new version, and a consumer on the old one still reads
    loaded = load(clone / "schemas", working_copies=True)
    assert loaded.broken == ()
    contract = next(one for one in loaded.contracts if one.topic == "customer.orders")
    assert contract.newest.source.number == 3
    verdict = contract.newest.check(to_json(model))
    versions = {version.number: parse_schema(version.schema) for version in contract.source.versions}
    read = Resolution(versions[3], versions[2]).read(verdict.value[5:])
    assert isinstance(read, dict)
    assert read["orderId"] == golden["orderId"]
    assert "gift" not in read
    assert from_json(old_model.Order, to_json(model)).order_id == model.order_id


def test_a_new_repository_passes_its_own_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    monkeypatch.chdir(tmp_path / "new")
    assert main(["init", str(tmp_path / "new")]) == 1, "nothing that is there is overwritten"
    assert main(["check"]) == 0
    assert main(["release", "shop.orders"]) == 0
    assert main(["check"]) == 0
    assert "2 passed" in run_pytest(tmp_path / "new", "-q").stdout
    assert main(["codegen"]) == 0
    assert main(["codegen", "--check"]) == 0
    formatted = subprocess.run(["buf", "config", "ls-modules"], env={"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path)}, capture_output=True, text=True, check=False)  # fmt: skip
    assert formatted.returncode == 0, formatted.stderr
    assert "schemas/proto" in formatted.stdout


def test_the_new_repositorys_files_are_what_their_tools_read(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    assert main(["init", str(tmp_path)]) == 0
    workflow = yaml.safe_load((tmp_path / ".github/workflows/contracts.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["contracts"]["steps"]]
    assert "tidegate check --against origin/main --format github" in steps
    assert workflow["jobs"]["contracts"]["steps"][0]["with"]["fetch-depth"] == 0
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == {"tidegate-check", "avro-json", "buf-format"}
    assert yaml.safe_load((tmp_path / "buf.gen.yaml").read_text())["version"] == "v2"
