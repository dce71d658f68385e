"""`tidegate topics`: what a gateway takes. Called by `producing`. Exit codes: 0 listed, 2 the gateway was not reached or refused."""

import sys
from pathlib import Path

import msgspec

from tidegate.cli.asking import Asker, CannotAsk
from tidegate.shell.bundle_files import BundleFiles
from tidegate.transport.port import Bundle

__all__ = ["run_topics"]


def run_topics(url: str, token: str | None, cache_dir: Path | None, *, as_json: bool) -> int:
    """Lists them, and keeps their contracts so that `validate` works without a network."""
    try:
        with Asker(url, token) as asker:
            rows = asker.topics()
            if cache_dir is not None:
                for row in rows:
                    _keep(asker, BundleFiles(cache_dir, url.rstrip("/")), row.topic)
    except (CannotAsk, ValueError) as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 2
    if as_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
        return 0
    width = max((len(row.topic) for row in rows), default=0)
    for row in rows:
        status = "" if row.status in ("", "active") else f" ({row.status})"
        sys.stdout.write(f"{row.topic:{width}}  v{row.version}{status}  {row.team:15} {row.purpose}".rstrip() + "\n")
    if not rows:
        sys.stdout.write("no topics are shown to this token\n")
    return 0


def _keep(asker: Asker, files: BundleFiles, topic: str) -> None:
    reply = asker.get(f"/v1/topics/{topic}/bundle")
    if reply.status == 200:
        files.write(topic, Bundle(body=reply.body, etag=""))
