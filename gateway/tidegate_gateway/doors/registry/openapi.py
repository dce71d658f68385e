"""/registry/openapi.json: the registry's endpoints for programs (OpenAPI 3.1). Read by `door`; made once, for it shows no contract."""

from importlib.metadata import version
from typing import Any

import msgspec

from tidegate_gateway.doors.registry.answers import MEDIA_TYPE, PLAIN_TEXT

__all__ = ["registry_description"]

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_INTEGER: Json = {"type": "integer"}
_SCHEMA: Json = {
    "type": "object",
    "required": ["schema", "guid"],
    "properties": {
        "schema": _TEXT,
        "schemaType": {"enum": ["PROTOBUF"], "description": "Left out for Avro."},
        "references": {"type": "array", "items": {"$ref": "#/components/schemas/Reference"}},
        "guid": {"type": "string", "format": "uuid"},
    },
}
_SCHEMAS: Json = {
    "Reference": {
        "type": "object",
        "required": ["name", "subject", "version"],
        "properties": {"name": _TEXT, "subject": _TEXT, "version": _INTEGER},
    },
    "Schema": _SCHEMA,
    "Version": {
        **_SCHEMA,
        "required": ["subject", "version", "id", "guid", "schema"],
        "properties": {
            "subject": _TEXT,
            "version": {"type": "integer", "minimum": 1},
            "id": _INTEGER,
            **_SCHEMA["properties"],
        },
    },
    "Asked": {
        "type": "object",
        "required": ["schema"],
        "properties": {
            "schema": _TEXT,
            "schemaType": {"type": ["string", "null"], "enum": ["AVRO", "PROTOBUF", None]},
            "references": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Reference"}},
        },
    },
    "Error": {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {"error_code": _INTEGER, "message": _TEXT},
    },
}


