"""Client code out of coffeeco's .proto files, made when the tests run: protoc (of grpcio-tools) with each language's own plugin.

Called by tests/e2e/test_grpc_clients.py. The .proto files say nothing of languages: where their code goes is said here, as any
producer would say it.
"""

import subprocess
import sys
from pathlib import Path

import google.rpc
from tests.e2e.processes import SCHEMAS

from tidegate.repository.protoc import _validate_descriptors

__all__ = ["GOOGLE", "OWN", "protoc"]

OWN = (
    "coffeeco/customer/v1/customer_service.proto",
    "coffeeco/customer/v1/order.proto",
    "tidegate/ingest/v1/ingest.proto",
    "tidegate/options/v1/options.proto",
    "buf/validate/validate.proto",
)
"""The service, its messages, ours, and the rules that the messages import."""
GOOGLE = ("google/rpc/status.proto", "google/rpc/error_details.proto")
"""The details of errors, where a language's gRPC does not bring them."""


def protoc(scratch: Path, files: tuple[str, ...], *options: str) -> None:
    """Run protoc with a plugin's `options` on `files`."""
    validate = scratch / "validate.binpb"
    validate.write_bytes(_validate_descriptors())
    google_apis = Path(google.rpc.__path__[0]).parents[1]  # googleapis-common-protos ships its .proto files
    includes = [f"-I{SCHEMAS / 'proto'}", f"-I{google_apis}", f"--descriptor_set_in={validate}"]
    command = [sys.executable, "-P", "-m", "grpc_tools.protoc", *includes, *options, *files]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
