"""Every option of the gateway, once: its place in tidegate.toml, type, bounds, default and meaning.

`check-config` prints this table, README's reference is proved equal to it, and an option that is not here is an error.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["ISSUER_OPTIONS", "LATER", "OPTIONS", "Kind", "Option", "Value"]

Kind = Literal["str", "int", "float", "bool", "strs"]
Value = str | int | float | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option. `low` and `high` bound numbers, `one_of` strings; None as default means: not set.

    `secret`: its value is never printed.
    """

    section: str
    key: str
    kind: Kind
    default: Value
    doc: str
    low: float | None = None
    high: float | None = None
    one_of: tuple[str, ...] = ()
    secret: bool = False

    @property
    def name(self) -> str:
        """`section.key`, as messages name it."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that wins over the file."""
        return f"TIDEGATE_{self.section}_{self.key}".upper()


def _option(
    name: str,
    kind: Kind,
    default: Value,
    doc: str,
    low: float | None = None,
    high: float | None = None,
    one_of: tuple[str, ...] = (),
    *,
    secret: bool = False,
) -> Option:
    section, _, key = name.rpartition(".")
    return Option(
        section=section, key=key, kind=kind, default=default, doc=doc, low=low, high=high, one_of=one_of, secret=secret
    )


_PORT = (0, 65535)
_GIB = 1 << 30

