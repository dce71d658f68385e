"""The typed client of a domain as text: a class with one method a topic. Called by `packages`. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.codegen.names import class_names, quoted, snake
from tidegate.codegen.writing import HEADER, docstring

__all__ = ["Tracked", "client_class", "client_text", "domain_of", "method_name"]


_ENDING = (
    "`event_id` makes a retry of your own safe to send again. Raises a `TidegateError`: `ContractViolation` where the contract refuses "
    "the event, and then nothing was sent; `TypeError` for another type."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """One topic of a domain. `event` is the class of its events in `module`; `route` the contract's own path, or empty."""

    topic: str
    domain: str
    module: str
    event: str
    version: int
    route: str
    purpose: str
    deprecated: bool


def domain_of(topic: str, domain: str) -> str:
    """A contract without a domain belongs to that of its topic's first part."""
    return domain or topic.split(".", 1)[0]


def client_class(domain: str) -> str:
    """The class of a domain: `customer` is `Customer`, `order-desk` `OrderDesk`."""
    return class_names([domain])[domain]


def method_name(one: Tracked) -> str:
    """`track_` and the last part of the contract's route (`/v1/customer/order`: order); without one, what the topic has behind its domain."""
    last = one.route.rstrip("/").rpartition("/")[2] if one.route else one.topic.removeprefix(f"{one.domain}.")
    return f"track_{snake(last).rstrip('_')}"


def client_text(domain: str, tracked: Iterable[Tracked]) -> str:
    """The module of a domain's client. The models' modules stand beside it."""
    rows = sorted(tracked, key=lambda one: one.topic)
    name = client_class(domain)
    methods = _methods(rows)
    imports = "".join(f"from . import {module} as _{module}\n" for module in sorted({one.module for one in rows}))
    body = "".join(_method_text(methods[one.topic], one) for one in rows)
    purpose = docstring(f"Publishes the events of the domain {domain}, each judged before it is sent.", "    ")
    return (
        f"{HEADER}{docstring(f'The client of the domain {domain}.', '')}\n"
        f"from __future__ import annotations\n\n"
        f"from tidegate.domain_client import DomainClient\nfrom tidegate.wire.results import ResultLine\n\n{imports}\n"
        f"__all__ = [{quoted(name)}]\n\n\n"
        f"class {name}(DomainClient):\n{purpose}{body}"
    )


def _methods(rows: list[Tracked]) -> dict[str, str]:
    """Where two topics would give one name, both get their whole topic's."""
    wanted = {one.topic: method_name(one) for one in rows}
    names = list(wanted.values())
    return {
        topic: name if names.count(name) == 1 else f"track_{snake(topic).rstrip('_')}" for topic, name in wanted.items()
    }


def _method_text(name: str, one: Tracked) -> str:
    event = f"_{one.module}.{one.event}"
    said = [
        f"Publishes one event to {one.topic} and waits for its receipt: 'stored' by all in-sync replicas.",
        one.purpose,
        "The contract is deprecated." if one.deprecated else "",
        _ENDING,
    ]
    doc = docstring("\n\n".join(text for text in said if text), "        ")
    return (
        f"\n    def {name}(\n        self,\n        event: {event},\n        *,\n        key: str | bytes | None = None,\n"
        f"        event_id: str | None = None,\n        timeout_s: float | None = None,\n    ) -> ResultLine:\n{doc}"
        f"        return self._track({quoted(one.topic)}, _{one.module}.VERSION, event, {event}, key, event_id, timeout_s)\n"
    )
