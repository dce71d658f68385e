"""What the REST door is given by `app` of the gateway. Values and one intake; no adapter by name."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tidegate.errors import Code
from tidegate_gateway.intake.path import Intake

__all__ = ["GrpcAddress", "RestDeps"]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _no_compiler(text: str, imports: Mapping[str, str]) -> bytes:
    raise ValueError(f"no compiler of .proto texts is here for {len(text)} characters and {len(imports)} imports")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcAddress:
    """Where producers reach the gRPC door, for the pages: `target` is host:port, `tls` and `reflection` as it is served."""

    target: str
    tls: bool
    reflection: bool

    @classmethod
    def of(cls, base_url: str, bound: str, *, tls: bool, reflection: bool) -> "GrpcAddress":
        """The port that is `bound` (host:port), at the host that links name: our own may be any of many."""
        host, port = urlsplit(base_url).hostname or "", bound.rpartition(":")[2]
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(target=target, tls=tls, reflection=reflection)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestDeps:
    """Everything that the door's endpoints and pages need.

    `base_url` is what links in answers start with, without a slash at its end (`https://gate.example.com`). `public`:
    contracts and pages are shown without a token. `body_timeout_s` is the absolute time that a body may take to arrive.
    `on_request` is told of every request to a hot endpoint: the door (`rest`), what became of it and the seconds it took.
    What became of it is `ok` (all stored or valid), a code of the errors table, `mixed` (a 207) or `disconnected`.
    `on_refused` is told of every request that stopped before its events were judged: the topic as the request named it,
    the door, the code and how many events it held (1 where nobody knows). Both must not raise or wait. `random` gives numbers of [0, 1) for jitter; `now_ms` is milliseconds since 1970 UTC.
    `compile_proto` makes a serialised FileDescriptorProto of a .proto text and the files it may import (path to text), in a thread;
    it raises ValueError, with why. `grpc` is where the other door is; None: there is none.
    """

    intake: Intake
    base_url: str
    public: bool = False
    body_timeout_s: float = 10.0
    on_request: Callable[[str, str, float], None] | None = None
    on_refused: Callable[[str, str, Code, int], None] | None = None
    random: Callable[[], float] = random.random
    now_ms: Callable[[], int] = _now_ms
    grpc: GrpcAddress | None = None
    compile_proto: Callable[[str, Mapping[str, str]], bytes] = _no_compiler
