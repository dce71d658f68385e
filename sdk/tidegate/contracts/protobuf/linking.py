"""Descriptor sets linked, as few times as can be: contracts share what they have in common. Used by `schema` and `codec`.

Nearly all of a contract's descriptor set is validate.proto, which takes 16 ms and 0.8 MB to link, and a validator of its
own another megabyte. So sets live together in a `Pool` wherever no name in them means two things: protovalidate's validator
knows messages by name alone, and so does the registry. Two versions of one file are in two pools.

No global keeps a pool: it lives as long as a codec of one of its contracts. A pool never holds two of one name, so that a
thousand reloads of one contract do not make it grow.
"""

import hashlib
import threading
import weakref
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from protobuf import DescMessage, Registry
from protobuf._file_registry import add_file  # there is no public way to link a file with those that are linked already
from protobuf.wkt.google.protobuf.descriptor_pb import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from protovalidate import Validator

from tidegate.contracts.fingerprint import descriptor_files, is_bundled

__all__ = ["Pool", "linked"]


class _File(NamedTuple):
    """One file of a set. `declared` is all that may not mean anything else beside it."""

    digest: bytes
    proto: FileDescriptorProto
    declared: tuple[str, ...]


class Pool:
    """Files that agree, linked once, and the validator of their messages."""

    __slots__ = ("__weakref__", "_declared", "_registry", "validator")

    def __init__(self) -> None:
        self._declared: dict[str, bytes] = {}
        self._registry = Registry()
        self.validator = Validator()

    def message(self, type_name: str) -> DescMessage | None:
        """A message by its full name."""
        return self._registry.message(type_name)

    def takes(self, files: Iterable[_File]) -> bool:
        """Whether nothing in the files means something else here."""
        known = self._declared.get
        return all(known(name, file.digest) == file.digest for file in files for name in file.declared)

    def add(self, files: Iterable[_File]) -> None:
        """Links the files that are not here yet. Raises ValueError, TypeError, KeyError for what cannot be linked."""
        for file in files:
            if file.declared[0] not in self._declared:
                add_file(self._registry, file.proto, stubs={})
                self._declared |= dict.fromkeys(file.declared, file.digest)


_lock = threading.Lock()
_pools: list[weakref.ref[Pool]] = []


def linked(descriptors: bytes, type_name: str) -> tuple[DescMessage | None, Pool]:
    """A message of a descriptor set by its full name, None where the set has none such; and the pool that holds the set.

    Whoever goes on using the message keeps the pool. Raises ValueError, TypeError, KeyError for bytes that are no set of
    descriptors in order.
    """
    files = _files(descriptors)
    with _lock:
        _pools[:] = [reference for reference in _pools if reference() is not None]
        live = (pool for reference in _pools if (pool := reference()) is not None)
        pool = next((pool for pool in live if pool.takes(files)), None)
        if pool is None:
            pool = Pool()
            _pools.append(weakref.ref(pool))
        pool.add(files)
    declared = any(type_name in file.declared for file in files)
    return pool.message(type_name) if declared else None, pool


@lru_cache(maxsize=16)  # messages of one file come one after the other
def _files(descriptors: bytes) -> tuple[_File, ...]:
    files: list[_File] = []
    before: set[str] = set()
    for described in descriptor_files(descriptors):
        file = _bundled(described.whole) if is_bundled(described.name) else _file(described.whole)
        proto = file.proto
        if missing := set(proto.dependency) - before:  # what a pool happens to hold of that name is not meant
            raise ValueError(f"{proto.name} imports {min(missing)}, which does not stand before it")
        before.add(proto.name)
        files.append(file)
    return tuple(files)


def _file(content: bytes) -> _File:
    proto = FileDescriptorProto.from_binary(content)
    digest = hashlib.sha256(proto.to_binary()).digest()
    return _File(digest, proto, (f"file {proto.name}", *_declared(proto)))


_bundled = lru_cache(maxsize=16)(_file)
"""validate.proto is nearly all of every set, and takes 10 ms to read."""


def _declared(file: FileDescriptorProto) -> Iterator[str]:
    """The full names of a file's types and services, and the numbers of its extensions."""
    prefix = f"{file.package}." if file.package else ""
    yield from _extended(file.extension)
    yield from (prefix + enum.name for enum in file.enum_type)
    yield from (prefix + service.name for service in file.service)
    yield from (prefix + extension.name for extension in file.extension)
    for message in file.message_type:
        yield from _of_message(prefix, message)


def _of_message(prefix: str, message: DescriptorProto) -> Iterator[str]:
    name = prefix + message.name
    yield name
    yield from _extended(message.extension)
    yield from (f"{name}.{enum.name}" for enum in message.enum_type)
    yield from (f"{name}.{extension.name}" for extension in message.extension)
    for inner in message.nested_type:
        yield from _of_message(f"{name}.", inner)


def _extended(extensions: Iterable[FieldDescriptorProto]) -> Iterator[str]:
    for extension in extensions:
        yield f"extension {extension.number} of {extension.extendee.removeprefix('.')}"
