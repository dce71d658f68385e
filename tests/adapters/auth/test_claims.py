"""What a token may say. Each refusal is of one thing; the good token beside it passes."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.auth.signing import ISSUER, NOW_S, claims, segment, sign

from tidegate_gateway.adapters.auth_settings import IssuerSettings
from tidegate_gateway.adapters.claims import MAX_TOKEN_BYTES, TokenRefused, judge, parse_token
from tidegate_gateway.intake.principal import Principal

SETTINGS = IssuerSettings(issuer=ISSUER, jwks_url="https://login.example/keys", name="shop")
HEADER: dict[str, object] = {"alg": "ES256", "kid": "first", "typ": "JWT"}


def judged(
    payload: dict[str, object] | bytes, header: dict[str, object] | bytes = HEADER, issuer: IssuerSettings = SETTINGS
) -> tuple[Principal, float]:
    first = header if isinstance(header, bytes) else json.dumps(header).encode()
    second = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    token = parse_token(f"{segment(first)}.{segment(second)}.{segment(b'signature')}")
    return judge(token, issuer, now_s=NOW_S, leeway_s=30, max_lifetime_s=86_400)


def refusal(payload: dict[str, object] | bytes, header: dict[str, object] | bytes = HEADER) -> str:
    with pytest.raises(TokenRefused) as caught:
        judged(payload, header)
    return str(caught.value)


def test_a_good_token_makes_a_principal() -> None:
    principal, ends_s = judged(claims())
    assert (principal.issuer, principal.subject) == ("shop", "shop")
    assert principal.scopes == {"publish:customer.orders", "publish:shop.*"}
    assert principal.roles == {"writer"}
    assert principal.topics == {"customer.orders"}
    assert principal.prefixes == ("shop.",)
    assert ends_s == NOW_S + 3_600 + 30


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_types_of_access_tokens_pass(typ: str) -> None:
    judged(claims(), {**HEADER, "typ": typ})


@pytest.mark.parametrize("typ", ["JWT", "jwt", None])
def test_require_at_jwt_wants_the_type_of_rfc_9068(typ: str | None) -> None:
    strict = replace(SETTINGS, require_at_jwt=True)
    judged(claims(), {**HEADER, "typ": "at+jwt"}, strict)
    header: dict[str, object] = {**HEADER, "typ": typ} if typ else {"alg": "ES256"}
    judged(claims(), header)
    with pytest.raises(TokenRefused, match="not at"):
        judged(claims(), header, strict)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"typ": "id+jwt"}, "typ"),
        ({"typ": "dpop+jwt"}, "typ"),
        ({"typ": ""}, "typ"),
        ({"typ": 7}, "typ"),
        ({"crit": ["exp"], "exp": 1}, "crit"),
        ({"crit": ["b64"], "b64": True}, "crit"),
        ({"crit": []}, "crit"),
        ({"jku": "http://127.0.0.1/keys"}, "jku"),
        ({"x5u": "http://127.0.0.1/keys"}, "x5u"),
        ({"jwk": {"kty": "oct", "k": "AAAA"}}, "jwk"),
        ({"kid": 7}, "kid"),
        ({"kid": None}, "kid"),
        ({"alg": None}, "alg"),
        ({"alg": ["ES256"]}, "alg"),
    ],
)
def test_a_wrong_header_is_refused(changes: dict[str, object], says: str) -> None:
    assert says in refusal(claims(), {**HEADER, **changes})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"iss": "https://login.example/"}, "iss"),
        ({"iss": 7}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ["other"]}, "aud"),
        ({"aud": ["tidegate", 7]}, "aud"),
        ({"aud": {"tidegate": 1}}, "aud"),
        ({"aud": None}, "aud"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": ["shop"]}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"sub": "a\x1b[31m"}, "sub"),
        ({"sub": "\ud800"}, "sub"),
        ({"sub": "", "client_id": "shop"}, "sub"),
        ({"sub": None}, "client_id"),
        ({"sub": None, "client_id": 7}, "client_id"),
        ({"exp": None}, "exp"),
        ({"exp": str(int(NOW_S + 60))}, "exp is no number"),
        ({"exp": True}, "exp is no number"),
        ({"exp": NOW_S - 30}, "expired"),
        ({"exp": NOW_S + 100 * 365 * 86_400}, "longer"),
        ({"exp": 10**400}, "out of range"),
        ({"exp": 1e16}, "out of range"),
        ({"exp": NOW_S + 86_401, "iat": NOW_S}, "longer"),
        ({"exp": NOW_S + 86_401, "iat": None}, "longer"),
        ({"exp": NOW_S + 60, "iat": NOW_S - 86_400}, "longer"),
        ({"iat": NOW_S + 31}, "iat is in the future"),
        ({"iat": "now"}, "iat is no number"),
        ({"iat": [NOW_S]}, "iat is no number"),
        ({"nbf": NOW_S + 31}, "nbf is in the future"),
        ({"nbf": "now"}, "nbf is no number"),
        ({"nbf": {}}, "nbf is no number"),
        ({"scope": 7}, "scope is no string"),
        ({"scope": ["publish:a"]}, "scope is no string"),
        ({"scope": {"publish:a": True}}, "scope is no string"),
        ({"scp": 7}, "'scp'"),
        ({"scp": ["publish:a", 7]}, "'scp'"),
        ({"roles": "writer"}, "'roles'"),
        ({"roles": [["writer"]]}, "'roles'"),
        ({"roles": {"writer": 1}}, "'roles'"),
    ],
)
def test_a_wrong_claim_is_refused(changes: dict[str, object], says: str) -> None:
    assert says in refusal(claims(**changes))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "sub", "aud", "scope", "scp", "roles"])
def test_null_is_not_absent(name: str) -> None:
    assert name in refusal({**claims(), name: None})


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW_S - 29.9},
        {"exp": NOW_S + 86_400, "iat": NOW_S},
        {"exp": NOW_S + 86_400, "iat": None},
        {"iat": NOW_S + 30},
        {"nbf": NOW_S + 30},
        {"nbf": None, "iat": None},
        {"exp": int(NOW_S + 60)},
        {"aud": ["other", "tidegate"]},
        {"scope": None},
        {"roles": None},
        {"roles": []},
    ],
)
def test_edges_that_pass(changes: dict[str, object]) -> None:
    judged(claims(**changes))


def test_client_id_stands_in_for_an_absent_subject() -> None:
    assert judged(claims(sub=None, client_id="loader"))[0].subject == "loader"


def test_all_scope_claims_count() -> None:
    assert judged(claims(scope="a  b ", scp=["c", "d"]))[0].scopes == {"a", "b", "c", "d"}
    assert judged(claims(scope=None, scp="a b"))[0].scopes == {"a", "b"}
    own = replace(SETTINGS, scope_claims=("permissions",), roles_claim="https://shop.example/roles")
    principal, _ = judged({**claims(permissions=["x"]), "https://shop.example/roles": ["admin"]}, issuer=own)
    assert principal.scopes == {"x"}
    assert principal.roles == {"admin"}


@pytest.mark.parametrize("name", ["exp", "iss", "sub", "scope", "aud", "anything"])
def test_a_claim_that_stands_twice_is_refused(name: str) -> None:
    text = json.dumps({**claims(), name: claims().get(name, "x")})
    twice = text[:-1] + f', "{name}": {json.dumps(claims().get(name, "x"))}}}'
    judged(text.encode())
    assert "strict JSON" in refusal(twice.encode())
    assert "strict JSON" in refusal(text[:-1].encode() + b', "deep": {"a": 1, "a": 1}}')


def test_a_header_that_stands_twice_is_refused() -> None:
    assert "header" in refusal(claims(), b'{"alg": "ES256", "alg": "none"}')


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"7",
        b"null",
        b"{",
        b'{"exp": NaN}',
        b'{"exp": Infinity}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        '{"iss": "x"}'.encode("utf-16"),
        b"[" * 3_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        b'{"exp": ' + b"9" * 4_500 + b"}",
    ],
)
def test_a_payload_that_is_no_strict_object_is_refused(payload: bytes) -> None:
    refusal(payload)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.",
        ".b.c",
        "a..c",
        "a.b.c.d",
        "a.b.c.d.e",
        "e30.e30.sig=",
        "e30.e+0.sig",
        "e30.e30.s g",
        "e30.e30.sig\n",
        " e30.e30.sig",
        "e30.e30.sïg",
        "e30.e30.\ud800",
        "e.e30.sig",
        "a" * (MAX_TOKEN_BYTES + 1),
    ],
)
def test_what_is_not_three_parts_of_base64url_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        parse_token(token)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=80)
    | st.from_regex(r"[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,60}", fullmatch=True)
)
def test_no_text_raises_anything_else(token: str) -> None:
    with pytest.raises(TokenRefused):
        parse_token(token)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "scope", "scp", "roles", "client_id"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_no_claims_raise_anything_else(changes: dict[str, object]) -> None:
    try:
        principal, ends_s = judged({**claims(), **changes})
    except TokenRefused as refused:
        lines = str(refused).splitlines()
    else:
        lines = [principal.subject]
        assert NOW_S < ends_s <= NOW_S + 86_400 + 60
    assert len(lines) == 1


def test_the_signing_of_these_tests_is_the_library_s() -> None:
    assert parse_token(sign(claims())).claims == claims()
