"""/openapi.json: the whole of the REST door for programs, with what the caller may see of the contracts (OpenAPI 3.1).

Installed by `app`, served by `documents`. Parts: `openapi_events`, `openapi_contracts`, `openapi_typed`, `openapi_schemas`. Here it is
decided only how they are joined, and that each contract's part is kept.
"""

from collections.abc import Sequence
from importlib.metadata import version

import msgspec
from fastapi import FastAPI

from tidegate.contracts.compiled import CompiledContract
from tidegate.contracts.verdict import Rejected
from tidegate_gateway.doors.problems import example_problem
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.documents import Contracts, install_document
from tidegate_gateway.doors.rest.openapi_contracts import contract_paths
from tidegate_gateway.doors.rest.openapi_dialects import DIALECT_SCHEMAS, dialect_paths
from tidegate_gateway.doors.rest.openapi_events import EVENT_RESPONSES, event_paths
from tidegate_gateway.doors.rest.openapi_parts import Samples
from tidegate_gateway.doors.rest.openapi_schemas import SCHEMAS, Json
from tidegate_gateway.doors.rest.openapi_typed import Fragment, fragment_of

__all__ = ["description", "install_openapi"]

_MOST_SAMPLES = 20
"""Topics whose examples stand at the endpoints of all topics; each has its own beside its schema."""

_ABOUT = (
    "The gate in front of Kafka: only events that satisfy their contract get in, and a refusal names everything that is "
    "wrong with an event.\n\nErrors are problems (RFC 9457) whose `code` says what to do; `type` links to its page.\n\n"
    "Not listed here: HEAD, which is answered wherever GET is, and the paths that redirect to /docs (`/` for browsers, "
    "`/docs/`, `/docs/topics`, `/docs/errors`). The schema registry below /registry describes itself: /registry/openapi.json."
)


def install_openapi(app: FastAPI, deps: RestDeps) -> None:
    """Serve /openapi.json. Without a token it shows the interface and no contract, unless contracts are public."""
    install_document(app, deps, "/openapi.json", Documents(deps).made)


class Documents:
    """The documents of one gateway. A contract's part is made once, and kept while the contract is served."""

    def __init__(self, deps: RestDeps) -> None:
        self._deps = deps
        self._fragments: dict[str, Fragment] = {}

    def made(self, contracts: Contracts) -> bytes:
        """The document with these contracts. A thread may call it."""
        fragments = [self._fragment(one) for one in contracts if one.source.status != "retired"]
        body = msgspec.json.encode(
            description(list(contracts), self._deps.base_url, public=self._deps.public, fragments=fragments)
        )
        served = self._deps.intake.catalogue.current.contracts
        self._fragments = {topic: one for topic, one in self._fragments.items() if topic in served}
        return body

    def _fragment(self, contract: CompiledContract) -> Fragment:
        found = self._fragments.get(contract.topic)
        if found is None or found.contract is not contract:
            found = self._fragments[contract.topic] = fragment_of(contract, self._refusal)
        return found

    def _refusal(self, contract: CompiledContract, rejected: Rejected) -> bytes:
        return msgspec.json.encode(example_problem(contract, rejected, self._deps.base_url))


def description(
    contracts: list[CompiledContract], base_url: str, *, public: bool, fragments: Sequence[Fragment] = ()
) -> dict[str, object]:
    """The document with these contracts; `fragments` are the operations of their own."""
    values: tuple[tuple[str, Json], ...] = tuple(
        (contract.topic, msgspec.json.decode(contract.newest.codec.example()))
        for contract in [one for one in contracts if one.source.status != "retired"][:_MOST_SAMPLES]
    )
    samples = Samples(values=values, public=public)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidegate", "version": version("tidegate-gateway"), "description": _ABOUT},
        "servers": [{"url": base_url}],
        "tags": [
            {"name": "events", "description": "Send events."},
            {"name": "contracts", "description": "What events must look like."},
            {"name": "pages", "description": "The same for people."},
        ],
        "externalDocs": {"url": f"{base_url}/docs", "description": "Contracts and errors for people"},
        "paths": {
            **event_paths(samples),
            **dialect_paths(samples),
            **{path: item for one in fragments for path, item in one.paths.items()},
            **contract_paths(samples),
        },
        "components": {
            "schemas": {
                **SCHEMAS,
                **DIALECT_SCHEMAS,
                **{name: schema for one in fragments for name, schema in one.schemas.items()},
            },
            "responses": {f"Event{status}": response for status, response in EVENT_RESPONSES.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic", "description": "Any name; the token is the password."},
            },
        },
    }
