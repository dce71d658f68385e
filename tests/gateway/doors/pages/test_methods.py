"""The gRPC methods on a topic's page, and the descriptors that grpcurl takes where nothing is told by reflection."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from google.protobuf import descriptor_pb2
from tests.gateway.doors.pages.test_pages import Page

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.services import ServiceSource
from tidegate.repository.services import read_services
from tidegate_gateway.doors.pages.content import topic_page
from tidegate_gateway.doors.pages.methods import methods, service_entries, service_of
from tidegate_gateway.doors.pages.rendering import topic_html
from tidegate_gateway.doors.rest.deps import GrpcAddress, RestDeps

SCHEMAS = Path(__file__).resolve().parents[4] / "schemas"
TOPIC = "customer.order-status"
NAME = "coffeeco.customer.v1.CustomerService"
GRPC = GrpcAddress(target="gate:8081", tls=False, reflection=False)
Ask = Callable[..., Awaitable[httpx2.Response]]


@pytest.fixture(scope="module")
def services() -> list[ServiceSource]:
    from tidegate.repository.folder import read

    sources = {source.topic: source for source in read(SCHEMAS, working_copies=False).contracts}
    return list(read_services(SCHEMAS, sources).services.values())


@pytest.fixture
def contract(deps: RestDeps) -> CompiledContract:
    return deps.intake.catalogue.current.contracts[TOPIC]


@pytest.fixture
def served(deps: RestDeps, services: list[ServiceSource]) -> None:
    """coffeeco's service beside its contracts."""
    holder = deps.intake.catalogue
    holder.swap(replace(holder.current, services={service.name: service for service in services}))


def test_each_method_with_what_it_takes_and_answers(contract: CompiledContract, services: list[ServiceSource]) -> None:
    order, response = "coffeeco.customer.v1.Order", "coffeeco.customer.v1.Response"
    assert [(one.name, one.takes, one.answers) for one in methods(contract, services, "https://gate", GRPC)] == [
        (f"{NAME}/TrackOrder", order, response),
        (f"{NAME}/TrackOrders", f"stream {order}", response),
        (f"{NAME}/FollowOrders", f"stream {order}", f"stream {response}"),
    ]


@pytest.mark.parametrize(
    ("grpc", "options"),
    [
        (GRPC, ["-plaintext", "-protoset", f"{NAME}.binpb"]),
        (GrpcAddress(target="[::1]:9", tls=True, reflection=True), []),
    ],
)
def test_the_grpcurl_line_sends_the_example(
    contract: CompiledContract, services: list[ServiceSource], grpc: GrpcAddress, options: list[str]
) -> None:
    unary, stream, _ = methods(contract, services, "https://gate", grpc)
    fetch = f"https://gate/docs/topics/{TOPIC}/services/{NAME}.binpb -o {NAME}.binpb"
    assert (fetch in unary.command) is (not grpc.reflection)
    for entry, count in ((unary, 1), (stream, 2)):
        shell = 'TOKEN=t; curl() { :; }; grpcurl() { printf "%s\\n" "$@"; echo --; cat; }\n' + entry.command
        done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
        words, _, given = done.stdout.partition("--\n")
        assert words.splitlines() == [*options, "-H", "Authorization: Bearer t", "-d", "@", grpc.target, entry.name]
        example = json.loads(contract.newest.codec.example())
        events, decoder = [], json.JSONDecoder()
        while given.strip():
            event, end = decoder.raw_decode(given.lstrip())
            events.append(event)
            given = given.lstrip()[end:]
        assert events == [example] * count


def test_the_lines_make_code_of_the_service(
    contract: CompiledContract, services: list[ServiceSource], tmp_path: Path
) -> None:
    """By a stock protoc, from nothing but what the gateway serves; of the messages that a language brings none is made."""
    (entry,) = service_entries(contract, services, "https://gate")
    (tmp_path / "served").write_bytes(services[0].descriptors)
    stand_ins = (
        f'TOKEN=t; curl() {{ cp served "$6"; }}; protoc() {{ {sys.executable} -P -m grpc_tools.protoc "$@"; }}\n'
    )
    subprocess.run(["/bin/sh", "-c", stand_ins + entry.code], cwd=tmp_path, check=True, timeout=60)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*_pb2.py")}
    assert {"coffeeco/customer/v1/customer_service_pb2.py", "buf/validate/validate_pb2.py"} <= made
    assert not any(path.startswith("google/") for path in made)
    assert entry.descriptors == f"docs/topics/{TOPIC}/services/{NAME}.binpb"


def test_the_page_shows_them_with_their_comments(contract: CompiledContract, services: list[ServiceSource]) -> None:
    html = topic_html(topic_page(contract, "https://gate", GRPC, services), "")
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {"section-methods", "section-fields"} <= set(page.ids)
    assert {"#section-methods", f"docs/topics/{TOPIC}/services/{NAME}.binpb"} <= set(page.links)
    said = page.text.replace("\u200b", "")
    for entry in methods(contract, services, "https://gate", GRPC):
        assert entry.command in said
        assert entry.doc in said
    assert "buf:lint" not in said


def test_without_services_or_a_port_the_page_says_nothing_of_them(
    contract: CompiledContract, services: list[ServiceSource]
) -> None:
    for page in (topic_page(contract, "https://gate", GRPC), topic_page(contract, "https://gate", None, services)):
        assert "section-methods" not in Page(topic_html(page, "")).ids


def test_only_what_publishes_to_the_topic_is_shown(deps: RestDeps, services: list[ServiceSource]) -> None:
    orders = deps.intake.catalogue.current.contracts["customer.orders"]
    assert methods(orders, services, "https://gate", GRPC) == ()
    assert service_of(services, NAME, "customer.orders") is None
    assert service_of(services, "coffeeco.Other", TOPIC) is None
    assert service_of(services, NAME, TOPIC) is services[0]


@pytest.mark.usefixtures("served")
async def test_the_descriptors_are_there_for_who_may_see_the_topic(ask: Ask) -> None:
    path = f"/docs/topics/{TOPIC}/services/{NAME}.binpb"
    answer = await ask(path, "reader")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    files = descriptor_pb2.FileDescriptorSet.FromString(answer.content).file
    assert files[-1].service[0].name == "CustomerService"
    assert (await ask(path)).status_code == 401
    assert (await ask(path, "other")).status_code == 403
    missing = await ask(path.replace("CustomerService", "Nothing"), "reader")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
