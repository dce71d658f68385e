"""What `tidegate codegen` writes for coffeeco and for awkward schemas: as its users run it, and as their tools read it."""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from mypy import api as mypy
from tests.sdk.codegen.conftest import STYLES, contract_of

from tidegate.cli.main import main
from tidegate.client import Client
from tidegate.codegen.packages import package_files, stale_files, write_files
from tidegate.contracts.compiled import compile_version
from tidegate.contracts.source import ContractSource, encode_source
from tidegate.contracts.verdict import Encoded
from tidegate.domain_client import DomainClient
from tidegate.exceptions import ContractViolation
from tidegate.models import from_json, to_json
from tidegate.repository.folder import read
from tidegate.transport.memory import MemoryTransport
from tidegate.transport.port import Bundle

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"
AWKWARD = {
    "type": "record",
    "name": "class",
    "namespace": "a.b",
    "doc": 'Says """quotes""" and back\\slashes, at some length, so that the text has to be wrapped somewhere in the middle.',
    "fields": [
        {"name": "class", "type": "int", "minimum": 1, "unit": "grams", "doc": 'Ends with a quote "'},
        {"name": "date", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
        {"name": "datetime", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
        {"name": "next", "type": ["null", "a.b.class"], "default": None},
        {"name": "int", "type": ["int", "string", "null"], "default": 5},
        {"name": "Item", "type": {"type": "record", "name": "Item", "fields": [{"name": "x", "type": "string", "default": "it's"}]}, "default": {}},
        {"name": "other", "type": ["null", "Item", {"type": "record", "name": "Box", "namespace": "c", "fields": []}], "default": None},
        {"name": "nanos", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "fixed", "type": {"type": "fixed", "name": "Exception", "size": 2}, "default": "ab"},
        {"name": "prices", "type": {"type": "map", "values": {"type": "array", "items": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}}, "default": {"a": ["\u0001"]}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["None", "mro", "A"]}, "default": "mro"},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}  # fmt: skip


def coffeeco() -> tuple[ContractSource, ...]:
    return read(SCHEMAS, working_copies=False).contracts


def everything() -> tuple[ContractSource, ...]:
    return (*coffeeco(), contract_of(AWKWARD, "class"))


@pytest.mark.slow
def test_mypy_strict_and_ruff_take_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for style in STYLES:
        write_files(tmp_path / f"events_{style}", package_files(everything(), style), whole=True)
    ruff = subprocess.run(
        ["ruff", "check", "--isolated", "--select", "A,ARG,B,C4,E,F,FBT,I,N,PIE,PYI,RUF,SIM,TID,UP,W", "--ignore", "E501", tmp_path],
        env={"PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ruff.returncode == 0, ruff.stdout
    monkeypatch.chdir(tmp_path)
    packages = [argument for style in STYLES for argument in ("-p", f"events_{style}")]
    told, errors, code = mypy.run(["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", *packages])
    assert code == 0, told + errors


@pytest.mark.parametrize("style", STYLES)
def test_golden_records_of_coffeeco_pass_through_the_models(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"golden_{style}"
    assert main(["codegen", "--contracts", str(SCHEMAS), "--style", style, "--out", str(tmp_path / package)]) == 0
    monkeypatch.syspath_prepend(tmp_path)
    seen = 0
    for contract in coffeeco():
        newest = max(contract.versions, key=lambda version: version.number)
        module = import_module(f"{package}.{contract.topic.replace('.', '_').replace('-', '_')}")
        kind = getattr(module, "Profile" if contract.topic == "customer.profiles" else "Order")
        version = compile_version(contract.topic, newest)
        for path in (SCHEMAS / "released" / contract.topic / str(newest.number) / "golden").glob("*.json"):
            seen += 1
            model = from_json(kind, path.read_bytes())
            verdict = version.check(to_json(model))
            assert isinstance(verdict, Encoded)
            assert verdict.value is not None
            assert verdict.value.endswith(path.with_suffix(".bin").read_bytes())
            assert from_json(kind, to_json(model)) == model
            assert newest.number == module.VERSION
    assert seen == 6


def test_docstrings_say_what_the_contract_says() -> None:
    text = package_files(everything(), "dataclass")
    order = text["customer_orders.py"]
    assert '"""How bold it is roasted, from 1 to 10. Expected: int, 1 to 10."""' in order
    assert "One order that a customer placed." in order
    assert "Topic customer.orders, version 2. Key: orderId. Event time: placedAt." in order
    assert "placed_at: _models.TimestampMillis" in order
    assert "Sensitive: answers" in order
    assert "At most one is given: courier, pickup_point." in text["customer_order_status.py"]
    assert "Unit: grams." in text["class_.py"]
    assert "Unit: Nanoseconds since 1970 UTC." in text["class_.py"]


def test_the_same_contracts_give_the_same_bytes() -> None:
    assert package_files(everything(), "msgspec") == package_files(reversed(everything()), "msgspec")


def test_check_names_what_is_stale_missing_or_left_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "models"
    command = ["codegen", "--contracts", str(SCHEMAS), "--out", str(out)]
    assert main([*command, "--check"]) == 1, "nothing is there yet"
    assert main(command) == 0
    assert main([*command, "--check"]) == 0
    (out / "customer_orders.py").write_text((out / "customer_orders.py").read_text() + "x = 1\n")
    (out / "customer_profiles.py").unlink()
    shutil.copy(out / "customer_orders.py", out / "customer_gone.py")
    (out / "mine.py").write_text("# written by hand\n")
    capsys.readouterr()
    assert main([*command, "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{out / 'customer_orders.py'}: stale",
        f"{out / 'customer_profiles.py'}: missing",
        f"{out / 'customer_gone.py'}: left over",
    ]
    assert main(command) == 0
    assert main([*command, "--check"]) == 0
    assert not (out / "customer_gone.py").exists()
    assert (out / "mine.py").exists(), "what people wrote stays"


def test_single_topics_leave_the_others_alone(tmp_path: Path) -> None:
    files = package_files(coffeeco(), "dataclass")
    write_files(tmp_path, files, whole=True)
    assert main(["codegen", "customer.orders", "--contracts", str(SCHEMAS), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "customer_profiles.py").exists()
    assert set(stale_files(tmp_path, files, whole=True)) == {"customer_client.py"}, "its client has that topic alone"


def test_what_is_asked_for_and_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["codegen", "customer.order", "--contracts", str(SCHEMAS), "--out", str(tmp_path / "m")]) == 2
    assert capsys.readouterr().err == (
        'tidegate: there is no contract "customer.order"\n    hint: did you mean "customer.orders"?\n'
    )
    assert main(["codegen", "--contracts", str(tmp_path)]) == 2
    assert main(["codegen", "--contracts", str(SCHEMAS), "--package", "../x"]) == 2
    assert main(["codegen", "--contracts", str(SCHEMAS), "--package", "x", "--check"]) == 2
    assert not (tmp_path / "m").exists()


def test_a_contract_without_a_release_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    command = ["codegen", "--contracts", str(tmp_path / "new/schemas"), "--out", str(tmp_path / "models")]
    assert main(command) == 0
    assert "left out shop.orders: no released version" in capsys.readouterr().err
    assert main([*command, "shop.orders"]) == 1
    contract = tmp_path / "new/schemas/contracts/shop.orders.yaml"
    contract.write_text(contract.read_text().replace("status: active", "status: draft"))
    capsys.readouterr()
    assert main([*command, "shop.orders"]) == 1
    assert capsys.readouterr().err.endswith("shop.orders.yaml is a draft: models are made of what is served\n")


def test_a_wheel_is_installed_and_publishes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["codegen", "--contracts", str(SCHEMAS), "--package", "coffeeco-events", "--out", str(tmp_path)]
    assert main(command) == 0
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == "coffeeco_events-1.6.0-py3-none-any.whl", "six releases in the lock"
    before = wheel.read_bytes()
    assert main(command) == 0
    assert wheel.read_bytes() == before
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        record = archive.read("coffeeco_events-1.6.0.dist-info/RECORD").decode()
        about = archive.read("coffeeco_events-1.6.0.dist-info/METADATA").decode()
        archive.extractall(tmp_path / "site")
    assert [line.split(",")[0] for line in record.splitlines()] == names
    assert "Requires-Dist: tidegate>=" in about
    assert "coffeeco_events/py.typed" in names
    script = (
        "from importlib.metadata import version\nfrom coffeeco_events.customer_client import Customer\n"
        "from coffeeco_events.customer_orders import Order\nprint(version('coffeeco-events'), Customer.track_order.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "site", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1.6.0 track_order"), done.stderr


def test_a_model_is_tracked_by_its_domains_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Customer.from_token(token).track_order(Order(...))`, on a gateway in memory."""
    write_files(tmp_path / "shipped", package_files(coffeeco(), "dataclass"), whole=True)
    monkeypatch.syspath_prepend(tmp_path)
    orders, clients = import_module("shipped.customer_orders"), import_module("shipped.customer_client")
    assert issubclass(clients.Customer, DomainClient)
    order = from_json(orders.Order, (SCHEMAS / "released/customer.orders/2/golden/maximal.json").read_bytes())
    bundles = {one.topic: Bundle(body=encode_source(one), etag=f'"{one.topic}"') for one in coffeeco()}
    transport = MemoryTransport(bundles=bundles)
    client = Client("https://gate.example.com", "token", transport=lambda: transport)
    with clients.Customer(client) as customer:
        assert customer.track_order(order, event_id="first").status == "stored"
        with pytest.raises(TypeError, match="takes Order, not Item"):
            customer.track_order(order.items[0])
        with pytest.raises(ContractViolation, match="boldness"):
            customer.track_order(replace(order, items=[replace(order.items[0], boldness=11)]))
    (request,) = transport.requests
    (event,) = request.events
    assert (event.id, event.version) == ("first", 2)


def test_a_domains_client_needs_to_know_its_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEGATE_URL", raising=False)
    with pytest.raises(ValueError, match="TIDEGATE_URL"):
        DomainClient.from_token("token")
    monkeypatch.setenv("TIDEGATE_URL", "https://gate.example.com")
    with DomainClient.from_token("token") as made:
        assert made.close() == 0
