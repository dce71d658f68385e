"""From a compile error's pointer to file, line and column, in edited and in released files."""

import msgspec
import pytest
from tests.sdk.repository.conftest import Shop

from tidegate.repository.broken import Place
from tidegate.repository.folder import read
from tidegate.repository.places import place_of
from tidegate.repository.release import release


@pytest.mark.parametrize(
    ("pointer", "file", "line"),
    [
        ("", "avro/shop/order.avsc", 1),
        ("/fields/0/name", "avro/shop/order.avsc", 7),
        ("/fields/1/type/items/fields/0/minimum", "avro/shop/item.avsc", 9),
        ("#/fields/1/type/items/fields/0/nothing/here", "avro/shop/item.avsc", 6),
        ("/nothing", "avro/shop/order.avsc", 1),
    ],
)
def test_a_working_copys_pointer_leads_to_the_edited_file(shop: Shop, pointer: str, file: str, line: int) -> None:
    repository = read(shop.folder, working_copies=True)
    place = place_of("shop.orders", repository.contracts[0].versions[0], repository.copies["shop.orders"], pointer)
    assert (place.file, place.line) == (file, line)


def test_a_released_versions_pointer_leads_to_released(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    (version,) = read(shop.folder, working_copies=False).contracts[0].versions
    place = place_of("shop.orders", version, None, "/fields/1/type/items/fields/0/minimum")
    line = shop.text("released/shop.orders/1/schema.avsc").splitlines()[place.line - 1]
    assert place.file == "released/shop.orders/1/schema.avsc"
    assert line[place.column - 1 :] == "1,"
    broken = msgspec.structs.replace(version, schema="{")
    assert place_of("shop.orders", broken, None, "/x") == Place(file="released/shop.orders/1/schema.avsc")


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("shop.v1.Step", "message Step"),
        ("shop.v1.Step.order_id", "string order_id"),
        (".shop.v1.Step.Detail.text", "string text"),
    ],
)
def test_a_protobuf_name_leads_to_its_declaration(proto_shop: Shop, name: str, token: str) -> None:
    repository = read(proto_shop.folder, working_copies=True)
    place = place_of("shop.steps", repository.contracts[0].versions[0], repository.copies["shop.steps"], name)
    line = proto_shop.text(place.file).splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith(token)
    release(proto_shop.folder, "shop.steps")
    (version,) = read(proto_shop.folder, working_copies=False).contracts[0].versions
    frozen = place_of("shop.steps", version, None, name)
    assert (frozen.line, frozen.column) == (place.line, place.column)
    assert frozen.file == "released/shop.steps/1/schema.proto"


def test_a_name_that_is_nowhere_is_the_files_first_line(proto_shop: Shop) -> None:
    repository = read(proto_shop.folder, working_copies=True)
    place = place_of("shop.steps", repository.contracts[0].versions[0], repository.copies["shop.steps"], "shop.v1.No")
    assert place == Place(file="proto/shop/v1/step.proto")
