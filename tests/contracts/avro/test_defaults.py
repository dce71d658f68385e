"""Defaults as plain JSON would write them; their bytes and validity are tested with the codec."""

import pytest

from tidegate.contracts.avro.defaults import plain_default
from tidegate.contracts.avro.schema import Logical, Primitive


@pytest.mark.parametrize(
    ("unscaled", "scale", "text"),
    [
        (1234, 2, "12.34"),
        (-5, 3, "-0.005"),
        (0, 2, "0.00"),
        (123456789012345678901234567890123, 2, "1234567890123456789012345678901.23"),
        (-(10**38 - 1), 0, f"-{10**38 - 1}"),
    ],
)
def test_a_decimals_default_keeps_every_digit(unscaled: int, scale: int, text: str) -> None:
    schema = Primitive(name="bytes", pointer="", logical=Logical(name="decimal", precision=40, scale=scale))
    assert plain_default(schema, unscaled.to_bytes(17, "big", signed=True).decode("latin-1")) == text
