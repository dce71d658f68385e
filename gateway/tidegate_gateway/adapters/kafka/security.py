"""Who the gateway is to Kafka, and whom it trusts there: the options of SASL and TLS, judged together.

A part of `settings`; read by `connecting`. Secrets never show: not in a repr, a log or a message.
"""

import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

__all__ = ["PROTOCOLS", "SASL_MECHANISMS", "Security", "tls_context"]

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""Kafka's names of the ways to a broker: with or without TLS (SSL), with or without a login (SASL)."""

SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""Logins by name and password: RFC 4616, RFC 5802 with the hash that the name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """`ssl_ca`, `ssl_cert`, `ssl_key`: paths of PEM files; without `ssl_ca` the system's authorities are trusted.

    The names are those of `[kafka]`. A broker's certificate is always verified, its host name too.
    """

    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    ssl_key_password: str = field(default="", repr=False)

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def sasl(self) -> bool:
        """Whether the gateway logs in."""
        return self.security_protocol.startswith("SASL_")

    def validate(self) -> tuple[str, ...]:
        """What is wrong, `option: why` each; the files are read where the options fit together."""
        if self.security_protocol not in PROTOCOLS:
            return (f'security_protocol: "{self.security_protocol}" is not one of {", ".join(PROTOCOLS)}',)
        wrong = (*self._wrong_sasl(), *self._wrong_tls())
        return wrong or (_unreadable(self) if self.tls else ())

    def _wrong_sasl(self) -> tuple[str, ...]:
        given = [name for name in ("sasl_mechanism", "sasl_username", "sasl_password") if getattr(self, name)]
        if not self.sasl:
            better = "SASL_SSL" if self.tls else "SASL_SSL or SASL_PLAINTEXT"
            return tuple(
                f"{name}: is given, and security_protocol {self.security_protocol} has no login: set {better}"
                for name in given
            )
        if self.sasl_mechanism and self.sasl_mechanism not in SASL_MECHANISMS:
            return (f'sasl_mechanism: "{self.sasl_mechanism}" is not one of {", ".join(SASL_MECHANISMS)}',)
        wants = {
            "sasl_mechanism": f"is missing: one of {', '.join(SASL_MECHANISMS)}",
            "sasl_username": "is missing",
            "sasl_password": "is missing: give it, or sasl_password_file",
        }
        return tuple(
            f"{name}: {why}, as security_protocol is {self.security_protocol}"
            for name, why in wants.items()
            if name not in given
        )

    def _wrong_tls(self) -> tuple[str, ...]:
        given = [name for name in ("ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password") if getattr(self, name)]
        if not self.tls:
            better = "SASL_SSL" if self.sasl else "SSL"
            return tuple(
                f"{name}: is given, and security_protocol {self.security_protocol} has no TLS: set {better}"
                for name in given
            )
        wrong = []
        if self.ssl_cert and not self.ssl_key:
            wrong.append("ssl_key: is missing: the key of ssl_cert (it may be the same file)")
        if self.ssl_key and not self.ssl_cert:
            wrong.append("ssl_cert: is missing: the certificate of ssl_key")
        if self.ssl_key_password and not self.ssl_key:
            wrong.append("ssl_key_password: is given, and there is no ssl_key")
        return tuple(wrong)


def tls_context(security: Security) -> ssl.SSLContext:
    """TLS as these options say, files that were replaced read anew. Raises OSError, ssl.SSLError and ValueError."""
    files = (security.ssl_ca, security.ssl_cert, security.ssl_key)
    return _context(*files, security.ssl_key_password, tuple(Path(file).stat().st_mtime_ns for file in files if file))


@lru_cache(maxsize=4)
def _context(ca: str, cert: str, key: str, key_password: str, _stamps: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        # A password is always given: without one OpenSSL asks for it on the terminal, and a service would hang.
        context.load_cert_chain(cert, key, password=key_password)
    return context


def _unreadable(security: Security) -> tuple[str, ...]:
    wrong = []
    for name in ("ssl_ca", "ssl_cert", "ssl_key"):
        file = getattr(security, name)
        try:
            if file and not Path(file).read_bytes().strip():
                wrong.append(f"{name}: {file} is empty")
        except OSError as error:
            wrong.append(f"{name}: {file} cannot be read: {error.strerror}")
    if wrong:
        return tuple(wrong)
    try:
        ssl.create_default_context(cafile=security.ssl_ca or None)
    except ssl.SSLError:
        return (f"ssl_ca: {security.ssl_ca} holds no certificate in PEM form",)
    try:
        tls_context(security)
    except (ssl.SSLError, ValueError) as error:
        return (_bad_pair(security, error),)
    return ()


def _bad_pair(security: Security, error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        return f"ssl_key: {security.ssl_key} is not the key of the certificate in {security.ssl_cert}"
    if "-----BEGIN CERTIFICATE-----" not in Path(security.ssl_cert).read_text("utf-8", "replace"):
        return f"ssl_cert: {security.ssl_cert} holds no certificate in PEM form"
    if "PRIVATE KEY-----" not in Path(security.ssl_key).read_text("utf-8", "replace"):
        return f"ssl_key: {security.ssl_key} holds no private key in PEM form"
    if security.ssl_key_password:
        return f"ssl_key_password: does not open {security.ssl_key}"
    return f"ssl_key: {security.ssl_key} cannot be used: it is damaged, or encrypted (then give ssl_key_password)"
