"""What the Kafka publishers can be told. Made by `config` from `[kafka]`; read by the publishers' modules."""

from dataclasses import dataclass, field

from tidegate_gateway.adapters.kafka.security import Security

__all__ = ["BUFFER_MOST_BYTES", "COMPRESSIONS", "KafkaSettings"]

COMPRESSIONS = ("none", "gzip", "lz4", "zstd", "snappy")
"""Codecs of Kafka's record batches. kafkajs reads only gzip or none."""

BUFFER_MOST_BYTES = 2**34


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Bounds and choices of the publisher.

    `bootstrap_servers`: `host:port`, several separated by commas. `linger_ms`: the longest that an event waits for company,
    and only where others are likely to come. `delivery_timeout_s`: the longest wait for Kafka of one submission. `create_topics`: whether topics that Kafka lacks are created. `buffer_bytes`: what may wait or be in
    flight: records as Kafka counts them, with the objects that hold them and the copies of batches on their way; one partition gets half of it at most, and one broker has a thirty-second of it on its way, or one batch. `batch_bytes`: the largest record batch, unless the topic allows less. `probe_s`:
    between two looks at the brokers; `refresh_s`: between two readings of the topics' limits.
    """

    bootstrap_servers: str
    security: Security = field(default_factory=Security)
    linger_ms: float = 2.0
    compression: str = "none"
    delivery_timeout_s: float = 10.0
    create_topics: bool = False
    buffer_bytes: int = 134_217_728
    batch_bytes: int = 1_000_000
    probe_s: float = 1.0
    refresh_s: float = 30.0
    client_id: str = "tidegate-gateway"

    @property
    def servers(self) -> tuple[str, ...]:
        """The bootstrap servers, each `host:port`."""
        return tuple(server.strip() for server in self.bootstrap_servers.split(","))

    def validate(self) -> tuple[str, ...]:
        """What is wrong, `option: why` each; empty where all is well."""
        wrong: list[str] = []
        wrong.extend(
            f'bootstrap_servers: "{server}" is not host:port' for server in self.servers if not _is_address(server)
        )
        if self.compression not in COMPRESSIONS:
            wrong.append(f'compression: "{self.compression}" is not one of {", ".join(COMPRESSIONS)}')
        bounds = (
            ("linger_ms", self.linger_ms, 0, 1_000),
            ("delivery_timeout_s", self.delivery_timeout_s, 0.1, 120),
            ("buffer_bytes", self.buffer_bytes, 1_048_576, BUFFER_MOST_BYTES),
            ("batch_bytes", self.batch_bytes, 1_024, 2**27),
            ("probe_s", self.probe_s, 0.1, 2.5),
            ("refresh_s", self.refresh_s, 1, 3_600),
        )
        wrong.extend(
            f"{name}: {value} is not between {low} and {high}"
            for name, value, low, high in bounds
            if not low <= value <= high
        )
        return (*wrong, *self.security.validate())


def _is_address(server: str) -> bool:
    host, _, port = server.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65_536
