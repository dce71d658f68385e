"""One contract file (ODCS YAML) as the values that the gateway takes from it. Called by `folder`.

What the schema itself must hold (does the key's field exist?) is not asked here: `folder` does, once it has read it.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, cast

import tidegate.repository.vocabulary as names
from tidegate.contracts.source import (
    ContractSource,
    Status,
    Tombstones,
    UnknownFields,
)
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Place, Problems, Refused
from tidegate.repository.kafka_topic import read_topic_settings
from tidegate.repository.nodes import Document, Node
from tidegate.repository.properties import Property, read_properties
from tidegate.repository.routes import route_fault
from tidegate.repository.sections import (
    check_unused,
    read_limits,
    read_owner,
    read_purpose,
    read_roles,
    read_service_levels,
    read_support,
)

__all__ = ["ContractFile", "Definition", "is_topic", "read_contract"]

_is_topic_text = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII).fullmatch
_MAX_EVENT_BYTES = 100_000_000
_PLACED = ("key", "eventTime", "inputs", "maxEventBytes", "route", "unknownFields", "tombstones")


def is_topic(name: str) -> bool:
    """Whether a name may be a contract's topic: Kafka's own rule, and not one of the broker's (`__...`)."""
    return _is_topic_text(name) is not None and name not in {".", ".."} and not name.startswith("__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The schema file a contract names. `message` is the full name of a Protobuf message, empty for Avro."""

    format: Literal["avro", "protobuf"]
    path: str
    message: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFile:
    """A contract file, read. `live` holds the part shared by all versions, without any version.

    The rest becomes part of a version when it is released. `places` knows where `id`, `status`, `key`, `eventTime`,
    `inputs`, `maxEventBytes`, `route`, `unknownFields` and `tombstones` are written.
    """

    live: ContractSource
    definition: Definition
    key: str | None
    event_time: str | None
    unknown_fields: UnknownFields
    tombstones: Tombstones
    properties: tuple[Property, ...]
    places: dict[str, Place]

    @property
    def topic(self) -> str:
        """The topic that the contract is about."""
        return self.live.topic


def read_contract(text: str, topic: str, problems: Problems) -> ContractFile:
    """The contract of `topic` (the file's name says which). Raises `Refused` when anything is wrong, all of it noted."""
    contract = _Reader(Document(problems), topic).read(text)
    if contract is None or problems:
        raise Refused(topic)
    return contract


class _Reader:
    """One reading of one file: a method a section, every problem noted on the way."""

    def __init__(self, document: Document, topic: str) -> None:
        self._document = document
        self._topic = topic

    def read(self, text: str) -> ContractFile | None:
        doc = self._document
        root = doc.compose(text)
        top = doc.members(root, "a contract", names.TOP)
        doc.one_of(top.get("apiVersion"), "apiVersion", names.API_VERSIONS)
        doc.one_of(top.get("kind"), "kind", {"DataContract"})
        check_unused(doc, top)
        schema = self._schema_object(root, top.get("schema"))
        options = self._options(schema.get("customProperties"))
        definition = self._definition(schema.get("authoritativeDefinitions"))
        if "physicalName" in schema:
            self._check_topic(schema["physicalName"])
        elif schema:
            doc.note(doc.rows(top["schema"], "schema")[0], "schema[0].physicalName is missing: it names the topic")
        properties = read_properties(doc, schema.get("properties"))
        if definition is None:
            return None
        return self._contract(text, top, options, definition, properties)

    def _contract(
        self,
        text: str,
        top: dict[str, Node],
        options: dict[str, Node],
        definition: Definition,
        properties: tuple[Property, ...],
    ) -> ContractFile:
        doc = self._document
        protobuf = definition.format == "protobuf"
        for row in properties if protobuf else ():
            if row.keywords and row.options_place is not None:
                detail = (
                    "logicalTypeOptions: the rules of a Protobuf contract live in its schema, as protovalidate options"
                )
                doc.note_at(row.options_place, detail)
        support = read_support(doc, top.get("support"))
        live = ContractSource(
            topic=self._topic,
            id=doc.text(top.get("id"), "id") or self._topic,
            version=doc.text(top.get("version"), "version") or "",
            name=doc.text(top.get("name"), "name") or "",
            status=cast("Status", doc.one_of(top.get("status"), "status", names.STATUS) or "active"),
            domain=doc.text(top.get("domain"), "domain") or "",
            purpose=read_purpose(doc, top.get("description")),
            owner=read_owner(doc, top.get("team"), support),
            support=support,
            service_levels=read_service_levels(doc, top.get("slaProperties")),
            roles=read_roles(doc, top.get("roles")),
            compatibility=self._compatibility(options.get("compatibility"), protobuf=protobuf),
            compatibility_set="compatibility" in options,
            inputs="pinned" if self._choice(options, "inputs", "any", "pinned") == "pinned" else "any",
            limits=read_limits(doc, options.get("limits"), "limits"),
            kafka=read_topic_settings(doc, options.get("kafka")),
            topic_limits=read_limits(doc, options.get("topicLimits"), "topicLimits"),
            max_event_bytes=doc.whole(options.get("maxEventBytes"), "maxEventBytes", least=1, most=_MAX_EVENT_BYTES),
            route=self._route(options.get("route")),
            sensitive=tuple(row.path for row in properties if row.sensitive),
            descriptions={row.path: row.description for row in properties if row.description},
            document=text,
            versions=(),
        )
        self._on_invalid(options.get("onInvalid"))
        return ContractFile(
            live=live,
            definition=definition,
            key=self._field_path(options.get("key"), "key"),
            event_time=self._field_path(options.get("eventTime"), "eventTime"),
            unknown_fields=self._unknown_fields(options, protobuf=protobuf),
            tombstones=cast("Tombstones", self._choice(options, "tombstones", "reject", "allow")),
            properties=properties,
            places=self._places(top, options),
        )

    def _places(self, top: dict[str, Node], options: dict[str, Node]) -> dict[str, Place]:
        nodes: dict[str, Node] = {name: options[name] for name in _PLACED if name in options}
        nodes |= {name: top[name] for name in ("id", "status") if name in top}
        return {name: self._document.place(node) for name, node in nodes.items()}

    def _schema_object(self, root: Node, node: Node | None) -> dict[str, Node]:
        doc = self._document
        if node is None:
            doc.note(root, "schema is missing: schema[0] names the topic and its schema file")
            return {}
        rows = doc.rows(node, "schema")
        if len(rows) != 1:
            doc.note(node, f"schema has {len(rows)} entries, and a contract is about one topic")
            return {}
        members = doc.members(rows[0], "schema[0]", names.SCHEMA_OBJECT)
        for what in ("name", "physicalType", "description", "businessName"):
            doc.text(members.get(what), f"schema[0].{what}")
        if "authoritativeDefinitions" not in members:
            doc.note(rows[0], "schema[0].authoritativeDefinitions is missing: it names the schema's file")
        return members

    def _check_topic(self, node: Node) -> None:
        name = self._document.text(node, "schema[0].physicalName")
        if name is None:
            return
        if not is_topic(name):
            detail = "a topic has 1 to 249 letters, digits, dots, dashes and underscores, and does not begin with __"
            self._document.note(node, f'"{shown(name)}" can be no topic: {detail}')
        elif name != self._topic:
            self._document.note(node, f'the topic is "{name}", so the file\'s name must be {name}.yaml')

    def _definition(self, node: Node | None) -> Definition | None:
        doc = self._document
        found: list[Definition] = []
        for row in doc.rows(node, "authoritativeDefinitions"):
            members = doc.members(row, "an authoritative definition", names.DEFINITION)
            kind = doc.one_of(members.get("type"), "type", names.DEFINITION_TYPES)
            url = doc.text(members.get("url"), "url")
            if "type" not in members or "url" not in members:
                doc.note(row, "an authoritative definition has a type and a url")
            elif url is not None and kind == "avro":
                found += self._file(members["url"], url, "avro", ".avsc", message="")
            elif url is not None and kind == "protobuf":
                path, _, message = url.partition("#")
                if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", message, re.ASCII):
                    doc.note(
                        members["url"],
                        "a Protobuf url ends in # and the message's full name: proto/<file>.proto#<message>",
                    )
                else:
                    found += self._file(members["url"], path, "protobuf", ".proto", message=message)
        if len(found) > 1:
            doc.note_at(found[1].place, "a second schema: a contract has one avro or protobuf definition")
        elif node is not None and not found and not doc.noted:
            doc.note(node, "no definition has the type avro or protobuf")
        return found[0] if found else None

    def _file(
        self, node: Node, path: str, kind: Literal["avro", "protobuf"], suffix: str, *, message: str
    ) -> list[Definition]:
        folder = "avro" if kind == "avro" else "proto"
        parts = PurePosixPath(path).parts
        if not path.endswith(suffix) or parts[:1] != (folder,) or ".." in parts or "\\" in path or "\0" in path:
            self._document.note(
                node, f'"{shown(path)}" is not a {suffix} file below {folder}/ (relative to the schemas folder)'
            )
            return []
        place = self._document.place(node)
        return [Definition(format=kind, path=str(PurePosixPath(path)), message=message, place=place)]

    def _options(self, node: Node | None) -> dict[str, Node]:
        doc = self._document
        found: dict[str, Node] = {}
        for row in doc.rows(node, "customProperties"):
            members = doc.members(row, "a custom property", names.CUSTOM_PROPERTY)
            name = doc.text(members.get("property"), "property")
            if "property" not in members or "value" not in members:
                doc.note(row, "a custom property has a property and a value")
            elif name is None:
                continue
            elif name in names.NOT_SERVED:
                doc.note(members["property"], f'"{name}" is not served by this build yet')
            elif name not in names.CUSTOM_PROPERTIES:
                hint = did_you_mean(name, names.CUSTOM_PROPERTIES | names.NOT_SERVED)
                known = f"known: {', '.join(sorted(names.CUSTOM_PROPERTIES))}"
                doc.note(members["property"], f'no custom property is called "{shown(name)}"; {hint or known}')
            elif name in found:
                doc.note(members["property"], f'"{name}" is given twice')
            else:
                found[name] = members["value"]
        return found

    def _choice(self, options: dict[str, Node], name: str, default: str, *others: str) -> str:
        return self._document.one_of(options.get(name), name, {default, *others}) or default

    def _unknown_fields(self, options: dict[str, Node], *, protobuf: bool) -> UnknownFields:
        value = self._choice(options, "unknownFields", "reject", "drop", "keep")
        if value == "keep" and not protobuf:
            detail = 'unknownFields "keep" is for Protobuf only: Avro has no place for them'
            self._document.note(options["unknownFields"], detail)
            return "reject"
        return "drop" if value == "drop" else "keep" if value == "keep" else "reject"

    def _on_invalid(self, node: Node | None) -> None:
        if node is not None and self._document.one_of(node, "onInvalid", {"reject", "quarantine"}) == "quarantine":
            self._document.note(node, 'onInvalid "quarantine" is not served by this build yet')

    def _compatibility(self, node: Node | None, *, protobuf: bool) -> str:
        levels = names.PROTOBUF_COMPATIBILITY if protobuf else names.AVRO_COMPATIBILITY
        default = "WIRE_JSON" if protobuf else "FULL_TRANSITIVE"
        return self._document.one_of(node, "compatibility", levels) or default

    def _route(self, node: Node | None) -> str | None:
        if node is None or self._document.is_null(node):
            return None
        path = self._document.text(node, "route")
        fault = route_fault(path) if path is not None else ""
        if path is not None and fault:
            self._document.note(node, f'"{shown(path)}" can be no route: {fault}')
            return None
        return path

    def _field_path(self, node: Node | None, what: str) -> str | None:
        if node is None or self._document.is_null(node):
            return None
        path = self._document.text(node, what)
        if path is not None and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", path, re.ASCII):
            self._document.note(node, f"{what} is not a field path (names joined by dots)")
            return None
        return path
