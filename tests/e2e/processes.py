"""Starts the gateway as its users do: a process with a configuration, a key set in a file, ports of its own. Stopped by pid.

Used by the end-to-end tests and the benchmarks.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate_gateway.adapters.dev_key import DEV_ISSUER, DevKey, make

__all__ = ["GatewayProcess", "dev_process", "end", "gateway_process", "start"]

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
START_S = 60.0


@dataclass
class GatewayProcess:
    """A running gateway. `http`, `grpc` and `admin` are host:port."""

    process: subprocess.Popen[str]
    facts: dict[str, str]
    key: DevKey
    log: Path

    @property
    def http(self) -> str:
        return self.facts["http"]

    @property
    def grpc(self) -> str:
        return self.facts["grpc"]

    @property
    def admin(self) -> str:
        return self.facts["admin"]

    @property
    def pid(self) -> int:
        return self.process.pid

    def token(self, *scopes: str, roles: tuple[str, ...] = (), sub: str = "tester", ttl_s: float = 3600.0) -> str:
        return self.key.mint(
            sub=sub,
            scopes=scopes or ("publish:*", "contracts:read"),
            roles=roles or ("checkout-producer",),
            ttl_s=ttl_s,
            now_s=time.time(),
        )

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM, and its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


def first_line(process: subprocess.Popen[str], seconds: float) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else ""


def start(
    command: list[str], log: Path, environ: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A `tidegate-gateway` command with --json, and its first line; stderr goes to `log`."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegate_gateway", *command, "--json"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environ or {})},
        )  # fmt: skip
    line = first_line(process, START_S)
    if not line:
        end(process)
        raise AssertionError(f"the gateway did not start ({process.returncode}):\n{log.read_text()}")
    return process, json.loads(line)


@contextmanager
def gateway_process(
    folder: Path,
    kafka: str | None,
    *,
    contracts: Path = SCHEMAS,
    more: str = "",
    environ: dict[str, str] | None = None,
    key: DevKey | None = None,
) -> Iterator[GatewayProcess]:
    """`serve` on the Kafka named (None: its embedded one), its issuer's keys in a file of `folder`; ends by SIGTERM.

    `more` is appended to its file, `environ` added to its environment. `key`: another gateway's, whose tokens it takes too.
    """
    broker = "embedded = true" if kafka is None else f'bootstrap_servers = "{kafka}"'
    key = key or make()
    (folder / "keys.json").write_bytes(key.jwks())
    (folder / "tidegate.toml").write_text(
        f'[http]\nport = 0\n[grpc]\nport = 0\n[admin]\nport = 0\n[contracts]\ndir = "{contracts}"\n[kafka]\n{broker}\n'
        f'[[auth.issuers]]\nissuer = "{DEV_ISSUER}"\nname = "coffeeco"\njwks_file = "{folder / "keys.json"}"\nalgorithms = ["ES256"]\n{more}'
    )
    process, facts = start(["serve", "--config", str(folder / "tidegate.toml")], folder / "gateway.log", environ)
    gateway = GatewayProcess(process, facts, key, folder / "gateway.log")
    try:
        yield gateway
    finally:
        try:
            gateway.stop()
        finally:
            end(process)


@contextmanager
def dev_process(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """`dev` on free ports, its state and log in `folder`: what its first line says, and its `pid`. Ends by SIGTERM."""
    process, facts = start(
        ["dev", "--http-port", "0", "--grpc-port", "0", "--admin-port", "0", *options],
        folder / "dev.log",
        {"XDG_STATE_HOME": str(folder / "state")},
    )
    try:
        yield {**facts, "pid": str(process.pid)}
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Make sure that it has ended, and close its pipe."""
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