OPTIONS: Final = (
    _option("http.host", "str", "127.0.0.1", "address that the REST door listens on"),
    _option("http.port", "int", 8080, "its port; 0 takes any free one", *_PORT),
    _option("http.tls_cert", "str", None, "PEM file of the certificate and its chain: the port then speaks TLS 1.2 or later only"),
    _option("http.tls_key", "str", None, "PEM file of its key, without a password; may be the same file"),
    _option("http.client_ca", "str", None, "PEM file of the authorities whose client certificates are wanted (mutual TLS): no connection without one"),
    _option("http.trusted_proxies", "strs", (), "addresses and CIDR ranges whose Forwarded or X-Forwarded-For says who the client is"),
    _option("http.max_connections", "int", 4096, "connections at once; beyond it, who waits longest goes, of the address that waits most", 10, 1_000_000),
    _option("grpc.host", "str", "127.0.0.1", "address that the gRPC door listens on"),
    _option("grpc.port", "int", 8081, "its port; 0 takes any free one", *_PORT),
    _option("grpc.tls_cert", "str", None, "PEM file of the certificate and its chain: the port then speaks TLS 1.2 or later only"),
    _option("grpc.tls_key", "str", None, "PEM file of its key, without a password; may be the same file"),
    _option("grpc.client_ca", "str", None, "PEM file of the authorities whose client certificates are wanted (mutual TLS): no connection without one"),
    _option("grpc.reflection", "bool", False, "whether grpcurl and its like may list services and messages; `dev` has it on"),
    _option("grpc.max_calls", "int", 2048, "calls under way at once; beyond it UNAVAILABLE with the time to come back", 1, 1_000_000),
    _option("grpc.max_connections", "int", 1024, "connections at once; beyond it those without a token go first, else the newcomer is closed", 1, 1_000_000),
    _option("grpc.max_streams", "int", 256, "calls under way on one connection; a client waits, or opens another", 1, 100_000),
    _option("grpc.keepalive_s", "float", 60.0, "a connection that says nothing for so long is pinged, in seconds", 10, 86_400),
    _option("grpc.keepalive_timeout_s", "float", 20.0, "and closed where no answer comes within this", 1, 3600),
    _option("grpc.max_connection_age_s", "float", 1800.0, "after this a connection is told to go (GOAWAY), so that balancers spread clients anew", 1, 31_536_000),
    _option("grpc.max_connection_grace_s", "float", 300.0, "how long calls under way may take then; a stream ends within it by itself, all answered", 1, 86_400),
    _option("admin.host", "str", "127.0.0.1", "address of livez, readyz and metrics; never a public one"),
    _option("admin.port", "int", 9090, "its port; 0 takes any free one", *_PORT),
    _option("contracts.dir", "str", "schemas", "the folder that holds contracts/, avro/, proto/, released/, released.lock"),
    _option("contracts.public", "bool", False, "whether contracts and docs are shown without a token"),
    _option("contracts.reload_s", "float", 5.0, "how often files of contracts and keys are looked at, in seconds: a change is served without a restart; 0 reloads on SIGHUP only", 0, 3600),
    _option("contracts.registry_url", "str", None, "a Confluent-compatible registry whose schema ids are used instead of released.lock's; asked when contracts are loaded"),
    _option("contracts.registry_username", "str", "", "who we are there (Basic authentication)"),
    _option("contracts.registry_password", "str", None, "its password; better in a file", secret=True),
    _option("contracts.registry_password_file", "str", None, "the file that holds the password, a line end at its end not counted"),
    _option("contracts.base_url", "str", "", "what docs links start with; empty: http://<host>:<port> as bound"),
    _option("auth.leeway_s", "float", 30.0, "how far clocks may differ, in seconds, at exp, nbf and iat", 0, 300),
    _option("auth.max_lifetime_s", "float", 86400.0, "the longest lifetime of a token that is accepted, in seconds", 1, 31_536_000),
    _option("kafka.bootstrap_servers", "str", None, "host:port, comma-separated; `serve` needs it, or `embedded`"),
    _option("kafka.embedded", "bool", False, "the in-memory broker of `dev`, in a subprocess: everything is lost at exit"),
    _option("kafka.security_protocol", "str", "PLAINTEXT", "how brokers are reached: SSL is TLS, SASL a login", one_of=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
    _option("kafka.sasl_mechanism", "str", None, "how the gateway logs in; needed with SASL", one_of=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
    _option("kafka.sasl_username", "str", None, "its user name"),
    _option("kafka.sasl_password", "str", None, "its password; better in a file", secret=True),
    _option("kafka.sasl_password_file", "str", None, "the file that holds the password, a line end at its end not counted"),
    _option("kafka.ssl_ca", "str", None, "PEM file of the authorities that brokers' certificates are trusted from; without it the system's"),
    _option("kafka.ssl_cert", "str", None, "PEM file of the gateway's own certificate and its chain, for mutual TLS"),
    _option("kafka.ssl_key", "str", None, "PEM file of its key; may be the same file"),
    _option("kafka.ssl_key_password", "str", None, "what opens an encrypted key; better in a file", secret=True),
    _option("kafka.ssl_key_password_file", "str", None, "the file that holds it"),
    _option("kafka.create_topics", "bool", False, "create the topics of contracts that Kafka lacks; those that exist are never changed"),
    _option("kafka.linger_ms", "float", 2.0, "how long a batch may wait for more events, in milliseconds", 0, 1000),
    _option("kafka.compression", "str", "none", "of batches; zstd saves most, and kafkajs reads only gzip or none", one_of=("none", "gzip", "snappy", "lz4", "zstd")),
    _option("kafka.delivery_timeout_s", "float", 10.0, "how long an event may wait for its acknowledgement, in seconds", 0.1, 120),
    _option("limits.max_event_bytes", "int", 1_000_000, "one event with key, headers and framing; a contract may set less", 1, 100_000_000),
    _option("limits.max_batch_bytes", "int", 8_388_608, "the body of a batch, decompressed", 1, _GIB),
    _option("limits.max_batch_events", "int", 10_000, "events in a batch", 1, 1_000_000),
    _option("limits.in_flight_bytes", "int", 67_108_864, "memory for all events in flight together; while they wait for Kafka, they and their copies take twice that at most", 1_000_000, 64 * _GIB),
    _option("limits.events_per_s", "float", None, "events a second for each principal and topic, where the contract sets no limits", 0.001, 1e9),
    _option("limits.bytes_per_s", "float", None, "bytes a second, likewise", 1, 1e12),
    _option("limits.burst_s", "float", 2.0, "how many seconds of the rate may come at once", 0.1, 3600),
    _option("server.drain_s", "float", 20.0, "how long work in flight may take after SIGTERM, in seconds", 0, 600),
    _option("server.ready_without_kafka", "bool", False, "stay ready in a broker outage, so that the balancer lets our 503 and Retry-After through"),
    _option("server.header_timeout_s", "float", 10.0, "how long a request's line and headers may take to arrive (and a TLS handshake), and a slow reader for each 64 KiB of an answer", 0.1, 600),
    _option("server.keep_alive_s", "float", 75.0, "how long a connection may be idle between requests; keep it above the balancer's own", 0.1, 3600),
    _option("server.body_timeout_s", "float", 10.0, "how long a request's body may take to arrive, in seconds", 0.1, 600),
)  # fmt: skip
"""The table."""

ISSUER_OPTIONS: Final = (
    _option("auth.issuers.issuer", "str", None, "the `iss` of its tokens, compared exactly"),
    _option("auth.issuers.name", "str", "", "what its principals are called by (the issuer half); empty: the host of `issuer`"),
    _option("auth.issuers.audiences", "strs", ("tidegate",), "a token needs one of these in `aud`"),
    _option("auth.issuers.jwks_url", "str", None, "where its keys are fetched; this or jwks_file"),
    _option("auth.issuers.jwks_file", "str", None, "a file that holds its keys, read again when it changes and on SIGHUP"),
    _option("auth.issuers.algorithms", "strs", ("RS256", "PS256", "ES256", "EdDSA"), "signature algorithms that are accepted"),
    _option("auth.issuers.require_at_jwt", "bool", False, "refuse tokens whose `typ` is not at+jwt (RFC 9068)"),
    _option("auth.issuers.scope_claims", "strs", ("scope", "scp"), "claims that hold scopes; the first present counts"),
    _option("auth.issuers.roles_claim", "str", "roles", "the claim that holds roles, an array of strings"),
)  # fmt: skip
"""The keys of each `[[auth.issuers]]`; TIDEGATE_AUTH_ISSUERS gives them all as a JSON array of objects."""

LATER: Final = frozenset({
    "redis",
})  # fmt: skip
"""Options (and sections) of the design that this build does not serve: refused by name, never ignored."""
