"""What a version freezes of the contract file, changed: key and event time, each with its line and severity."""

from pathlib import Path

import pytest
from tests.sdk.check.conftest import Shop, row

from tidegate.check.finding import Finding

FILE = "contracts/shop.orders.yaml"
COUNT = {"name": "count", "type": "int"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis", "maximum": 9007199254740991}
TIMES = [{"name": name, "type": MILLIS} for name in ("placed", "paid")]
PROTO = """\
syntax = "proto3";
package shop.sale.v1;
import "google/protobuf/timestamp.proto";
message Sale {{
  string order_id = 1;
  string {second} = 2;
  google.protobuf.Timestamp placed_at = 3;
  repeated Item items = 4;
}}
message Item {{
  string sku = 1;
}}
"""
PROTO_CONTRACT = """\
team: {{name: shop}}
support: [{{channel: "#shop"}}]
schema:
  - physicalName: shop.sale
    authoritativeDefinitions: [{{type: protobuf, url: "proto/shop/sale/v1/sale.proto#shop.sale.v1.Sale"}}]
    customProperties:
      - {{property: compatibility, value: WIRE}}
      - {{property: key, value: {key}}}
      - {{property: eventTime, value: {time}}}
"""


def terms(shop: Shop, against: str | None = None) -> list[Finding]:
    """What is told of the contract file."""
    return [one for one in shop.examine(against=against).findings if one.place.file.startswith("contracts/")]


def test_a_key_that_moves_refuses_the_keys_that_producers_send(shop: Shop) -> None:
    path = shop.folder / FILE
    path.write_text(path.read_text().replace("value: id", "value: count"))
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("error", (FILE, 7, "producer/key-moved"))
    assert found.message == (
        'the key was "id" and is now "count", and an explicit key that differs is refused: producers on version 1 are refused'
    )
    path.write_text(path.read_text() + "      - {property: inputs, value: pinned}\n")
    (found,) = terms(shop)
    assert (found.severity, found.message) == ("warning", 'the key was "id" and is now "count" (since version 1)')


def test_a_key_that_is_gone_refuses_nobody_and_is_told(shop: Shop) -> None:
    path = shop.folder / FILE
    path.write_text(path.read_text().replace("{property: key, value: id}", "{property: onInvalid, value: reject}"))
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("warning", (FILE, 1, "producer/key-moved"))
    assert found.message == 'the key was "id" and is now none (since version 1)'
    assert "partitions" in found.hint


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("placed", None, 1, 'was "placed" and is now the event\'s own or its arrival'),
        ("placed", "paid", 8, 'was "placed" and is now "paid"'),
        (None, "paid", 8, 'was the event\'s own or its arrival and is now "paid"'),
    ],
)
@pytest.mark.parametrize("inputs", ["any", "pinned"])
def test_another_event_time_is_told(
    shop: Shop, before: str | None, after: str | None, line: int, said: str, inputs: str
) -> None:
    shop.schema(COUNT, *TIMES)
    shop.contract(**({"eventTime": before} if before else {}), inputs=inputs)
    shop.release()
    shop.commit()
    assert terms(shop, "main") == []
    shop.contract(**({"eventTime": after} if after else {}), inputs=inputs)
    (found,) = terms(shop)
    assert (found.severity, row(found)) == ("warning", (FILE, line, "compatibility/event-time"))
    assert found.message == f"the record's time {said} (since version 2)"
    assert terms(shop, "main") == [found], "what a release holds is not told again of git"


def test_an_event_time_that_no_release_had_is_known_from_git(shop: Shop) -> None:
    shop.schema(COUNT, *TIMES)
    shop.contract(eventTime="placed")
    shop.commit()
    shop.contract()
    (found,) = [one for one in terms(shop, "main") if one.rule == "compatibility/event-time"]
    assert found.message.endswith("(since main)")


def test_a_protobuf_field_is_the_same_under_both_names_and_after_a_rename(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    proto = shop.folder / "proto/shop/sale/v1/sale.proto"
    proto.parent.mkdir(parents=True)
    contract = shop.folder / "contracts/shop.sale.yaml"

    def write(key: str, time: str, second: str = "shop_id") -> list[str]:
        proto.write_text(PROTO.format(second=second))
        contract.write_text(PROTO_CONTRACT.format(key=key, time=time))
        return [one.rule for one in shop.examine().findings if one.rule.endswith(("key-moved", "event-time"))]

    assert write("order_id", "placed_at") == []
    shop.release("shop.sale")
    assert write("orderId", "placedAt") == []
    assert write("shopId", "placedAt") == ["producer/key-moved"]
    shop.release("shop.sale")
    assert write("store_id", "placed_at", second="store_id") == []
    assert write("items.sku", "placed_at") == ["producer/key-moved"], "it is no key, which is told too"


def test_a_path_that_the_schema_lacks_is_told_once_and_the_rest_is_judged(shop: Shop) -> None:
    path = shop.folder / FILE
    lost = "    properties: [{name: cuont, logicalTypeOptions: {maximum: 9}}]\n"
    text = path.read_text().replace("value: id", "value: idd") + "      - {property: eventTime, value: placd}\n" + lost
    path.write_text(text)
    found = shop.examine().findings
    assert [row(one) for one in found] == [(FILE, line, "contract/invalid") for line in (7, 8, 9)]
    assert found[0].message == 'key "idd" is no field of avro/order.avsc; did you mean "id"?'
    golden = shop.folder / "released/shop.orders/1/golden/mine.json"
    golden.parent.mkdir()
    golden.write_text('{"id": "a"}')
    assert [one.rule for one in shop.examine().findings][3:] == ["golden/invalid"]