def registry_description(base_url: str) -> bytes:
    """The document, as JSON."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Tidegate: the registry",
                "version": version("tidegate-gateway"),
                "description": "The Confluent Schema Registry API, read-only. Unknown query parameters are ignored; other methods are 405 with 40501.",
            },
            "servers": [{"url": f"{base_url}/registry"}],
            "security": [{"bearer": []}, {"basic": []}],
            "paths": _paths(),
            "components": {
                "schemas": _SCHEMAS,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {"type": "http", "scheme": "basic", "description": "Any name; the token is the password."},
                },
            },
        }
    )


def _paths() -> Json:
    one, many = _ref("Schema"), {"type": "array", "items": _TEXT}
    versions = {"type": "array", "items": _ref("Version")}
    rows = {"type": "array", "items": {"type": "object", "required": ["subject", "version"]}}
    subject, number = _in_path("subject", _TEXT), _in_path("version", _TEXT, "A number from 1, or `latest`.")
    schema_id = _in_path("id", {"type": "integer", "minimum": 0, "maximum": 2**31 - 1})
    form = _query("format", {"type": "string"}, "`serialized`: Protobuf as a base64 FileDescriptorProto.")
    level = {"type": "object", "required": ["compatibilityLevel"], "properties": {"compatibilityLevel": _TEXT}}
    mode = {"type": "object", "required": ["mode"], "properties": {"mode": {"const": "READONLY"}}}
    verdict = {"type": "object", "required": ["is_compatible"], "properties": {"is_compatible": {"type": "boolean"}}}
    verbose = _query("verbose", {"type": "boolean"}, "Say what differs.")
    ids = {"type": "array", "items": _INTEGER}
    prefix = _query("subjectPrefix", _TEXT, "Of the subjects' names.")
    pages = [_query(name, {"type": "integer", "minimum": 0}, "") for name in ("offset", "limit")]
    latest = _query("latestOnly", {"type": "boolean"}, "The newest version of each subject.")
    default = _query("defaultToGlobal", {"type": "boolean"}, "The default instead of 40408.")
    found = {**one, "type": "object"}
    return {
        "/": {"get": _get("getRoot", "An empty object.", {"type": "object"})},
        "/subjects": {"get": _get("listSubjects", "The subjects that the caller may read.", many, prefix)},
        "/subjects/{subject}": {
            "post": _post("lookUp", "The version that has this schema.", _ref("Version"), (404, 413, 422), subject)
        },
        "/subjects/{subject}/versions": {
            "get": _get("listVersions", "The numbers of its versions.", ids, subject, missing=True),
            "post": _post("register", "The id of a schema that is there.", {"type": "object", "required": ["id"]}, (404, 413, 422), subject),
        },
        "/subjects/{subject}/versions/{version}": {
            "get": _get("getVersion", "One version.", _ref("Version"), subject, number, form, missing=True, bad=True)
        },
        "/subjects/{subject}/versions/{version}/schema": {
            "get": _get("getVersionSchema", "Its bare schema.", {}, subject, number, form, missing=True, bad=True)
        },
        "/subjects/{subject}/versions/{version}/referencedby": {
            "get": _get("getReferencedBy", "Ids of the schemas that import it.", ids, subject, number, missing=True, bad=True)
        },
        "/schemas": {"get": _get("listSchemas", "All versions.", versions, prefix, latest, *pages)},
        "/schemas/types": {"get": _get("listTypes", "Kinds of schemas.", many)},
        "/schemas/ids/{id}": {"get": _get("getById", "The schema of an id.", found, schema_id, form, missing=True)},
        "/schemas/ids/{id}/schema": {"get": _get("getSchemaById", "Bare.", {}, schema_id, form, missing=True)},
        "/schemas/ids/{id}/subjects": {"get": _get("getSubjectsById", "Who has it.", many, schema_id, missing=True)},
        "/schemas/ids/{id}/versions": {"get": _get("getVersionsById", "Where.", rows, schema_id, missing=True)},
        "/schemas/guids/{guid}": {
            "get": _get("getByGuid", "The schema of a guid.", one, _in_path("guid", _TEXT), form, missing=True)
        },
        "/config": {"get": _get("getConfig", "The default level.", level)},
        "/config/{subject}": {"get": _get("getSubjectConfig", "The contract's level.", level, subject, default, missing=True)},
        "/mode": {"get": _get("getMode", "Always READONLY.", mode)},
        "/mode/{subject}": {"get": _get("getSubjectMode", "Always READONLY.", mode, subject, missing=True)},
        "/contexts": {"get": _get("listContexts", "The one context.", many)},
        "/compatibility/subjects/{subject}/versions": {
            "post": _post("check", "By the contract's level.", verdict, (404, 413, 422), subject, verbose)
        },
        "/compatibility/subjects/{subject}/versions/{version}": {
            "post": _post("checkVersion", "With one version.", verdict, (404, 413, 422), subject, number, verbose)
        },
    }  # fmt: skip


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _in_path(name: str, schema: Json, description: str = "") -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"minLength": 1, **schema},
        "description": description,
    }


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _errors(*statuses: int) -> Json:
    content = {MEDIA_TYPE: {"schema": _ref("Error")}}
    return {
        str(status): {"description": "See error_code.", "content": content}
        for status in (*statuses, 401, 405, 431, 500)
    }


def _get(name: str, summary: str, schema: Json, *parameters: Json, missing: bool = False, bad: bool = False) -> Json:
    """`missing`: it may not be there; `bad`: a version's number may be none."""
    errors = _errors(*((404,) if missing else ()), *((422,) if bad else ()))
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {
                "description": "Found.",
                "headers": {"ETag": {"schema": _TEXT}},
                "content": {MEDIA_TYPE: {"schema": schema}} | ({} if schema else {PLAIN_TEXT: {"schema": _TEXT}}),
            },
            "304": {"description": "Not modified."},
            **errors,
        },
    }


def _post(name: str, summary: str, schema: Json, statuses: tuple[int, ...], *parameters: Json) -> Json:
    body = {media: {"schema": _ref("Asked")} for media in (MEDIA_TYPE, "application/json")}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "Found.", "content": {MEDIA_TYPE: {"schema": schema}}},
            **_errors(*statuses, 408),
        },
    }
