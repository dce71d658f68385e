"""Bundles on disk, so that a producer starts and judges while the gateway is away. Called by `shelf`. A cache: every fault is "not there".

One file a topic: the ETag on the first line, the bundle behind it. Written beside and renamed, so that no reader sees half of one.
"""

import contextlib
import os
import tempfile
from hashlib import sha256
from pathlib import Path

from tidegate.transport.port import Bundle

__all__ = ["BundleFiles"]


class BundleFiles:
    """The bundles of one gateway in one folder."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path, gateway: str) -> None:
        """`gateway` is its URL: bundles of different gateways never meet."""
        self._folder = folder / sha256(gateway.encode()).hexdigest()[:16]

    def read(self, topic: str) -> Bundle | None:
        """The topic's bundle; None where there is none, or none that can be read."""
        try:
            etag, _, body = self._path(topic).read_bytes().partition(b"\n")
            return Bundle(body=body, etag=etag.decode("ascii")) if body else None
        except (OSError, UnicodeDecodeError):
            return None

    def write(self, topic: str, bundle: Bundle) -> None:
        """Keeps it. A folder that cannot be written costs the next start a request, and nothing else."""
        with contextlib.suppress(OSError, UnicodeEncodeError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(bundle.etag.encode("ascii") + b"\n" + bundle.body)
                Path(name).replace(self._path(topic))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _path(self, topic: str) -> Path:
        """Topic names are letters, digits, dots, underscores and hyphens; anything else is hashed whole."""
        safe = topic if topic.replace(".", "").replace("_", "").replace("-", "").isalnum() and topic.isascii() else ""
        return self._folder / f"{safe or sha256(topic.encode()).hexdigest()}.bundle"
