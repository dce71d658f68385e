"""What makes a contract's own service one that can be served: each method judged, each fault at its place. Called by `services`.

The rules are those of tidegate/options/v1/options.proto and sdk/CONTRACTS.md, "Services of your own". Nothing here reads a file.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tidegate.contracts.fingerprint import descriptor_files
from tidegate.contracts.services import MethodSource, ServiceSource
from tidegate.contracts.source import ContractSource
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.repository.broken import Broken, Problems
from tidegate.repository.protoc import OPTIONS_PROTO
from tidegate.repository.service_places import INPUT, OPTIONS, OUTPUT, PUBLISH_NUMBER, STREAMS_OUT, Declared
from tidegate.repository.service_replies import read_reply

if TYPE_CHECKING:
    from protobuf import DescFile, DescMethod, DescService

__all__ = ["Rules", "misfit"]

_PUBLISH = "tidegate.options.v1.publish"
_SERVICE, _METHOD = 6, 2  # FileDescriptorProto.service, ServiceDescriptorProto.method
_RESERVED = ("tidegate.", "grpc.", "google.")


def misfit(topic: str, message: str, contracts: Mapping[str, ContractSource]) -> str:
    """Why a method cannot publish `message` (a full name) to `topic`, or an empty string."""
    contract = contracts.get(topic)
    if contract is None:
        hint = did_you_mean(topic, contracts)
        known = f"topics with one: {', '.join(sorted(contracts)[:10])}" if contracts else "there is none at all"
        return f'no contract of the topic "{shown(topic)}" is served here; {hint or known}'
    newest = max(contract.versions, key=lambda version: (version.number == 0, version.number))
    if newest.format != "protobuf":
        return f"the contract of {topic} is Avro: a method's request is a Protobuf message, which it cannot judge"
    if newest.message != message:
        return f"the contract of {topic} is about {newest.message}, and the method's request is {message}"
    return ""


class Rules:
    """The services of one compiled set of files, against the contracts that are served."""

    def __init__(self, descriptors: bytes, contracts: Mapping[str, ContractSource]) -> None:
        from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet  # an extra, and few folders need it

        self._contracts = contracts
        self._registry = FileDescriptorSet.from_binary(descriptors).to_registry()
        self._bare = {file.name: file.bare for file in descriptor_files(descriptors)}

    def declared(self, name: str) -> frozenset[str]:
        """The full names of all services in the file `name` (`proto/...`), sound or not."""
        file = self._registry.file(name.removeprefix("proto/"))
        return frozenset(service.type_name for service in file.services) if file is not None else frozenset()

    def read(self, name: str) -> tuple[list[ServiceSource], list[Broken]]:
        """The sound services of the file `name` (`proto/...`), and what is wrong with the others."""
        file = self._registry.file(name.removeprefix("proto/"))
        sound: list[ServiceSource] = []
        broken: list[Broken] = []
        if file is None or OPTIONS_PROTO not in {imported.name for imported in file.dependencies}:
            return sound, broken
        declared = Declared(file)
        for index, service in enumerate(file.services):
            problems = Problems(name)
            source = self._service(service, declared.below(_SERVICE, index), problems)
            if problems:
                broken += problems.rows
            else:
                sound.append(source)
        return sound, broken

    def _service(self, service: "DescService", at: Declared, problems: Problems) -> ServiceSource:
        if service.type_name.startswith(_RESERVED):
            taken = service.type_name.partition(".")[0]
            problems.note(f"{service.type_name}: names below {taken} belong to others", at.place())
        for topic, contract in self._contracts.items():
            if service.file.name in self._message_files(contract):
                problems.note(
                    f"{service.type_name} stands in the file of {topic}'s message: its released text would change with "
                    "every service, so services live in a file of their own",
                    at.place(),
                )
        if not service.methods:
            problems.note(f"{service.type_name} has no method", at.place())
        methods = [self._method(method, at.below(_METHOD, i), problems) for i, method in enumerate(service.methods)]
        return ServiceSource(
            name=service.type_name,
            file=at.place().file,
            methods=tuple(method for method in methods if method is not None),
            descriptors=self._closure(service.file),
            doc=at.comment(),
        )

    def _message_files(self, contract: ContractSource) -> Iterator[str]:
        """The file that declares the contract's message, where it is one of this set."""
        for version in contract.versions:
            message = self._registry.message(version.message) if version.message else None
            if message is not None:
                yield message.file.name

    def _method(self, method: "DescMethod", at: Declared, problems: Problems) -> MethodSource | None:
        called = f"{method.parent.name}.{method.name}"
        topic = self._topic(method)
        if topic is None:
            problems.note(
                f"{called} has no option (tidegate.options.v1.publish), and a service is served whole: give it one, or "
                "move it to a service of its own in a file that does not import the options",
                at.place(),
            )
            return None
        if method.method_kind == "server_streaming":
            problems.note(
                f"{called} answers one event with a stream: each event has one receipt, so a method is unary, or streams "
                "requests, or both",
                at.place(STREAMS_OUT),
            )
        fault = misfit(topic, method.input.type_name, self._contracts) if topic else "the option publish names no topic"
        if fault:
            where = at.place(INPUT) if topic in self._contracts else at.place(OPTIONS, PUBLISH_NUMBER)
            problems.note(f"{called}: {fault}", where)
        reply = read_reply(method.output, called, at.place(OUTPUT), problems, self._registry)
        if reply is None:
            return None
        return MethodSource(
            name=method.name,
            topic=topic,
            request=method.input.type_name,
            reply=reply,
            takes_stream=method.method_kind in {"client_streaming", "bidi_streaming"},
            answers_stream=method.method_kind == "bidi_streaming",
            doc=at.comment(),
        )

    def _topic(self, method: "DescMethod") -> str | None:
        """What the option names; None where the method has none."""
        options: Any = method.proto.options
        extension = self._registry.extension(_PUBLISH)
        if options is None or extension is None or extension.type not in options:
            return None
        topic = getattr(options[extension.type], "topic", "")  # a folder's own copy of the options may say anything
        return topic if isinstance(topic, str) else ""

    def _closure(self, file: "DescFile") -> bytes:
        """A FileDescriptorSet of a file and all its imports, imports first, without source info."""
        names: dict[str, None] = {}

        def add(one: "DescFile") -> None:
            for imported in one.dependencies:
                if imported.name not in names:
                    add(imported)
            names[one.name] = None

        add(file)
        return b"".join(_file_field(self._bare[name]) for name in names)


def _file_field(content: bytes) -> bytes:
    """`FileDescriptorSet.file`: tag 1, the length as a varint, the bytes."""
    length, head = len(content), bytearray(b"\x0a")
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content
