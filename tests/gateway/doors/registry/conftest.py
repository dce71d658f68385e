"""Coffeeco's contracts as a registry, asked through the application; protoc is the real one."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from tidegate_gateway.contracts_folder import read_catalogue
from tidegate_gateway.doors.rest.app import build_app
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.intake.catalogue import Catalogue
from tidegate_gateway.proto_texts import compile_proto_text

SCHEMAS = Path(__file__).parents[4] / "schemas"

Ask = Callable[..., Awaitable[httpx2.Response]]


@pytest.fixture(scope="session")
def coffeeco() -> Catalogue:
    catalogue = read_catalogue(SCHEMAS, working_copies=False)
    assert not catalogue.broken
    return catalogue


@pytest.fixture
def registry_deps(deps: RestDeps, coffeeco: Catalogue) -> RestDeps:
    deps.intake.catalogue.swap(coffeeco)
    return replace(deps, compile_proto=compile_proto_text)


@pytest.fixture
async def ask_registry(registry_deps: RestDeps) -> AsyncIterator[Ask]:
    """`ask(path, method="GET", body=None, token="everything", basic=False)`; the token None sends none."""
    transport = httpx2.ASGITransport(app=build_app(registry_deps))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gate") as client:

        async def ask(
            path: str,
            method: str = "GET",
            body: object = None,
            *,
            token: str | None = "everything",  # noqa: S107 -- a name in a table
            basic: bool = False,
            **headers: str,
        ) -> httpx2.Response:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            if token is not None:
                plain = base64.b64encode(f"x:{token}".encode()).decode()
                fields["Authorization"] = f"Basic {plain}" if basic else f"Bearer {token}"
            url = f"http://gate/registry{path}"
            if isinstance(body, bytes):
                return await client.request(method, url, content=body, headers=fields)
            return await client.request(method, url, json=body, headers=fields)

        yield ask
