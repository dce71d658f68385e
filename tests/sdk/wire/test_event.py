"""The wire's Event: its members are those of the REST batch, of its OpenAPI schema (a test of the document compares those)."""

from tidegate.wire.event import EVENT_FIELDS, check_headers, too_many_headers, unknown_member

MEMBERS = ("id", "key", "keyBytes", "value", "data", "framed", "headers", "time", "version")


def test_its_members() -> None:
    assert EVENT_FIELDS == MEMBERS


def test_a_misspelt_member_is_told_what_was_meant() -> None:
    for name, hint in (("fraemd", "framed"), ("Data", "data"), ("vlaue", "value"), ("key_bytes", "keyBytes")):
        assert unknown_member(name).hint == f'did you mean "{hint}"?'


def test_the_number_of_headers_is_looked_at_before_any_of_them() -> None:
    """A million of them, each with something wrong: none is looked at."""
    many = check_headers([("\x00", "")] * 33)
    assert many is not None
    assert many.detail == "are 33 headers, at most 32 are allowed"
    assert many == too_many_headers(33)
    assert too_many_headers(32) is None
