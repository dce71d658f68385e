"""Publishers of one topic that take values of one type, so that a type checker sees a wrong one. Made by `topic` of both clients."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from tidegate.tally import Progress, Summary
from tidegate.wire.results import ResultLine

__all__ = ["AsyncTopicPublisher", "TopicPublisher"]

T = TypeVar("T")


class _Publishes(Protocol):
    def publish(
        self, topic: str, value: object, *, key: str | bytes | None = None, timeout_s: float | None = None
    ) -> ResultLine: ...

    def submit(self, topic: str, value: object, *, key: str | bytes | None = None) -> "Future[ResultLine]": ...

    def publish_many(self, topic: str, values: Iterable[object], *, progress: Progress | None = None) -> Summary: ...


class TopicPublisher(Generic[T]):
    """One topic of a `Client`, typed. Refuses values of another type before they are encoded."""

    __slots__ = ("_client", "_kind", "topic")

    def __init__(self, client: _Publishes, topic: str, kind: type[T]) -> None:
        self._client = client
        self._kind = kind
        self.topic = topic

    def publish(self, value: T, *, key: str | bytes | None = None, timeout_s: float | None = None) -> ResultLine:
        """As `Client.publish`. Raises `TypeError` for a value of another type."""
        return self._client.publish(self.topic, self._checked(value), key=key, timeout_s=timeout_s)

    def submit(self, value: T, *, key: str | bytes | None = None) -> "Future[ResultLine]":
        """As `Client.submit`. Raises `TypeError` for a value of another type."""
        return self._client.submit(self.topic, self._checked(value), key=key)

    def publish_many(self, values: Iterable[T], *, progress: Progress | None = None) -> Summary:
        """As `Client.publish_many`. Raises `TypeError` at the first value of another type."""
        return self._client.publish_many(self.topic, map(self._checked, values), progress=progress)

    def _checked(self, value: T) -> T:
        return _checked(self.topic, self._kind, value)


class _PublishesAsync(Protocol):
    async def publish(
        self, topic: str, value: object, *, key: str | bytes | None = None, timeout_s: float | None = None
    ) -> ResultLine: ...

    async def submit(
        self, topic: str, value: object, *, key: str | bytes | None = None
    ) -> "asyncio.Future[ResultLine]": ...

    async def publish_many(
        self, topic: str, values: Iterable[object] | AsyncIterable[object], *, progress: Progress | None = None
    ) -> Summary: ...


class AsyncTopicPublisher(Generic[T]):
    """One topic of an `AsyncClient`, typed. Refuses values of another type before they are encoded."""

    __slots__ = ("_client", "_kind", "topic")

    def __init__(self, client: _PublishesAsync, topic: str, kind: type[T]) -> None:
        self._client = client
        self._kind = kind
        self.topic = topic

    async def publish(self, value: T, *, key: str | bytes | None = None, timeout_s: float | None = None) -> ResultLine:
        """As `AsyncClient.publish`. Raises `TypeError` for a value of another type."""
        checked = _checked(self.topic, self._kind, value)
        return await self._client.publish(self.topic, checked, key=key, timeout_s=timeout_s)

    async def submit(self, value: T, *, key: str | bytes | None = None) -> "asyncio.Future[ResultLine]":
        """As `AsyncClient.submit`. Raises `TypeError` for a value of another type."""
        return await self._client.submit(self.topic, _checked(self.topic, self._kind, value), key=key)

    async def publish_many(
        self, values: Iterable[T] | AsyncIterable[T], *, progress: Progress | None = None
    ) -> Summary:
        """As `AsyncClient.publish_many`. Raises `TypeError` at the first value of another type."""
        return await self._client.publish_many(self.topic, self._each(values), progress=progress)

    async def _each(self, values: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
        if isinstance(values, AsyncIterable):
            async for value in values:
                yield _checked(self.topic, self._kind, value)
        else:
            for value in values:
                yield _checked(self.topic, self._kind, value)


def _checked(topic: str, kind: type[T], value: T) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{topic} takes {kind.__name__}, not {type(value).__name__}")
    return value
