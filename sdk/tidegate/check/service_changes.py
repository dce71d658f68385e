"""Services compared with those of the git reference: they are live, so a change reaches generated producers at the next reload.

Called by `services`. Compared is what a gateway serves; a service that is broken now is told there. Code that was generated from
the reference's file must go on working: a new service, method or field is no finding, and neither is a field that nothing fills.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.check.before import ServicesBefore
from tidegate.check.finding import Finding
from tidegate.check.service_replies import replies_changed
from tidegate.contracts.services import MethodSource, ServiceSource
from tidegate.repository.broken import Place, Problems
from tidegate.repository.protoc import run_protoc
from tidegate.repository.service_places import INPUT, OPTIONS, OUTPUT, PUBLISH_NUMBER, Declared, message_declared
from tidegate.repository.services import Services

__all__ = ["services_changed"]

_SERVICE, _METHOD, _FIELD = 6, 2, 2  # FileDescriptorProto.service, ServiceDescriptorProto.method, DescriptorProto.field
_CODE = "code that was generated before breaks"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What a service breaks. Its place is a `part` of the `method`, the service itself without one, or a `field` of a response."""

    rule: str
    said: str
    method: str = ""
    part: tuple[int, ...] = ()
    message: str = ""
    field: int = 0


def services_changed(folder: Path, before: ServicesBefore, now: Services) -> Iterator[Finding]:
    """Every change of a service since the reference by which its producers break.

    A service that is not there is not told while any is broken: it may be that one.
    """
    for name, old in before.services.items():
        methods = [method for method in old.methods if method.topic not in before.retired]
        new = now.services.get(name)
        if new is None and methods and not now.broken:
            said = f"{name} is in {before.label}, and is gone: its producers get UNIMPLEMENTED"
            yield Finding(place=Place(file=old.file), rule="service/removed", message=said)
        elif new is not None and new != old:
            changes = tuple(_changes(old, new, methods, before.label))
            if changes:
                places = _Places(folder, new)
                yield from (Finding(place=places.of(one), rule=one.rule, message=one.said) for one in changes)


def _changes(old: ServiceSource, new: ServiceSource, methods: Sequence[MethodSource], label: str) -> Iterator[_Change]:
    known = {method.name: method for method in new.methods}
    answered: dict[str, tuple[MethodSource, MethodSource]] = {}
    for was in methods:
        called = f"{old.name.rpartition('.')[2]}.{was.name}"
        now = known.get(was.name)
        if now is None:
            said = f"{called} is in {label}, and is gone: its producers get UNIMPLEMENTED"
            yield _Change(rule="service/method-removed", said=said)
            continue
        yield from _method(called, was, now, label)
        if was.reply.message == now.reply.message and was.reply.fields:
            answered.setdefault(was.reply.message, (was, now))
    for message, (was, now) in answered.items():
        for number, said in replies_changed((old, was.reply), (new, now.reply), label):
            yield _Change(rule="service/response-field", said=f"{said}: {_CODE}", message=message, field=number)


def _method(called: str, was: MethodSource, now: MethodSource, label: str) -> Iterator[_Change]:
    if _kind(was) != _kind(now):
        said = f"{called} was {_kind(was)} in {label} and is {_kind(now)} now: {_CODE}, and events may be lost"
        yield _Change(rule="service/streaming", said=said, method=was.name)
    if was.request != now.request:
        said = f"{called} took {was.request} in {label} and takes {now.request} now: {_CODE}"
        yield _Change(rule="service/request", said=said, method=was.name, part=(INPUT,))
    if was.reply.message != now.reply.message:
        said = f"{called} answered {was.reply.message} in {label} and answers {now.reply.message} now: {_CODE}"
        yield _Change(rule="service/response", said=said, method=was.name, part=(OUTPUT,))
    if was.topic != now.topic:
        said = f"{called} published to {was.topic} in {label} and publishes to {now.topic} now: events go elsewhere"
        yield _Change(rule="service/topic", said=said, method=was.name, part=(OPTIONS, PUBLISH_NUMBER))


def _kind(method: MethodSource) -> str:
    """In the words of CONTRACTS, "What a method may stream"."""
    if method.answers_stream:
        return "a stream of both"
    return "a stream of requests" if method.takes_stream else "unary"


class _Places:
    """Where a service and its responses stand in the files that people edit: compiled anew, as what is served keeps no places."""

    def __init__(self, folder: Path, service: ServiceSource) -> None:
        """Compiles the service's file with all that it imports."""
        from protobuf.wkt.google.protobuf.descriptor_pb import FileDescriptorSet  # an extra, and few folders need it

        self._file = Place(file=service.file)
        made = run_protoc(folder, [service.file], self._file, Problems(service.file))
        self._registry = FileDescriptorSet.from_binary(made).to_registry()
        self._service = service.name

    def of(self, change: _Change) -> Place:
        """The place of a change; that of the nearest thing around it, where it has none."""
        if change.message:
            return self._field(change.message, change.field)
        service = self._registry.service(self._service)
        if service is None:
            return self._file
        at = Declared(service.file).below(_SERVICE, service.file.services.index(service))
        for index, method in enumerate(service.methods):
            if method.name == change.method:
                return at.below(_METHOD, index).place(*change.part)
        return at.place()

    def _field(self, name: str, number: int) -> Place:
        message = self._registry.message(name)
        if message is None:
            return self._file
        at = message_declared(message)
        for index, field in enumerate(message.fields):
            if field.number == number:
                return at.below(_FIELD, index).place()
        return at.place()
