"""The transport that a gateway's URL asks for, imported when the first connection is wanted. Called by `core`."""

from importlib.metadata import PackageNotFoundError, version

from tidegate.settings import ClientSettings
from tidegate.shell.endpoint import Endpoint
from tidegate.transport.port import MakeTransport, Transport

__all__ = ["load_transport", "transport_for"]


def load_transport(endpoint: Endpoint) -> None:
    """Imports the transport: over 100 ms, and not for who only judges. Raises `ImportError` that says what to install.

    On the caller's thread: a process that is forked while another thread imports has that module's lock held for ever.
    """
    try:
        if endpoint.grpc:
            import tidegate.transport.grpc
        else:
            import tidegate.transport.http  # noqa: F401 -- loaded for `transport_for`
    except ImportError as error:
        what, extra = ("gRPC", "tidegate[grpc]") if endpoint.grpc else ("HTTP", "tidegate")
        raise ImportError(
            f"publishing over {what} needs {error.name}, which is not installed: pip install '{extra}'"
        ) from error


def transport_for(endpoint: Endpoint, settings: ClientSettings) -> MakeTransport:
    """Makes transports to the gateway; `load_transport` comes first. Raises `ValueError` for settings that gRPC cannot follow."""
    if endpoint.grpc and settings.verify is False:
        raise ValueError("gRPC verifies always: give verify a file of CA certificates, or use grpc:// without TLS")

    def make() -> Transport:
        user_agent = f"tidegate-python/{_version()}"
        if endpoint.grpc:
            from tidegate.transport.grpc import GrpcTransport  # loaded already

            ca_file = settings.verify if isinstance(settings.verify, str) else None
            return GrpcTransport(endpoint.target, secure=endpoint.secure, user_agent=user_agent, ca_file=ca_file)
        from tidegate.transport.http import HttpTransport  # loaded already

        return HttpTransport(endpoint.url, user_agent=user_agent, verify=settings.verify)

    return make


def _version() -> str:
    try:
        return version("tidegate")
    except PackageNotFoundError:  # a source tree on the path
        return "0"
