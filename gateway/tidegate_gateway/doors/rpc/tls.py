"""TLS of the gRPC port: credentials from PEM files, read again for new connections when they changed. Made by `server`.

gRPC's core asks for TLS 1.2 or later by itself. That the files fit together, the configuration has checked at start.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import grpc

__all__ = ["RpcTls", "credentials"]

_log = logging.getLogger("tidegate.tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcTls:
    """PEM files, as of `edge.tls.TlsSettings`: with `client_ca` every connection needs a certificate that it signed."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What tells that a file is another. Raises OSError."""
        stats = [file.stat() for file in (self.cert, self.key, self.client_ca) if file is not None]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """The files as gRPC takes them. Raises OSError, and ValueError where they are no PEM."""
        authorities = self.client_ca.read_bytes() if self.client_ca is not None else None
        return grpc.ssl_server_certificate_configuration([(self.key.read_bytes(), self.cert.read_bytes())], authorities)


def credentials(tls: RpcTls) -> grpc.ServerCredentials:
    """The port's credentials. gRPC asks before each handshake whether the files are others. Raises OSError."""
    current = tls.stamp()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal current
        try:
            stamp = tls.stamp()
            if stamp == current:
                return None
            configuration = tls.configuration()
        except (OSError, ValueError) as error:
            _log.error(
                "the changed TLS files cannot be read; the old ones stay", extra={"detail": type(error).__name__}
            )
            return None
        current = stamp
        _log.info("TLS files are read again: new gRPC connections get the new certificate")
        return configuration

    return grpc.dynamic_ssl_server_credentials(
        tls.configuration(),
        renewed,  # type: ignore[arg-type]  # None means "unchanged" (grpc.dynamic_ssl_server_credentials)
        require_client_authentication=tls.client_ca is not None,
    )
