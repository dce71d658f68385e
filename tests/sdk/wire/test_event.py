"""The wire's Event: its members are those of the REST batch, of its OpenAPI schema (a test of the document compares those)."""

from tidegate.wire.event import EVENT_FIELDS, unknown_member

MEMBERS = ("id", "key", "keyBytes", "value", "data", "framed", "headers", "time", "version")


def test_its_members() -> None:
    assert EVENT_FIELDS == MEMBERS


def test_a_misspelt_member_is_told_what_was_meant() -> None:
    for name, hint in (("fraemd", "framed"), ("Data", "data"), ("vlaue", "value"), ("key_bytes", "keyBytes")):
        assert unknown_member(name).hint == f'did you mean "{hint}"?'
