"""Pools of linked files: what agrees is shared, what differs never meets, and nothing is kept for ever."""

import gc
import threading
import weakref
from collections.abc import Callable

import pytest
from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet

from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.protobuf.linking import Pool, linked
from tidegate.contracts.source import VersionSource
from tidegate.contracts.verdict import Encoded, Rejected

Compile = Callable[[str], bytes]


def proto(most: int = 10, package: str = "linked.v1", more: str = "") -> str:
    return f"""
        syntax = "proto3";
        package {package};
        import "buf/validate/validate.proto";
        message Cup {{ int32 size = 1 [(buf.validate.field).int32.lte = {most}]; }}
        {more}
    """


def named(descriptors: bytes, name: str) -> bytes:
    """The set with its own file, the last, under another name."""
    files = FileDescriptorSet.from_binary(descriptors)
    files.file[-1].name = name
    return files.to_binary()


def version(descriptors: bytes, message: str = "linked.v1.Cup") -> CompiledVersion:
    source = VersionSource(
        number=1,
        schema_id=1,
        format="protobuf",
        schema="",
        descriptors=descriptors,
        message=message,
        message_index=(0,),
    )
    return compile_version("cups", source)


def pool_of(descriptors: bytes) -> Pool:
    return linked(descriptors, "")[1]


def test_a_message_is_of_its_own_set_only(descriptor_set: Compile) -> None:
    """Not of whatever set shares the pool."""
    one, pool = linked(named(descriptor_set(proto(package="linked.a")), "a.proto"), "linked.a.Cup")
    other, same = linked(named(descriptor_set(proto(package="linked.b")), "b.proto"), "linked.a.Cup")
    assert same is pool
    assert one is not None
    assert other is None


def test_the_same_files_are_linked_once(descriptor_set: Compile) -> None:
    first = pool_of(descriptor_set(proto()))
    assert pool_of(descriptor_set(proto())) is first


def test_files_with_nothing_in_common_share_what_they_import(descriptor_set: Compile) -> None:
    first = pool_of(named(descriptor_set(proto(package="linked.a")), "a.proto"))
    second = pool_of(named(descriptor_set(proto(package="linked.b")), "b.proto"))
    assert second is first
    one, other = first.message("linked.a.Cup"), first.message("linked.b.Cup")
    assert one is not None
    assert other is not None
    assert one.file.dependencies[0] is other.file.dependencies[0]


def test_two_versions_of_a_file_are_judged_each_by_its_own_rules(descriptor_set: Compile) -> None:
    """protovalidate's validator knows messages by name: one for both would judge all by the first it saw."""
    wide, narrow = version(descriptor_set(proto(10))), version(descriptor_set(proto(1)))
    again = version(descriptor_set(proto(10)))
    body = b'{"size":5}'
    assert isinstance(wide.check(body), Encoded)
    assert isinstance(narrow.check(body), Rejected)
    assert isinstance(again.check(body), Encoded)


@pytest.mark.parametrize(
    "more",
    [
        "",
        "message Saucer { message Rim { int32 size = 1; } }",
        'import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { string note = 50123; }',
    ],
    ids=["a message", "a message inside", "an option"],
)
def test_one_name_or_number_in_two_files_is_no_pool_of_both(descriptor_set: Compile, more: str) -> None:
    first = pool_of(named(descriptor_set(proto(more=more)), "first.proto"))
    text = proto(more=more) if not more else proto(package="linked.other", more=more)
    if "Rim" in more:
        text = proto(more=more).replace("message Cup", "message Mug")
    assert pool_of(named(descriptor_set(text), "second.proto")) is not first


def test_a_pool_goes_with_the_last_codec_that_uses_it(descriptor_set: Compile) -> None:
    kept = version(descriptor_set(proto(package="linked.going")), "linked.going.Cup")
    pool = weakref.ref(pool_of(descriptor_set(proto(package="linked.going"))))
    del kept
    gc.collect()
    assert pool() is None


def test_what_cannot_be_linked_harms_no_other(descriptor_set: Compile) -> None:
    kept = version(descriptor_set(proto()))
    broken = FileDescriptorSet.from_binary(named(descriptor_set(proto(package="linked.broken")), "broken.proto"))
    del broken.file[:-1]  # its imports
    broken.file[-1].dependency.append("missing.proto")
    with pytest.raises((ValueError, TypeError, KeyError)):
        pool_of(broken.to_binary())
    assert isinstance(kept.check(b'{"size":11}'), Rejected)
    assert isinstance(version(descriptor_set(proto(package="linked.after")), "linked.after.Cup"), CompiledVersion)


def test_events_are_judged_while_another_contract_compiles(descriptor_set: Compile) -> None:
    """A reload compiles in a thread of its own, with the validator that judges."""
    judging = version(descriptor_set(proto()))
    sets = [named(descriptor_set(proto(package=f"linked.n{n}")), f"n{n}.proto") for n in range(5)]
    done, wrong = threading.Event(), list[object]()

    def judge() -> None:
        while not done.is_set():
            verdict = judging.check(b'{"size":11}')
            if not isinstance(verdict, Rejected):
                wrong.append(verdict)

    thread = threading.Thread(target=judge)
    thread.start()
    try:
        for n, descriptors in enumerate(sets):
            assert isinstance(version(descriptors, f"linked.n{n}.Cup").check(b'{"size":3}'), Encoded)
    finally:
        done.set()
        thread.join(10)
    assert not wrong
