"""TLS of a port: the context that new connections get, made anew when its files change, and the name in a certificate.

Made by `app` from the plan, checked by `config`, asked by `servers` for every handshake. A renewed certificate counts from the
next handshake on; connections under way keep theirs. Files that cannot be used leave the old context in place.
"""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TlsContext", "TlsSettings", "TlsUnusable", "certificate_name"]

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no others."""

_log = logging.getLogger("tidegate.tls")

_Stamp = tuple[tuple[int, int, int], ...]


class TlsUnusable(ValueError):
    """Files that make no TLS. `option` is the one to blame (`tls_cert`, `tls_key`, `client_ca`)."""

    def __init__(self, option: str, detail: str) -> None:
        super().__init__(detail)
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """PEM files: the certificate with its chain, its key (without a password), and whose client certificates are wanted.

    With `client_ca` every connection needs a certificate that it signed. `protocol` is the one that is spoken behind it (ALPN).
    """

    cert: Path
    key: Path
    client_ca: Path | None = None
    protocol: str = "http/1.1"

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later. Raises TlsUnusable."""
        for option, file in (("tls_cert", self.cert), ("tls_key", self.key), ("client_ca", self.client_ca)):
            if file is not None:
                _read(option, file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.set_alpn_protocols([self.protocol])
        try:
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        except _NeedsPassword:
            raise TlsUnusable("tls_key", f"{self.key} is encrypted; a key without a password is needed") from None
        except ssl.SSLError as error:
            option, detail = _blame(error, self.cert, self.key)
            raise TlsUnusable(option, detail) from None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except ssl.SSLError:
                raise TlsUnusable("client_ca", f"{self.client_ca} holds no certificate in PEM") from None
            context.verify_mode = ssl.CERT_REQUIRED
            context.num_tickets = 0  # a resumed session would outlive its certificate
        return context


class TlsContext:
    """The context of now. One event loop owns it."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises TlsUnusable."""
        self._settings = settings
        self._stamp = _stamp(settings)
        self.current = settings.context()

    def refresh(self) -> None:
        """Read the files again where they changed; where they cannot be used, say so and keep the old ones."""
        stamp = _stamp(self._settings)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.current = self._settings.context()
        except TlsUnusable as error:
            _log.error("the changed TLS files cannot be used; the old ones stay", extra={"detail": str(error)})
            return
        _log.info("TLS files are read again: new connections get the new certificate")


def certificate_name(certificate: Mapping[str, object]) -> str | None:
    """Who a verified client certificate (as `SSLSocket.getpeercert` gives it) names: its first URI, else its first DNS name.

    URIs come first since workload identities (SPIFFE) are URIs. None where the certificate has neither.
    """
    names = certificate.get("subjectAltName")
    found: dict[str, str] = {}
    for kind, name in names if isinstance(names, tuple) else ():
        found.setdefault(kind, name)
    return found.get("URI") or found.get("DNS")


class _NeedsPassword(Exception):
    """Raised where OpenSSL would ask the terminal."""


def _no_password() -> str:
    raise _NeedsPassword


def _read(option: str, file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise TlsUnusable(option, f"{file} cannot be read: {error.strerror or error}") from None


def _blame(error: ssl.SSLError, cert: Path, key: Path) -> tuple[str, str]:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "tls_key", f"{key} is not the key of the certificate in {cert}"
    if b"-----BEGIN CERTIFICATE-----" not in cert.read_bytes():
        return "tls_cert", f"{cert} holds no certificate in PEM"
    if b"PRIVATE KEY-----" not in key.read_bytes():
        return "tls_key", f"{key} holds no private key in PEM"
    return "tls_cert", f"{cert} and {key} cannot be used: {(error.reason or 'unknown').lower().replace('_', ' ')}"


def _stamp(settings: TlsSettings) -> _Stamp:
    """What tells that a file is another: a renewed one is mostly a link that leads elsewhere now."""
    stamps = []
    for file in (settings.cert, settings.key, settings.client_ca):
        try:
            stat = file.stat() if file is not None else None
        except OSError:
            stat = None
        stamps.append((stat.st_ino, stat.st_mtime_ns, stat.st_size) if stat is not None else (0, 0, 0))
    return tuple(stamps)
