"""Stock generated clients, in three languages, on coffeeco's own service: a good order is in Kafka, a bad one names its fields.

Each client's code is made here from the .proto files, by protoc and the language's own plugin, as a producer would. Where a
toolchain is missing its client is skipped, and the end of the output says so.
"""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.e2e.clients.stubs import GOOGLE, OWN, protoc
from tests.e2e.clients.toolchains import fetched, needs, run
from tests.e2e.processes import SCHEMAS, GatewayProcess
from tests.kafka.reading import ReadRecord

from tidegate.repository.broken import Place, Problems
from tidegate.repository.protoc import run_protoc

pytestmark = pytest.mark.kafka

CLIENTS = Path(__file__).parent / "clients"
MODULE = "tidegate.example/client"
Client = list[str]
ReadAll = Callable[[str], list[ReadRecord]]


@pytest.fixture(scope="session")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("python")
    shutil.copy(CLIENTS / "python" / "main.py", folder)
    protoc(folder, OWN, f"--python_out={folder}", f"--grpc_python_out={folder}")
    return [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {_RUN}"]


_RUN = "import runpy; sys.argv[0] = 'main.py'; runpy.run_module('main', run_name='__main__')"


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    go = needs("go")
    folder = tmp_path_factory.mktemp("go")
    shutil.copytree(CLIENTS / "go", folder, dirs_exist_ok=True)
    fetched([go, "mod", "download"], folder, "Go modules")
    plugins = {
        "go": "google.golang.org/protobuf/cmd/protoc-gen-go",
        "go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    }
    run([go, "build", "-trimpath", "-o", f"{folder}/bin/", *plugins.values()], folder)
    options = []
    for kind in plugins:
        options += [f"--plugin=protoc-gen-{kind}={folder}/bin/protoc-gen-{kind}", f"--{kind}_out={folder}"]
        options += [f"--{kind}_opt=module={MODULE}"]
        options += [f"--{kind}_opt=M{name}={MODULE}/gen/{name.rpartition('/')[0]}" for name in OWN]
    protoc(folder, OWN, *options)
    run([go, "build", "-trimpath", "-o", "bin/client", "."], folder)
    return [f"{folder}/bin/client"]


@pytest.fixture(scope="session")
def typescript_client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    node, npm = needs("node"), needs("npm")
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(CLIENTS / "typescript", folder, dirs_exist_ok=True)
    fetched([npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"], folder, "npm packages")
    (folder / "gen").mkdir()
    plugin = f"--plugin=protoc-gen-ts_proto={folder}/node_modules/.bin/protoc-gen-ts_proto"
    choices = "outputServices=grpc-js,esModuleInterop=true,outputJsonMethods=true,useOptionals=none"
    protoc(folder, (*OWN, *GOOGLE), plugin, f"--ts_proto_out={folder}/gen", f"--ts_proto_opt={choices}")
    run([npm, "run", "--silent", "build"], folder)
    return [node, f"{folder}/dist/main.js"]


@pytest.mark.parametrize("language", ["python", "go", "typescript"])
def test_a_stock_client_tracks_orders(
    language: str, gateway: GatewayProcess, read_all: ReadAll, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    client: Client = request.getfixturevalue(f"{language}_client")
    order_id = str(uuid.uuid4())
    ran = subprocess.run(
        [*client, gateway.grpc, gateway.token(), order_id],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    stored = {"statusCode": 200, "message": "stored"}
    wrong = {"code": 3, "reason": "CONTRACT_VIOLATION"}
    boldness = ["coffees[0].boldness", "INT32_GTE_LTE"]
    assert said == [
        {"call": "TrackOrder", **stored},
        {"call": "TrackOrder", **wrong, "violations": [["orderId", "STRING_UUID"], boldness]},
        {"call": "FollowOrders", **stored},
        {"call": "FollowOrders", **stored},
        {"call": "FollowOrders", **wrong, "index": "2", "violations": [boldness]},
        {"call": "Publish", "id": "good", "status": "STATUS_STORED", "code": ""},
        {"call": "Publish", "id": "bad", "status": "STATUS_REJECTED", "code": "contract_violation"},
    ]
    records = [record for record in read_all("customer.order-status") if record.key == order_id.encode()]
    assert [boldness_of(record) for record in records] == [5, 1, 2, 3], "every good one, in order, and no bad one"
    assert dict(records[0].headers)["tidegate-id"] == f"{order_id}-{language}".encode()


def boldness_of(record: ReadRecord) -> int:
    """The value as any consumer reads it: Confluent's frame, then the message of the .proto file."""
    assert record.value is not None
    assert record.value[0] == 0
    assert record.value[5] == 0, "the first message of its file"
    order: Any = order_class().FromString(record.value[6:])
    return int(order.coffees[0].boldness)


def order_class() -> Any:
    name = "proto/coffeeco/customer/v1/order.proto"
    made = run_protoc(SCHEMAS, [name], Place(file=name), Problems(name))
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("coffeeco.customer.v1.Order"))
