"""Descriptions of everything for tools: served to each caller with the contracts that they may see, and kept while these are.

`openapi` and `asyncapi` say how such a document is made; here is who sees what, the ETag, and what is kept.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response

from tidegate.contracts.compiled import CompiledContract
from tidegate_gateway.doors.rest.deps import RestDeps
from tidegate_gateway.doors.rest.reads import etag_of, matches
from tidegate_gateway.doors.viewer import viewer_of

__all__ = ["Contracts", "install_document"]

Contracts = tuple[CompiledContract, ...]
"""Those that a caller may see, in the topics' order."""

_MOST_VIEWS = 8
"""Documents kept, each for other contracts: as many as there are kinds of tokens that ask often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """A document for those who see exactly these contracts."""

    contracts: Contracts
    body: bytes
    etag: str


class _Views:
    """The views of one document that were asked for last."""

    __slots__ = ("_kept", "_make")

    def __init__(self, make: Callable[[Contracts], bytes]) -> None:
        self._make = make
        self._kept: list[_View] = []

    async def of(self, contracts: Contracts) -> _View:
        """The view, made in a thread where it is not kept: a thousand contracts take seconds. What two of them make is the same."""
        kept = next((view for view in self._kept if view.contracts == contracts), None)
        return kept if kept is not None else await asyncio.to_thread(self._made, contracts)

    def _made(self, contracts: Contracts) -> _View:
        body = self._make(contracts)
        view = _View(contracts=contracts, body=body, etag=etag_of(body))
        self._kept = [view, *self._kept[: _MOST_VIEWS - 1]]
        return view


def install_document(app: FastAPI, deps: RestDeps, path: str, make: Callable[[Contracts], bytes]) -> None:
    """Serve the JSON document of `make` at `path`. Without a token it is that of no contract, unless contracts are public."""
    views = _Views(make)
    kept = {"Cache-Control": f"{'public' if deps.public else 'private'}, no-cache", "Vary": "Authorization"}

    async def document(request: Request) -> Response:
        viewer = await viewer_of(deps, request, anonymous=True)
        contracts = deps.intake.catalogue.current.contracts
        view = await views.of(tuple(contracts[topic] for topic in sorted(contracts) if viewer.sees(topic)))
        headers = {**kept, "ETag": view.etag}
        if matches(request.headers.get("if-none-match"), view.etag):
            return Response(status_code=304, headers=headers)
        return Response(view.body, media_type="application/json", headers=headers)

    app.add_api_route(path, document, methods=["GET"])
