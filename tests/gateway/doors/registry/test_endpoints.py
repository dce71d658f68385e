"""Every path of the registry, with the bodies, codes and quirks that stock clients live by (contracts.md, "Wire format and registry API")."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from tests.gateway.doors.rest.conftest import drive

from tidegate_gateway.doors.rest.app import build_app
from tidegate_gateway.intake.catalogue import Catalogue

SCHEMAS = Path(__file__).parents[4] / "schemas"
ORDERS = "customer.orders-value"
STATUS = "customer.order-status-value"
TIMESTAMP = "google.protobuf.timestamp.proto"
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


def proto_source() -> str:
    return (SCHEMAS / "proto/coffeeco/customer/v1/order.proto").read_text("utf-8")


async def test_the_root_is_an_empty_object(ask_registry) -> None:
    for path in ("", "/"):
        answer = await ask_registry(path)
        assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, MEDIA_TYPE)


async def test_subjects_are_values_keys_and_imported_files(ask_registry) -> None:
    assert (await ask_registry("/subjects")).json() == [
        "customer.order-status-key", STATUS, "customer.orders-key", ORDERS,
        "customer.profiles-key", "customer.profiles-value", TIMESTAMP,
    ]  # fmt: skip


async def test_subjects_by_prefix(ask_registry) -> None:
    assert (await ask_registry("/subjects?subjectPrefix=customer.orders")).json() == ["customer.orders-key", ORDERS]
    assert (await ask_registry("/subjects?subjectPrefix=:*:customer.orders-v")).json() == [ORDERS]


@pytest.mark.parametrize("version", ["2", "latest", "-1"])
async def test_a_version_of_a_subject(ask_registry, coffeeco: Catalogue, version) -> None:
    body = (await ask_registry(f"/subjects/{ORDERS}/versions/{version}")).json()
    source = coffeeco.contracts["customer.orders"].versions[2].source
    assert (body["subject"], body["version"], body["id"]) == (ORDERS, 2, source.schema_id)
    assert body["schema"] == source.schema
    assert "schemaType" not in body  # Avro is what a client takes where nothing is said
    assert "references" not in body


async def test_versions_and_bare_schemas(ask_registry, coffeeco: Catalogue) -> None:
    assert (await ask_registry(f"/subjects/{ORDERS}/versions")).json() == [1, 2]
    bare = await ask_registry(f"/subjects/{ORDERS}/versions/1/schema")
    assert bare.text == coffeeco.contracts["customer.orders"].versions[1].source.schema
    key = await ask_registry("/subjects/customer.orders-key/versions/latest/schema")
    assert key.text == '"string"'


async def test_an_id_gives_its_schema(ask_registry, coffeeco: Catalogue) -> None:
    source = coffeeco.contracts["customer.orders"].versions[1].source
    for query in ("", "?subject=", "?subject=nobodys-value", "?fetchMaxId=false&normalize=TRUE&deleted=true&name=x"):
        body = (await ask_registry(f"/schemas/ids/{source.schema_id}{query}")).json()
        assert body["schema"] == source.schema
    where = f"/schemas/ids/{source.schema_id}"
    assert (await ask_registry(f"{where}/schema")).text == source.schema
    assert (await ask_registry(f"{where}/subjects")).json() == [ORDERS]
    assert (await ask_registry(f"{where}/versions")).json() == [{"subject": ORDERS, "version": 1}]


async def test_the_key_schema_has_one_id_in_every_topic(ask_registry) -> None:
    key = (await ask_registry("/subjects/customer.orders-key/versions/1")).json()
    assert 1_000_000_000 <= key["id"] < 2_000_000_000
    rows = (await ask_registry(f"/schemas/ids/{key['id']}/versions")).json()
    assert [row["subject"] for row in rows] == [
        "customer.order-status-key",
        "customer.orders-key",
        "customer.profiles-key",
    ]


async def test_a_guid_is_the_content(ask_registry) -> None:
    version = (await ask_registry(f"/subjects/{ORDERS}/versions/1")).json()
    body = (await ask_registry(f"/schemas/guids/{version['guid']}")).json()
    assert body["schema"] == version["schema"]
    assert (await ask_registry(f"/schemas/guids/{version['guid']}/ids")).json() == [
        {"context": ".", "id": version["id"]}
    ]
    missing = await ask_registry("/schemas/guids/00000000-0000-0000-0000-000000000000")
    assert (missing.status_code, missing.json()["error_code"]) == (404, 40403)


async def test_protobuf_is_served_without_options_of_the_gate(ask_registry) -> None:
    body = (await ask_registry(f"/subjects/{STATUS}/versions/2")).json()
    assert body["schemaType"] == "PROTOBUF"
    assert "buf/validate" not in body["schema"]
    assert "  string order_id = 1;\n" in body["schema"]
    assert body["references"] == [{"name": "google/protobuf/timestamp.proto", "subject": TIMESTAMP, "version": 1}]


async def test_protobuf_as_a_descriptor(ask_registry) -> None:
    where = f"/subjects/{STATUS}/versions/2"
    for path in (
        f"{where}?format=serialized",
        "/schemas/ids/6?format=SERIALIZED",
        "/schemas/ids/6?subject=&format=serialized",
    ):
        body = (await ask_registry(path)).json()
        file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(body["schema"]))
        assert file.name == "coffeeco/customer/v1/order.proto"
        assert list(file.dependency) == ["google/protobuf/timestamp.proto"]
        assert not any(field.HasField("options") for message in file.message_type for field in message.field)
    avro = (await ask_registry("/schemas/ids/1?format=serialized")).json()
    assert json.loads(avro["schema"])["name"] == "Order"


async def test_references_lead_to_subjects(ask_registry) -> None:
    body = (await ask_registry(f"/subjects/{TIMESTAMP}/versions/1?format=serialized")).json()
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(body["schema"]))
    assert file.name == "google/protobuf/timestamp.proto"
    assert (await ask_registry(f"/subjects/{TIMESTAMP}/versions/1/referencedby")).json() == [5, 6]
    assert (await ask_registry(f"/schemas/ids/{body['id']}/subjects")).json() == [TIMESTAMP]


async def test_all_schemas(ask_registry) -> None:
    rows = (await ask_registry("/schemas")).json()
    assert len(rows) == 10
    latest = (await ask_registry("/schemas?latestOnly=TRUE&subjectPrefix=customer.orders")).json()
    assert [(row["subject"], row["version"]) for row in latest] == [("customer.orders-key", 1), (ORDERS, 2)]
    page = (await ask_registry("/schemas?offset=1&limit=2")).json()
    assert page == rows[1:3]


async def test_what_never_changes(ask_registry) -> None:
    assert (await ask_registry("/schemas/types")).json() == ["AVRO", "PROTOBUF"]
    assert (await ask_registry("/mode")).json() == {"mode": "READONLY"}
    assert (await ask_registry(f"/mode/{ORDERS}")).json() == {"mode": "READONLY"}
    assert (await ask_registry("/contexts")).json() == ["."]
    assert (await ask_registry("/config")).json() == {"compatibilityLevel": "FULL_TRANSITIVE"}


async def test_a_subject_has_a_level_where_its_contract_sets_one(ask_registry, coffeeco: Catalogue) -> None:
    assert coffeeco.contracts["customer.orders"].source.compatibility_set
    assert (await ask_registry(f"/config/{ORDERS}")).json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    for subject in ("customer.orders-key", "nobodys-value"):
        answer = await ask_registry(f"/config/{subject}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, 40408)
        given = await ask_registry(f"/config/{subject}?defaultToGlobal=true")
        assert given.json() == {"compatibilityLevel": "FULL_TRANSITIVE"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subjects/nobodys-value/versions", 404, 40401),
        ("/subjects/nobodys-value/versions/latest", 404, 40401),
        (f"/subjects/{ORDERS}/versions/3", 404, 40402),
        (f"/subjects/{ORDERS}/versions/2147483647", 404, 40402),
        (f"/subjects/{ORDERS}/versions/0", 422, 42202),
        (f"/subjects/{ORDERS}/versions/2147483648", 422, 42202),
        (f"/subjects/{ORDERS}/versions/two", 422, 42202),
        (f"/subjects/{ORDERS}/versions/٣", 422, 42202),
        ("/schemas/ids/4711", 404, 40403),
        ("/schemas/ids/99999999999999999999", 404, 404),
        ("/schemas/ids/x", 404, 404),
        ("/mode/nobodys-value", 404, 40401),
        ("/nowhere", 404, 404),
    ],
)
async def test_what_is_not_there(ask_registry, path, status, code) -> None:
    answer = await ask_registry(path)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]
    assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("token", ["everything", "nothing", "no.good", None])
async def test_associations_are_404_whatever_the_token(ask_registry, token) -> None:
    for path in (
        "/associations/resources/-/customer.orders?resourceType=topic&associationType=value",
        "/associations/x",
    ):
        assert (await ask_registry(path, token=token)).status_code == 404


async def test_doubled_slashes_and_escaped_subjects(ask_registry) -> None:
    for path in (
        f"//subjects//{ORDERS}/versions/",
        "/subjects/customer%2Eorders-value/versions",
        f"/subjects/:.:{ORDERS}/versions",
    ):
        assert (await ask_registry(path)).json() == [1, 2]
    assert (await ask_registry("/subjects/customer%2Forders-value/versions")).json()["error_code"] == 40401


async def test_what_a_request_says_of_itself_is_not_judged(ask_registry) -> None:
    answer = await ask_registry(
        "/schemas/ids/1", accept="text/html", content_type="x", upgrade="h2c", connection="Upgrade"
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("DELETE", f"/subjects/{ORDERS}", "POST"),
        ("GET", f"/subjects/{ORDERS}", "POST"),
        ("DELETE", f"/subjects/{ORDERS}/versions", "GET, HEAD, POST"),
    ("DELETE", f"/subjects/{ORDERS}/versions/1", "GET, HEAD"),
    ("PUT", "/config", "GET, HEAD"),
    ("PUT", f"/mode/{ORDERS}", "GET, HEAD"),
    ("POST", "/schemas", "GET, HEAD"),
    ("PATCH", "/", "GET, HEAD"),
])  # fmt: skip
async def test_nothing_can_be_written(ask_registry, method, path, allow) -> None:
    answer = await ask_registry(path, method)
    assert (answer.status_code, answer.json()["error_code"], answer.headers["allow"]) == (405, 40501, allow)


async def test_known_schemas_are_found(ask_registry) -> None:
    version = (await ask_registry(f"/subjects/{ORDERS}/versions/1")).json()
    again = {"schema": version["schema"]}
    assert (await ask_registry(f"/subjects/{ORDERS}", "POST", again)).json() == version
    assert (await ask_registry(f"/subjects/{ORDERS}/versions?normalize=false", "POST", again)).json()["id"] == 1
    reordered = {"schema": json.dumps(json.loads(version["schema"]), separators=(",", ":")), "schemaType": "avro"}
    assert (await ask_registry(f"/subjects/{ORDERS}", "POST", reordered)).json()["version"] == 1


async def test_a_schema_that_writes_the_same_bytes_is_found(ask_registry) -> None:
    version = (await ask_registry(f"/subjects/{ORDERS}/versions/2")).json()
    schema = json.loads(version["schema"])
    del schema["doc"]
    body = (await ask_registry(f"/subjects/{ORDERS}", "POST", {"schema": json.dumps(schema)})).json()
    assert body["version"] == 2


@pytest.mark.parametrize("form", ["source", "served", "base64"])
async def test_protobuf_is_compared_as_descriptors(ask_registry, form) -> None:
    served = (await ask_registry(f"/subjects/{STATUS}/versions/2")).json()
    if form == "source":  # with rules, comments and another layout
        schema = proto_source().replace("message", "\n\nmessage", 1)
    elif form == "served":
        schema = served["schema"].replace("string order_id = 1;", 'string order_id = 1 [json_name = "other"];')
    else:
        serialized = (await ask_registry("/schemas/ids/6?format=serialized")).json()["schema"]
        file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized))
        file.name = "default"
        for message in file.message_type:
            for field in message.field:
                field.ClearField("json_name")
        schema = base64.b64encode(file.SerializeToString()).decode()
    asked = {"schema": schema, "schemaType": "PROTOBUF", "references": served["references"]}
    assert (await ask_registry(f"/subjects/{STATUS}", "POST", asked)).json()["id"] == 6
    assert (await ask_registry(f"/subjects/{STATUS}/versions", "POST", asked)).json()["id"] == 6


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"schema": '{"type":"record","name":"X","fields":[]}'}, 404, 40403),
        ({"schema": '{"type":"record"}'}, 422, 42201),
        ({"schema": "{"}, 422, 42201),
        ({"schema": "[" * 100_000}, 422, 42201),
        ({"schema": '"\ud800"'.encode("utf-8", "replace").decode()}, 422, 42201),
        ({"schema": '"string"', "schemaType": "JSON"}, 422, 42201),
        ({"schema": 'syntax = "proto3"; message A {', "schemaType": "PROTOBUF"}, 422, 42201),
        ({"schema": "CgA=", "schemaType": "PROTOBUF"}, 422, 42201),
        ({}, 422, 42201),
        (b"", 422, 42201),
        (b"\xff\xfe", 422, 42201),
        (b"[]", 422, 42201),
    ],
)
async def test_schemas_that_are_not_known(ask_registry, body, status, code) -> None:
    answer = await ask_registry(f"/subjects/{ORDERS}", "POST", body)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_nothing_new_is_registered(ask_registry) -> None:
    new = {"schema": '{"type":"record","name":"X","fields":[]}'}
    for subject in (ORDERS, "nobodys-value"):
        answer = await ask_registry(f"/subjects/{subject}/versions", "POST", new)
        assert (answer.status_code, answer.json()["error_code"]) == (422, 42205)
        assert "git" in answer.json()["message"]


async def test_a_body_of_a_megabyte_is_refused(ask_registry) -> None:
    answer = await ask_registry(f"/subjects/{ORDERS}", "POST", b'{"schema":"' + b" " * 1_048_576 + b'"}')
    assert answer.status_code == 413


async def test_a_schema_that_is_too_long_is_not_read(ask_registry) -> None:
    asked = {"schema": '"int"' + " " * 300_000}
    for path in (f"/subjects/{ORDERS}", f"/compatibility/subjects/{ORDERS}/versions"):
        for kind in ("AVRO", "PROTOBUF"):
            answer = await ask_registry(path, "POST", asked | {"schemaType": kind})
            assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)


async def test_who_is_busy_says_when_to_come_again(ask_registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_gateway.doors.registry.turns._MOST", 0)
    answer = await ask_registry(f"/subjects/{ORDERS}", "POST", {"schema": '"int"'})
    assert (answer.status_code, answer.json()["error_code"], answer.headers["retry-after"]) == (503, 503, "1")


async def test_bodies_that_never_end_hold_nobody_up(ask_registry, registry_deps) -> None:
    app = build_app(registry_deps)

    async def never() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {}

    fields = [("authorization", "Bearer everything")]
    slow = [
        asyncio.create_task(drive(app, "POST", f"/registry/subjects/{ORDERS}", headers=fields, receive=never))
        for _ in range(20)
    ]
    await asyncio.sleep(0)
    body = b'{"schema": "\\"int\\""}'
    found = await drive(app, "POST", f"/registry/subjects/{ORDERS}", headers=fields, chunks=[body])
    assert found is not None
    assert found.json["error_code"] == 40403
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert registry_deps.intake.memory.used_bytes == 0


async def test_compatibility_of_avro(ask_registry) -> None:
    where = f"/compatibility/subjects/{ORDERS}/versions"
    known = {"schema": (await ask_registry(f"/subjects/{ORDERS}/versions/2")).json()["schema"]}
    assert (await ask_registry(where, "POST", known)).json() == {"is_compatible": True}
    schema = json.loads(known["schema"])
    schema["fields"].append({"name": "extra", "type": "int"})
    changed = {"schema": json.dumps(schema)}
    for path in (where, f"{where}/latest", f"{where}/1"):
        assert (await ask_registry(path, "POST", changed)).json() == {"is_compatible": False}
    told = (await ask_registry(f"{where}/latest?verbose=TRUE", "POST", changed)).json()
    assert any("READER_FIELD_MISSING_DEFAULT_VALUE" in line and "extra" in line for line in told["messages"])
    assert (await ask_registry(f"{where}/9", "POST", known)).json()["error_code"] == 40402
    new = "/compatibility/subjects/new-value/versions"
    assert (await ask_registry(new, "POST", known)).json() == {"is_compatible": True}
    assert (await ask_registry(f"{new}/1", "POST", known)).json()["error_code"] == 40401


@pytest.mark.parametrize(
    ("old", "new", "fine"),
    [
        ("string order_id = 1 [", "string number = 1 [", True),
        ("string order_id = 1 [(buf.validate.field).string.uuid = true];", "int64 order_id = 1;", False),
        ("int32 boldness = 2 [(buf.validate.field).int32 = {\n    gte: 1\n    lte: 10\n    example: 8\n  }];", "int64 boldness = 2;", True),
        ("  Courier courier = 5;\n", "", False),
        ("message Courier {", "message Carrier {", False),
        ("repeated Coffee coffees = 4 [(buf.validate.field).repeated = {\n    min_items: 1\n    max_items: 100\n  }];", "Coffee coffees = 4;", False),
    ],
)  # fmt: skip
async def test_compatibility_of_protobuf(ask_registry, old, new, fine) -> None:
    source = proto_source()
    assert old in source or "Courier courier" in old
    text = source.replace(old, new)
    if "option (buf.validate.message)" in text:  # rules name fields that are gone
        start = text.index("  option (buf.validate.message)")
        text = text[:start] + text[text.index("};\n", start) + 3 :]
    if new.startswith("message Carrier"):
        text = text.replace("  Courier courier", "  Carrier courier")
    asked = {"schema": text, "schemaType": "PROTOBUF"}
    told = (await ask_registry(f"/compatibility/subjects/{STATUS}/versions?verbose=true", "POST", asked)).json()
    assert told["is_compatible"] is fine, told
    assert bool(told["messages"]) is not fine


async def test_another_type_is_not_compatible(ask_registry) -> None:
    asked = {"schema": proto_source(), "schemaType": "PROTOBUF"}
    answer = await ask_registry(f"/compatibility/subjects/{ORDERS}/versions", "POST", asked)
    assert answer.json() == {"is_compatible": False}


async def test_etags(ask_registry) -> None:
    first = await ask_registry("/schemas/ids/1")
    again = await ask_registry("/schemas/ids/1", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert (await ask_registry("/schemas/ids/2", if_none_match=first.headers["etag"])).status_code == 200
    assert (await ask_registry("/schemas/ids/1", "HEAD")).content == b""


@pytest.mark.parametrize("basic", [False, True])
async def test_the_token_may_be_a_password(ask_registry, basic) -> None:
    assert (await ask_registry("/subjects", basic=basic)).status_code == 200
    refused = await ask_registry("/subjects", token="no.good", basic=basic)
    assert (refused.status_code, refused.json()["error_code"]) == (401, 40101)
    assert refused.headers.get_list("www-authenticate")[0].startswith("Bearer")


async def test_a_caller_sees_what_its_scopes_cover(ask_registry) -> None:
    assert (await ask_registry("/subjects", token="orders")).json() == ["customer.orders-key", ORDERS]
    assert (await ask_registry("/subjects", token="nothing")).json() == []
    for path in ("/schemas/ids/6", f"/subjects/{STATUS}/versions/2", f"/subjects/{TIMESTAMP}/versions/1"):
        hidden = await ask_registry(path, token="orders")
        missing = await ask_registry(
            path.replace("6", "4711").replace(STATUS, "x").replace(TIMESTAMP, "x"), token="orders"
        )
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["error_code"] == missing.json()["error_code"]


async def test_a_reload_is_seen_at_once_and_whole(ask_registry, registry_deps, coffeeco: Catalogue) -> None:
    assert ORDERS in (await ask_registry("/subjects")).json()
    kept = {topic: contract for topic, contract in coffeeco.contracts.items() if topic != "customer.orders"}
    registry_deps.intake.catalogue.swap(Catalogue(contracts=kept))
    assert ORDERS not in (await ask_registry("/subjects")).json()
    assert (await ask_registry("/schemas/ids/1")).json()["error_code"] == 40403
