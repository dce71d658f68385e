"""Frozen files: the same version gives the same bytes, and they read back equal."""

import json

import pytest
from tests.sdk.repository.conftest import Shop

from tidegate.repository.broken import Problems
from tidegate.repository.folder import read
from tidegate.repository.lock import read_lock
from tidegate.repository.release import release
from tidegate.repository.released import read_released, released_files


@pytest.mark.parametrize("topic", ["shop.orders", "shop.steps"])
def test_what_is_written_reads_back(shop: Shop, proto_shop: Shop, topic: str) -> None:
    """Both shops are one folder: an Avro contract beside a Protobuf one."""
    before = {source.topic: source.versions[0] for source in read(shop.folder, working_copies=True).contracts}[topic]
    release(shop.folder, topic)
    (line,) = read_lock(shop.folder).of(topic)
    version = read_released(shop.folder, line, Problems("x"))
    assert (version.schema, version.descriptors, version.fingerprint) == (
        before.schema,
        before.descriptors,
        before.fingerprint,
    )
    assert {f"released/{topic}/1/{name}": content for name, content in released_files(version).items()} == {
        name: content for name, content in shop.files().items() if name.startswith("released/")
    }


def test_texts_are_for_people(shop: Shop) -> None:
    release(shop.folder, "shop.orders")
    text = shop.text("released/shop.orders/1/version.json")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert list(json.loads(text)) == [
        "format",
        "key",
        "eventTime",
        "unknownFields",
        "tombstones",
        "rules",
        "fingerprint",
    ]
    assert shop.text("released/shop.orders/1/schema.avsc").endswith("}\n")
