"""What PyJWT does that this gateway stands on, or guards against. A failure here means: read claims.py again."""

import jwt
import pytest
from jwt import PyJWS
from tests.adapters.auth.signing import NOW_S, claims, private_key, sign, sign_raw

from tidegate_gateway.adapters.auth_settings import ALGORITHMS

KEY = private_key("ES256", "first").public_key()


def decoded(token: str) -> dict[str, object]:
    options: jwt.types.Options = {"verify_exp": True, "verify_aud": False, "verify_iat": False}
    return jwt.decode(token, KEY, algorithms=["ES256"], options=options)


def test_typ_is_not_checked() -> None:
    assert decoded(sign(claims(exp=4e9), typ="id+jwt"))["sub"] == "shop"


def test_an_expiry_may_be_a_string_and_in_a_hundred_years() -> None:
    assert decoded(sign(claims(exp="4955500000")))["exp"] == "4955500000"


def test_a_claim_may_stand_twice_and_the_last_one_counts() -> None:
    token = sign_raw(b'{"alg":"ES256"}', b'{"exp":4e9,"sub":"a","sub":"admin"}')
    assert decoded(token)["sub"] == "admin"


def test_keys_that_a_token_brings_are_passed_over_in_silence() -> None:
    assert decoded(sign(claims(exp=4e9), jku="https://evil.example/keys"))["sub"] == "shop"


def test_a_signature_verifier_without_shared_secrets_knows_none() -> None:
    verifier = PyJWS(algorithms=ALGORITHMS)
    assert sorted(verifier.get_algorithms()) == sorted(ALGORITHMS)
    for algorithm in ("none", "HS256", "HS512"):
        with pytest.raises(NotImplementedError):
            verifier.get_algorithm_by_name(algorithm)


def test_the_verified_payload_is_handed_back_as_bytes() -> None:
    token = sign_raw(b'{"alg":"ES256"}', b'{"exp": 1}')
    assert PyJWS(algorithms=ALGORITHMS).decode_complete(token, KEY, algorithms=["ES256"])["payload"] == b'{"exp": 1}'


def test_a_key_of_another_type_is_refused_and_not_tried() -> None:
    with pytest.raises((jwt.InvalidKeyError, jwt.InvalidAlgorithmError, TypeError)):
        jwt.decode(sign(claims()), private_key("RS256", "first").public_key(), algorithms=["ES256"])


def test_the_tokens_of_these_tests_are_of_a_time_to_come() -> None:
    assert claims()["iat"] == NOW_S
