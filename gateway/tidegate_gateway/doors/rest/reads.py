"""What a caller may see of the contracts: list, view, contract file, schemas, bundle. `app` includes the router.

Plain FastAPI: none of it is hot. A refusal is a `Fault`, which `app` renders like everywhere else.
"""

from dataclasses import dataclass
from hashlib import sha256
from re import compile as regex

import msgspec
from fastapi import APIRouter, Request, Response

from tidegate.contracts.compiled import CompiledContract, CompiledVersion
from tidegate.contracts.source import ContractSource, encode_source
from tidegate.errors import Code
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.views import TopicList, row_of, topic_view
from tidegate_gateway.doors.viewer import Serving, readable, viewer_of
from tidegate_gateway.intake.faults import Fault

__all__ = ["AVRO_SCHEMA", "JSON", "PROTO_SCHEMA", "YAML", "Bundle", "Bundles", "etag_of", "matches", "reads_router"]

JSON = "application/json"
YAML = "application/yaml"
"""RFC 9512."""
AVRO_SCHEMA = "application/json"
PROTO_SCHEMA = "text/plain; charset=utf-8"

_VERSION = regex(r"[0-9]{1,10}").fullmatch
_VERSION_RULE = "a version is a number of at most 10 digits, or latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The bundle of one contract: its bytes and their strong ETag."""

    source: ContractSource
    body: bytes
    etag: str


class Bundles:
    """Each contract's bundle, made once: as long as the snapshot holds the very same source, its bytes are kept."""

    __slots__ = ("_bundles", "_deps")

    def __init__(self, deps: Serving) -> None:
        self._deps = deps
        self._bundles: dict[str, Bundle] = {}

    def of(self, contract: CompiledContract) -> Bundle:
        """The contract's bundle."""
        kept = self._bundles.get(contract.topic)
        if kept is not None and kept.source is contract.source:
            return kept
        body = encode_source(contract.source)
        made = Bundle(source=contract.source, body=body, etag=etag_of(body))
        served = self._deps.intake.catalogue.current.contracts
        self._bundles = {topic: bundle for topic, bundle in self._bundles.items() if topic in served}
        self._bundles[contract.topic] = made
        return made


def etag_of(body: bytes) -> str:
    """The strong ETag of these bytes (RFC 9110, section 8.8.3)."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether If-None-Match names the ETag: weakly compared, `*` is any (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return tags == ["*"] or etag in tags


def reads_router(deps: RestDeps) -> APIRouter:
    """`/v1/topics` and below, all by GET."""
    router = APIRouter(prefix="/v1/topics")
    bundles = Bundles(deps)
    cached = {"Cache-Control": f"{'public' if deps.public else 'private'}, no-cache", "Vary": "Authorization"}

    def answer(request: Request, body: bytes, media_type: str, etag: str | None = None) -> Response:
        etag = etag if etag is not None else etag_of(body)
        headers = {**cached, "ETag": etag}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers={**headers, "Content-Type": media_type})

    async def contract_for(request: Request, topic: str) -> CompiledContract:
        return readable(deps, await viewer_of(deps, request), topic)

    @router.get("")
    async def list_topics(request: Request) -> Response:
        viewer = await viewer_of(deps, request)
        contracts = sorted(deps.intake.catalogue.current.contracts.items())
        rows = tuple(row_of(contract, deps.base_url) for topic, contract in contracts if viewer.sees(topic))
        return answer(request, msgspec.json.encode(TopicList(topics=rows)), JSON)

    @router.get("/{topic}")
    async def show_topic(request: Request, topic: str) -> Response:
        view = topic_view(await contract_for(request, topic), deps.base_url)
        return answer(request, msgspec.json.encode(view), JSON)

    @router.get("/{topic}/contract")
    async def show_contract(request: Request, topic: str) -> Response:
        contract = await contract_for(request, topic)
        return answer(request, contract.source.document.encode(), YAML)

    @router.get("/{topic}/schemas/{version}")
    async def show_schema(request: Request, topic: str, version: str) -> Response:
        found = _version(await contract_for(request, topic), version)
        media_type = AVRO_SCHEMA if found.source.format == "avro" else PROTO_SCHEMA
        return answer(request, found.source.schema.encode(), media_type)

    @router.get("/{topic}/bundle")
    async def show_bundle(request: Request, topic: str) -> Response:
        bundle = bundles.of(await contract_for(request, topic))
        return answer(request, bundle.body, JSON, bundle.etag)

    return router


def _version(contract: CompiledContract, text: str) -> CompiledVersion:
    """The version that a path names. Raises `malformed` for what is no version, `unknown_version` (404) for none here."""
    if text == "latest":
        return contract.newest
    if not _VERSION(text):
        raise Fault(Code.MALFORMED, _VERSION_RULE, topic=contract.topic)
    found = contract.versions.get(int(text))
    if found is None:
        raise Fault(
            Code.UNKNOWN_VERSION,
            f"{contract.topic} has no version {int(text)}; it has {', '.join(map(str, contract.versions))}",
            status=404,
            topic=contract.topic,
        )
    return found
