"""The Confluent wire format, byte for byte."""

import pytest

from tidegate.contracts.framing import avro_frame, message_index_path, protobuf_frame


@pytest.mark.parametrize(
    ("index", "path"),
    [
        ([0], "00"),
        ([1], "0202"),
        ([1, 0], "040200"),
        ([2], "0204"),
        ([0, 0], "040000"),
        ([64], "028001"),
        ([0, 1, 2], "06000204"),
    ],
)
def test_the_message_index_path(index: list[int], path: str) -> None:
    assert message_index_path(index).hex() == path


def test_frames() -> None:
    assert avro_frame(1).hex() == "0000000001"
    assert avro_frame(2**31 - 1).hex() == "007fffffff"
    assert protobuf_frame(258, [1]).hex() == "00000001020202"
