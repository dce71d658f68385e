"""The HTTP transport as a client's default, imported when its first connection is wanted. Called by both shells."""

from importlib.metadata import PackageNotFoundError, version

from tidegate.settings import ClientSettings
from tidegate.transport.port import MakeTransport, Transport

__all__ = ["http_transport", "load_http"]


def load_http() -> None:
    """Imports the HTTP transport: 130 ms, and not for who only judges. Raises `ImportError` that says what to install.

    On the caller's thread: a process that is forked while another thread imports has that module's lock held for ever.
    """
    try:
        import tidegate.transport.http  # noqa: F401 -- loaded for `http_transport`
    except ImportError as error:
        raise ImportError(
            f"publishing over HTTP needs {error.name}, which is not installed: pip install tidegate"
        ) from error


def http_transport(base_url: str, settings: ClientSettings) -> MakeTransport:
    """Makes HTTP transports to the gateway; `load_http` comes first."""

    def make() -> Transport:
        from tidegate.transport.http import HttpTransport  # loaded already

        return HttpTransport(base_url, user_agent=f"tidegate-python/{_version()}", verify=settings.verify)

    return make


def _version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:  # a source tree on the path
        return "0"
