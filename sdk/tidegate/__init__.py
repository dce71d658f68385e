"""Tidegate's client side: `from tidegate import Client`. Names are looked up when first used, so that this import costs nothing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.async_client import AsyncClient
    from tidegate.client import Client
    from tidegate.exceptions import (
        AfterFailure,
        BrokerUnavailable,
        Closed,
        ContractViolation,
        Forbidden,
        IdReused,
        InProgress,
        InternalFault,
        Malformed,
        NotAccepted,
        NotDelivered,
        NotFound,
        OutcomeUnknown,
        Overloaded,
        QueueFull,
        RateLimited,
        Refused,
        Retired,
        TidegateError,
        TimedOut,
        TooLarge,
        Unauthenticated,
        Unavailable,
        UnknownTopic,
        UnknownVersion,
        UnsupportedMedia,
        VersionNotHereYet,
    )
    from tidegate.oauth import ClientCredentials
    from tidegate.settings import ClientSettings, DropReport, WhenFull
    from tidegate.shell.spool_file import SpoolFolder
    from tidegate.stats import Stats
    from tidegate.tally import Summary
    from tidegate.wire.results import ResultLine

__all__ = [
    "AfterFailure",
    "AsyncClient",
    "BrokerUnavailable",
    "Client",
    "ClientCredentials",
    "ClientSettings",
    "Closed",
    "ContractViolation",
    "DropReport",
    "Forbidden",
    "IdReused",
    "InProgress",
    "InternalFault",
    "Malformed",
    "NotAccepted",
    "NotDelivered",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "QueueFull",
    "RateLimited",
    "Refused",
    "ResultLine",
    "Retired",
    "SpoolFolder",
    "Stats",
    "Summary",
    "TidegateError",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnknownTopic",
    "UnknownVersion",
    "UnsupportedMedia",
    "VersionNotHereYet",
    "WhenFull",
]

_HOME = {
    "AsyncClient": "tidegate.async_client",
    "Client": "tidegate.client",
    "ClientCredentials": "tidegate.oauth",
    "ClientSettings": "tidegate.settings",
    "DropReport": "tidegate.settings",
    "ResultLine": "tidegate.wire.results",
    "SpoolFolder": "tidegate.shell.spool_file",
    "Stats": "tidegate.stats",
    "Summary": "tidegate.tally",
    "WhenFull": "tidegate.settings",
}


def __getattr__(name: str) -> object:
    """PEP 562: the public names, from the modules that hold them."""
    if name not in __all__:
        raise AttributeError(f"module 'tidegate' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME.get(name, "tidegate.exceptions")), name)


def __dir__() -> list[str]:
    return __all__
