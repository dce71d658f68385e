"""How to reach a broker, and in plain words why it is not reached. Called by `cluster` and `generation`.

The one place that turns settings into aiokafka's arguments. A look at the brokers uses connections of its own, not aiokafka's
client: that one says of a wrong password or certificate no more than that nobody answers.
"""

import socket
import ssl
from typing import TypedDict

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    BrokerResponseError,
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.api import Request, Response

from tidegate_gateway.adapters.kafka.security import tls_context
from tidegate_gateway.adapters.kafka.settings import KafkaSettings

__all__ = ["Address", "Line", "LoginArguments", "address_of", "login_arguments", "why_not"]

Address = tuple[str, int]
"""Host and port of a broker."""


class LoginArguments(TypedDict):
    """What every connection of aiokafka is told, under its own names."""

    client_id: str
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


def login_arguments(settings: KafkaSettings) -> LoginArguments:
    """aiokafka's arguments for who we are and whom we trust. Raises OSError, ssl.SSLError and ValueError: files that went away."""
    security = settings.security
    return LoginArguments(
        client_id=settings.client_id,
        security_protocol=security.security_protocol,
        ssl_context=tls_context(security) if security.tls else None,
        sasl_mechanism=security.sasl_mechanism or "PLAIN",
        sasl_plain_username=security.sasl_username if security.sasl else None,
        sasl_plain_password=security.sasl_password if security.sasl else None,
    )


def address_of(server: str) -> Address:
    """`host:port` (an IPv6 address in brackets) as an address."""
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


class Line:
    """One connection to one broker; made at the first question, `given_up` once it was hung up."""

    def __init__(self, settings: KafkaSettings, address: Address) -> None:
        self.address = address
        self.given_up = False
        self._settings = settings
        self._connection: AIOKafkaConnection | None = None

    @property
    def open(self) -> bool:
        """Whether it is connected, as far as one can know."""
        return self._connection is not None and self._connection.connected()

    async def ask(self, request: "Request[object]", timeout_s: float) -> Response:
        """The broker's answer. Raises KafkaError, OSError, TimeoutError, ValueError (a login that is no SCRAM)."""
        try:
            if self._connection is None:
                host, port = self.address
                arguments = login_arguments(self._settings)
                self._connection = await create_conn(host, port, request_timeout_ms=int(timeout_s * 1000), **arguments)
            return await self._connection.send(request)
        except KafkaConnectionError as error:
            if isinstance(error.__cause__, ssl.SSLError):  # TLS 1.3 refuses a client's certificate only now
                raise error.__cause__ from error
            raise

    def hang_up(self) -> None:
        """Close the socket at once: a broker that hangs would keep TLS waiting for its goodbye."""
        self.given_up = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        writer = connection._writer  # noqa: SLF001 -- aiokafka has no way to abort
        connection.close()
        if writer is not None:
            writer.transport.abort()


def why_not(settings: KafkaSettings, address: Address, error: BaseException) -> str:
    """Why a broker gave no answer, with its address and the option to look at; never a secret."""
    security, at = settings.security, f"{address[0]}:{address[1]}"
    match error:
        case ssl.SSLCertVerificationError():
            trusted = security.ssl_ca or "the system's authorities; ssl_ca names others"
            return f"the certificate of {at} is not trusted: {error.verify_message} (trusted: {trusted})"
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE" | "PACKET_LENGTH_TOO_LONG"):
            return f"{at} does not speak TLS, and security_protocol is {security.security_protocol}"
        case ssl.SSLError(reason=str() as reason) if "ALERT" in reason and "CERTIFICATE" in reason:
            if not security.ssl_cert:  # Java says BAD_CERTIFICATE of one that is not there
                return f"{at} wants a client certificate (ssl_cert, ssl_key)"
            return f"{at} refuses our certificate (ssl_cert): {reason.lower().replace('_', ' ')}"
        case ssl.SSLError():
            return f"TLS with {at} failed: {error.reason or error}"
        case SaslAuthenticationFailed():
            who = f'"{security.sasl_username}" ({security.sasl_mechanism})'
            return f"{at} refuses the login of {who}: user name or password is wrong"
        case UnsupportedSaslMechanismError():
            return f"{at} does not offer sasl_mechanism {security.sasl_mechanism}"
        case IllegalSaslStateError():
            return f"{at} asks for no login, and security_protocol is {security.security_protocol}"
        case BrokerResponseError():
            return f"{at} answers {error.message}"
        case TimeoutError():
            return f"{at} does not answer"
        case socket.gaierror():
            return f"{address[0]} is not known by name: {error.strerror}"
        case ConnectionRefusedError():
            return f"{at} refuses the connection"
        case KafkaConnectionError() | EOFError() | ConnectionResetError():
            return f"{at} closed the connection unanswered; does it want another security_protocol than {security.security_protocol}?"
        case OSError():
            return f"{at} cannot be reached: {error.strerror or error}"
        case _:
            return f"{at} gives no usable answer ({type(error).__name__}: {error})"
