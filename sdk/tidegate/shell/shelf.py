"""The contracts at hand, by topic: compiled from bundles, kept on disk where a folder is given. Called by both shells; fetches nothing itself.

Reads are plain dict lookups, from any thread. A contract that cannot be compiled here (an extra is missing) is kept as such: its
events are sent unjudged.
"""

import logging
from dataclasses import dataclass, field

import msgspec

from tidegate.backoff import Random
from tidegate.contracts.codec import ContractError
from tidegate.contracts.compiled import CompiledContract, CompiledVersion, compile_contract
from tidegate.contracts.media import JSON
from tidegate.contracts.source import decode_source
from tidegate.freshness import Freshness
from tidegate.shell.bundle_files import BundleFiles
from tidegate.transport.port import Bundle, BundleAnswer, NotModified

__all__ = ["Shelf", "Shelved"]

_log = logging.getLogger("tidegate")


class _Live(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What only the SDK reads of a bundle, beside the contract's source."""

    on_invalid: str = "reject"


_decode_live = msgspec.json.Decoder(_Live).decode


@dataclass(slots=True, kw_only=True)
class Shelved:
    """One topic's place. `contract` is None where there is none at hand; `why` says why. `rejects`: false under `onInvalid: quarantine`.

    `plain` is the newest version where it takes plain JSON: what nearly every event needs.
    """

    topic: str
    contract: CompiledContract | None = None
    etag: str | None = None
    rejects: bool = True
    why: str = "its contract was not fetched yet"
    freshness: Freshness = field(default_factory=Freshness)
    plain: CompiledVersion | None = None


class Shelf:
    """All topics that a client has used."""

    __slots__ = ("_files", "_places", "_random")

    def __init__(self, files: BundleFiles | None, random: Random) -> None:
        self._places: dict[str, Shelved] = {}
        self._files = files
        self._random = random

    def known(self, topic: str) -> Shelved | None:
        """The topic's place, where the topic was used before."""
        return self._places.get(topic)

    def at(self, topic: str) -> Shelved:
        """The topic's place; at first use what is on disk is put there."""
        place = self._places.get(topic)
        if place is None:
            place = Shelved(topic=topic)
            kept = self._files.read(topic) if self._files is not None else None
            if kept is not None:
                self._put(place, kept)
            place = self._places.setdefault(topic, place)
        return place

    def answered(self, place: Shelved, answer: BundleAnswer, now: float) -> bool:
        """The gateway was asked. Answers whether the contract changed."""
        match answer:
            case Bundle():
                self._put(place, answer)
                place.freshness.looked(now)  # last: whoever sees it fresh must find the contract
                if self._files is not None:
                    self._files.write(place.topic, answer)
                return True
            case NotModified():
                place.freshness.looked(now)
                return False
            case _:
                place.freshness.failed(now, self._random, final=answer.final)
                if place.contract is None:
                    place.why = answer.reason
                return False

    def _put(self, place: Shelved, bundle: Bundle) -> None:
        place.etag = bundle.etag
        try:
            place.rejects = _decode_live(bundle.body).on_invalid == "reject"
            place.contract = compile_contract(decode_source(bundle.body), place.contract)
            newest = place.contract.newest
            place.plain = newest if JSON in newest.media_types else None
            place.why = ""
        except (msgspec.DecodeError, ContractError) as error:
            place.contract = place.plain = None
            if place.why != str(error):
                _log.warning("tidegate: events of %s are sent without a local verdict: %s", place.topic, error)
            place.why = str(error)
