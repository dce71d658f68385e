"""A JWK set: which keys are taken, and that a bad one costs the others nothing."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from tests.adapters.auth.signing import jwk, key_set, private_key

from tidegate_gateway.adapters.keys import KeySetRefused, parse_key_set


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_verifies_the_algorithm_that_it_names(algorithm: str) -> None:
    keys = parse_key_set(key_set(jwk(algorithm)))
    (key,) = keys.fitting(algorithm, "first")
    assert key.algorithms == {algorithm}
    assert keys.ignored == ()
    assert keys.fitting(algorithm, "second") == ()


def test_a_key_without_alg_verifies_what_its_type_allows_and_nothing_else() -> None:
    keys = parse_key_set(key_set(jwk("RS256", alg=None)))
    assert keys.fitting("PS256", "first") == keys.fitting("RS256", "first") != ()
    assert keys.fitting("ES256", "first") == ()
    assert keys.fitting("HS256", "first") == ()


def test_without_kid_every_key_of_the_algorithm_fits() -> None:
    keys = parse_key_set(key_set(jwk("ES256", "a"), jwk("ES256", "b"), jwk("EdDSA", "c")))
    assert len(keys.fitting("ES256", None)) == 2
    assert [key.kid for key in keys.fitting("EdDSA", None)] == ["c"]


def weak_rsa() -> dict[str, object]:
    public = generate_private_key(public_exponent=65_537, key_size=1_024).public_key()  # noqa: S505 -- weak on purpose
    return dict(RSAAlgorithm.to_jwk(public, as_dict=True), kid="weak", key_ops=None)


BAD = {
    "no object": ("text", "not an object"),
    "a secret": ({"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}, "type that is served"),
    "no kty": (jwk("ES256", kty=None), "type that is served"),
    "kty of another type": (jwk("ES256", kty=7), "type that is served"),
    "kid a number": (jwk("ES256", kid=7), "kid is no string"),
    "for encryption": (jwk("ES256", use="enc"), "use is not sig"),
    "for signing only": (jwk("ES256", key_ops=["sign"]), "key_ops"),
    "key_ops a string": (jwk("ES256", key_ops="verify"), "key_ops"),
    "a private key": (jwk("ES256", d="AAAA"), "private key"),
    "alg of another type": (jwk("ES256", alg="RS256"), "alg does not fit"),
    "alg symmetric": (jwk("RS256", alg="HS256"), "alg does not fit"),
    "alg no string": (jwk("RS256", alg=["RS256"]), "alg does not fit"),
    "alg for encryption": (jwk("RS256", alg="RSA-OAEP"), "alg does not fit"),
    "an unknown curve": (jwk("ES256", crv="P-192"), "curve"),
    "a curve no string": (jwk("ES256", crv=["P-256"]), "curve"),
    "a point off the curve": (jwk("ES256", x="AAAA"), "no valid key"),
    "a member missing": (jwk("ES256", y=None), "member y"),
    "a member no string": (jwk("RS256", n=7), "member n"),
    "a huge modulus": (jwk("RS256", n="A" * 2_000), "member n"),
    "a huge exponent": (jwk("RS256", e="AQAAAAAAAAAB"), "exponent"),
    "a short RSA key": (weak_rsa(), "1024 bits"),
    "not base64": (jwk("EdDSA", x="%%%"), "no valid key"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_key_is_left_out_and_spoils_nothing(name: str) -> None:
    bad, says = BAD[name]
    keys = parse_key_set(json.dumps({"keys": [bad, jwk("EdDSA", "good"), bad]}).encode())
    assert [key.kid for key in keys.keys] == ["good"]
    assert len(keys.ignored) == 2
    assert says in keys.ignored[0]


@pytest.mark.parametrize("name", BAD)
def test_a_set_of_only_bad_keys_is_refused(name: str) -> None:
    bad, says = BAD[name]
    with pytest.raises(KeySetRefused, match="no usable key") as caught:
        parse_key_set(json.dumps({"keys": [bad]}).encode())
    assert says in str(caught.value)


def test_of_two_keys_that_one_token_could_mean_the_first_is_taken() -> None:
    keys = parse_key_set(key_set(jwk("ES256", "a", kid="same"), jwk("ES256", "b", kid="same")))
    (key,) = keys.fitting("ES256", "same")
    assert isinstance(key.public, EllipticCurvePublicKey)
    expected = private_key("ES256", "a").public_key()
    assert ECAlgorithm.to_jwk(key.public) == ECAlgorithm.to_jwk(expected)
    assert keys.ignored == ("1: an earlier key has the same kid",)


def test_keys_of_different_types_may_share_a_kid() -> None:
    keys = parse_key_set(key_set(jwk("ES256", "a", kid="same"), jwk("EdDSA", "b", kid="same")))
    assert len(keys.fitting("ES256", "same")) == len(keys.fitting("EdDSA", "same")) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b"[" * 200_000,
        b'{"keys":' * 40_000,
        json.dumps({"keys": [{}] * 1_001}).encode(),
    ],
)
def test_what_is_no_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(KeySetRefused):
        parse_key_set(body)


def test_a_set_is_within_another_that_has_all_its_keys() -> None:
    one = parse_key_set(key_set(jwk("ES256", "a")))
    both = parse_key_set(key_set(jwk("ES256", "b"), jwk("ES256", "a")))
    renamed = parse_key_set(key_set(jwk("ES256", "b", kid="a")))
    assert one.within(one)
    assert one.within(both)
    assert not both.within(one)
    assert not one.within(renamed)
