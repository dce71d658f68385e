"""Who may publish what: scopes by name, roles by contract, and no oracle on what exists."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import Code
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.principal import Principal, authorize_publish, authorize_roles, check_topic_name, may_read


def principal(*scopes: str, roles: tuple[str, ...] = (), issuer: str = "shop", subject: str = "till") -> Principal:
    return Principal.of(issuer=issuer, subject=subject, scopes=frozenset(scopes), roles=frozenset(roles))


def test_grants_are_split_once() -> None:
    found = principal("publish:a", "publish:b.*", "publish:*", "contracts:read", "openid")
    assert found.topics == {"a"}
    assert found.prefixes == ("", "b.")
    assert found.scopes == {"publish:a", "publish:b.*", "publish:*", "contracts:read", "openid"}


@pytest.mark.parametrize(
    ("scope", "topic", "covered"),
    [
        ("publish:customer.orders", "customer.orders", True),
        ("publish:customer.orders", "customer.orders2", False),
        ("publish:customer.orders", "customer.order", False),
        ("publish:customer.orders", "Customer.Orders", False),
        ("publish:customer.*", "customer.orders", True),
        ("publish:customer.*", "customer.", True),
        ("publish:customer.*", "customer", False),
        ("publish:customer.*", "customers.orders", False),
        ("publish:*", "anything", True),
        ("publish:", "anything", False),
        ("Publish:*", "anything", False),
        ("publish:a*b", "a*b", True),  # a star inside is a character; no topic can have it
        ("publish:a*b", "axb", False),
        ("publish:**", "anything", False),
        ("publish", "anything", False),
        (" publish:*", "anything", False),
        ("read:*", "anything", False),
    ],
)
def test_a_scope_covers_its_topic_or_its_prefix(scope: str, topic: str, covered: bool) -> None:
    assert principal(scope).covers(topic) is covered


def test_nothing_covers_without_a_scope() -> None:
    assert not principal().covers("a")
    assert not principal(roles=("publish:*",)).covers("a")


def test_a_topic_without_scope_is_forbidden_and_says_the_scope() -> None:
    authorize_publish(principal("publish:a"), "a")
    with pytest.raises(Fault) as caught:
        authorize_publish(principal("publish:a"), "b")
    fault = caught.value
    assert (fault.code, fault.scope, fault.topic) == (Code.FORBIDDEN, "publish:b", "b")
    assert fault.detail == "the token has no scope publish:b"


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "x" * 249, "_internal", "a..b", ".a", "-"])
def test_names_that_kafka_takes(name: str) -> None:
    check_topic_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "__consumer_offsets",
        "__",
        "x" * 250,
        "a/b",
        "a%2Fb",
        "a b",
        "a\n",
        "\na",
        "a\x00",
        "ä",
        "а",
        "a*",
        "a,b",
        "a:b",
    ],
)
def test_names_that_no_topic_has(name: str) -> None:
    with pytest.raises(Fault) as caught:
        check_topic_name(name)
    assert caught.value.code is Code.MALFORMED
    assert not name or name in {".", ".."} or name not in caught.value.detail


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=260))
def test_a_name_passes_or_is_malformed(name: str) -> None:
    try:
        check_topic_name(name)
    except Fault as fault:
        code: Code | None = fault.code
    else:
        code = None
    fits = 0 < len(name) <= 249 and all(c.isascii() and (c.isalnum() or c in "._-") for c in name)
    assert code is (None if fits and not name.startswith("__") and name not in {".", ".."} else Code.MALFORMED)


@pytest.mark.parametrize(
    ("writers", "roles", "passes"),
    [
        ((), (), True),
        (("writer",), ("writer",), True),
        (("writer", "admin"), ("admin", "other"), True),
        (("writer",), (), False),
        (("writer",), ("Writer",), False),
        (("client:shop/till",), (), True),
        (("client:shop/till2",), (), False),
        (("client:other/till",), (), False),
        (("client:other/till",), ("client:other/till",), False),  # never from a roles claim
        (("client:other/till", "writer"), ("writer",), True),
    ],
)
def test_a_contract_s_writers(writers: tuple[str, ...], roles: tuple[str, ...], passes: bool) -> None:
    who = principal("publish:a", roles=roles)
    if passes:
        authorize_roles(who, "a", writers)
        return
    with pytest.raises(Fault) as caught:
        authorize_roles(who, "a", writers)
    assert caught.value.code is Code.FORBIDDEN
    assert caught.value.scope == "publish:a"
    assert not any(writer in caught.value.detail for writer in writers if writer != "writer")


@pytest.mark.parametrize(
    ("scope", "readable"),
    [("contracts:read", True), ("publish:a", True), ("publish:*", True), ("publish:b", False), ("openid", False)],
)
def test_who_may_read_a_contract(scope: str, readable: bool) -> None:
    assert may_read(principal(scope), "a") is readable
