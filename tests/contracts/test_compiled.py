"""A compiled contract: what the event itself brings (key, time, tombstone) beside its value, and versions."""

import pytest

from tidegate.contracts.codec import ContractError, FieldDoc, Payload
from tidegate.contracts.compiled import CompiledContract, CompiledVersion, compile_contract
from tidegate.contracts.source import ContractSource, VersionSource, decode_source, encode_source
from tidegate.contracts.verdict import MAX_VIOLATIONS, Encoded, Rejected, Violation
from tidegate.contracts.wording import summary


class Echo:
    """A codec that takes what starts with `{`, keyed by its length where it has a key."""

    def __init__(self, *, has_key: bool, wrong: int = 1) -> None:
        self.media_types = frozenset({"application/json"})
        self.has_key = has_key
        self.wrong = wrong

    def check(self, body: bytes, media_type: str) -> Payload | Rejected:
        if body.startswith(b"{"):
            return Payload(b"\0" + body, b"%d" % len(body) if self.has_key else None, None)
        return Rejected(
            violations=tuple(Violation(pointer=f"#/{n}", rule="type", detail="is wrong") for n in range(self.wrong))
        )

    def key_bytes(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key

    def fields(self) -> tuple[FieldDoc, ...]:
        return ()

    def example(self) -> bytes:
        return b"{}"


def version(*, key: str | None = None, tombstones: str = "reject", wrong: int = 1) -> CompiledVersion:
    source = VersionSource(number=1, schema_id=7, format="avro", schema="{}", key=key, tombstones=tombstones)  # type: ignore[arg-type]
    return CompiledVersion("t", source, Echo(has_key=key is not None, wrong=wrong))


def rules(verdict: Encoded | Rejected) -> list[tuple[str, str]]:
    assert isinstance(verdict, Rejected)
    return [(violation.pointer, violation.rule) for violation in verdict.violations]


def test_a_good_event_takes_its_key_from_the_field() -> None:
    assert version(key="id").check(b"{}") == Encoded(value=b"\0{}", key=b"2", time_ms=None)
    assert version(key="id").check(b"{}", key="2") == Encoded(value=b"\0{}", key=b"2", time_ms=None)


def test_a_contract_without_a_key_takes_the_event_s() -> None:
    assert version().check(b"{}", key="k") == Encoded(value=b"\0{}", key=b"k", time_ms=None)
    assert version().check(b"{}", key="") == Encoded(value=b"\0{}", key=b"", time_ms=None)
    assert version().check(b"{}", key=b"\xff") == Encoded(value=b"\0{}", key=b"\xff", time_ms=None)


def test_another_key_than_the_field_s_is_a_mismatch() -> None:
    verdict = version(key="id").check(b"{}", key="3")
    assert rules(verdict) == [("#/id", "key_mismatch")]
    assert isinstance(verdict, Rejected)
    assert summary(verdict.violations, 0) == "id is not the key that the event brings"


def test_the_event_s_time() -> None:
    assert version().check(b"{}", time="1970-01-01T00:00:01Z") == Encoded(value=b"\0{}", key=None, time_ms=1000)
    verdict = version().check(b"{}", time="yesterday")
    assert rules(verdict) == [("#", "event_time")]
    assert isinstance(verdict, Rejected)
    assert summary(verdict.violations, 0).startswith("the event has a time of its own that is not an RFC 3339")


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert rules(version(key="id").check(b"{}", key="3", time="x")) == [("#", "event_time"), ("#/id", "key_mismatch")]
    assert rules(version().check(b"[]", time="x")) == [("#/0", "type"), ("#", "event_time")]


def test_what_is_past_the_most_is_counted() -> None:
    verdict = version(wrong=MAX_VIOLATIONS).check(b"[]", time="x")
    assert isinstance(verdict, Rejected)
    assert (len(verdict.violations), verdict.omitted) == (MAX_VIOLATIONS, 1)


@pytest.mark.parametrize("body", [b"null", b" null\n", b" " * 100 + b"null"])
def test_a_tombstone(body: bytes) -> None:
    allowed = version(key="id", tombstones="allow")
    assert allowed.check(body, key="k") == Encoded(value=None, key=b"k", time_ms=None)
    assert allowed.check(body, key="") == Encoded(value=None, key=b"", time_ms=None)
    assert rules(allowed.check(body)) == [("#", "tombstone")]
    assert rules(version(key="id").check(body, key="k")) == [("#", "tombstone")]
    assert rules(version(key="id").check(body, time="x")) == [("#", "tombstone"), ("#", "event_time")]


def test_versions() -> None:
    contract = CompiledContract(ContractSource(topic="t", id="i", versions=()), {2: version(), 1: version()})
    assert list(contract.versions) == [1, 2]
    assert contract.version(None) is contract.versions[2]
    assert contract.version(1) is contract.versions[1]
    assert contract.version(3) is None


def test_a_contract_without_versions_is_refused() -> None:
    with pytest.raises(ContractError, match="no released version"):
        compile_contract(ContractSource(topic="t", id="i", versions=()))


SCHEMA = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'


def test_an_unchanged_version_is_not_compiled_again() -> None:
    one = VersionSource(number=1, schema_id=1, format="avro", schema=SCHEMA)
    two = VersionSource(number=2, schema_id=2, format="avro", schema=SCHEMA.replace("int", "long"))
    old = compile_contract(ContractSource(topic="t", id="i", versions=(one,)))
    new = compile_contract(ContractSource(topic="t", id="i", name="renamed", versions=(one, two)), old)
    assert new.versions[1] is old.versions[1]
    assert new.newest.number == 2
    marked = compile_contract(ContractSource(topic="t", id="i", sensitive=("a",), versions=(one, two)), new)
    assert marked.versions[1] is not old.versions[1]


def test_a_source_travels_as_json() -> None:
    source = ContractSource(
        topic="t",
        id="i",
        versions=(VersionSource(number=1, schema_id=1, format="protobuf", schema="s", descriptors=b"\0\xff"),),
    )
    assert decode_source(encode_source(source)) == source
    assert encode_source(source) == encode_source(decode_source(encode_source(source)))
