"""A KafkaPublisher for the length of a test."""

from tidegate_gateway.adapters.kafka.publisher import KafkaPublisher
from tidegate_gateway.adapters.kafka.settings import KafkaSettings


class running:  # noqa: N801 -- read as a verb: `async with running(bootstrap, topic)`
    """A started KafkaPublisher that watches some topics; closed at the end."""

    def __init__(self, bootstrap: str, *topics: str, **options: float | str) -> None:
        self._settings = KafkaSettings(bootstrap_servers=bootstrap, **options)  # type: ignore[arg-type]  # by name
        self._topics = topics
        self._publisher: KafkaPublisher | None = None

    async def __aenter__(self) -> KafkaPublisher:
        self._publisher = KafkaPublisher(self._settings)
        await self._publisher.start()
        await self._publisher.watch_topics(self._topics)
        return self._publisher

    async def __aexit__(self, *error: object) -> None:
        if self._publisher is not None:
            await self._publisher.close(5)
