"""Schema ids from a Confluent-compatible registry that an operator already has. Asked when contracts are loaded, never for an event.

Read-only: what is not registered there breaks its contract, and says so. What was found once is kept, so that a registry that is
away breaks nothing that is served. Called through `contracts_folder`, in a thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import msgspec

from tidegate.contracts.codec import ContractError
from tidegate.contracts.source import ContractSource, VersionSource

__all__ = ["ExternalRegistry", "RegistrySettings", "ServedProto"]

_TIMEOUT_S = 5.0
_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_MAX_ID = 2**31 - 1
_BUILT_IN = "google/protobuf/"

ServedProto = Callable[[bytes], tuple[str, tuple[str, ...]]]
"""A Protobuf version's descriptors to the text that consumers get, and what that imports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """Where it is (`https://registry.example.com`, a path may follow) and, where it asks, who we are. The password is never shown."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


class _Found(msgspec.Struct):
    id: int


class ExternalRegistry:
    """Gives a contract's versions the ids of the registry. One for a process; used by one thread at a time."""

    def __init__(
        self, settings: RegistrySettings, served_proto: ServedProto, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._served_proto = served_proto
        self._transport = transport
        self._known: dict[tuple[str, str, str], int] = {}

    def __call__(self, source: ContractSource) -> ContractSource:
        """The contract with the registry's ids in its released versions. Raises `ContractError`."""
        versions = tuple(
            version
            if version.number == 0
            else msgspec.structs.replace(version, schema_id=self._id_of(f"{source.topic}-value", version))
            for version in source.versions
        )
        return msgspec.structs.replace(source, versions=versions)

    def _id_of(self, subject: str, version: VersionSource) -> int:
        key = (subject, version.format, version.schema)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._looked_up(subject, version)
        return known

    def _looked_up(self, subject: str, version: VersionSource) -> int:
        """Protobuf is asked for as consumers get it, then as it stands in the repository."""
        for body in self._bodies(version):
            found = self._asked(subject, body)
            if found is not None:
                return found
        raise ContractError(
            f"the registry at {self._settings.url} does not have version {version.number} under {subject}: register it there"
        )

    def _bodies(self, version: VersionSource) -> list[dict[str, object]]:
        if version.format == "avro":
            return [{"schema": version.schema}]
        text, imports = self._served_proto(version.descriptors)
        references = [
            {"name": name, "subject": name, "version": -1} for name in imports if not name.startswith(_BUILT_IN)
        ]
        return [{"schemaType": "PROTOBUF", "schema": one, "references": references} for one in (text, version.schema)]

    def _asked(self, subject: str, body: dict[str, object]) -> int | None:
        """The id, or None where it has none for this schema. Raises `ContractError` where it cannot be asked."""
        settings = self._settings
        auth = (settings.username, settings.password) if settings.username else None
        url = f"{settings.url.rstrip('/')}/subjects/{subject}"
        try:
            with httpx2.Client(timeout=_TIMEOUT_S, auth=auth, transport=self._transport) as client:
                answer = client.post(url, content=msgspec.json.encode(body), headers={"Accept": _ACCEPT})
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ContractError(f"the registry at {settings.url} cannot be reached: {type(error).__name__}") from error
        if answer.status_code in {404, 422}:
            return None
        if answer.status_code != 200:
            raise ContractError(f"the registry at {settings.url} answers {answer.status_code} for {subject}")
        try:
            found = msgspec.json.decode(answer.content, type=_Found).id
        except msgspec.MsgspecError as error:
            raise ContractError(f"the registry at {settings.url} answers no id for {subject}") from error
        if not 0 < found <= _MAX_ID:
            raise ContractError(f"the registry at {settings.url} answers the id {found}, which fits no frame")
        return found
