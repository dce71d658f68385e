"""What an import costs and pulls, and what is said where something is not installed (sdk.md, lifecycle; issue 7)."""

import json
import subprocess
import sys
from typing import Any

import pytest

import tidegate

HEAVY = ["httpx2", "grpc", "google.protobuf", "pydantic", "opentelemetry", "yaml", "sqlite3", "protovalidate"]


def python(program: str) -> Any:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "line", ["import tidegate", "from tidegate import Client, AsyncClient, ClientCredentials, ContractViolation"]
)
def test_an_import_pulls_no_transport(line: str) -> None:
    loaded = python(f"{line}; import sys, json; print(json.dumps(sorted(sys.modules)))")
    assert [name for name in HEAVY if name in loaded] == []


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    loaded = python("import tidegate, sys, json; print(json.dumps(sorted(sys.modules)))")
    assert [name for name in loaded if name.startswith("tidegate.")] == []
    assert not {"asyncio", "msgspec", "re2", "logging"} & set(loaded)


def test_every_public_name_is_there() -> None:
    for name in tidegate.__all__:
        assert getattr(tidegate, name).__name__ == name
    assert set(dir(tidegate)) == set(tidegate.__all__)
    with pytest.raises(AttributeError, match="Klient"):
        tidegate.Klient  # noqa: B018 -- the look-up is the test


@pytest.mark.parametrize(
    ("url", "missing", "said"),
    [
        ("https://gate.example.com", "httpx2", "HTTP needs httpx2, which is not installed: pip install 'tidegate'"),
        ("grpc://gate.example.com", "grpc", "gRPC needs grpc, which is not installed: pip install 'tidegate[grpc]'"),
    ],
)
def test_a_transport_that_is_not_installed_is_named_with_its_extra(url: str, missing: str, said: str) -> None:
    program = f"""
import json, sys
sys.modules[{missing!r}] = None
from tidegate import Client
try:
    Client({url!r}).publish("t", {{}})
except ImportError as error:
    print(json.dumps(str(error)))
"""
    assert said in python(program)
