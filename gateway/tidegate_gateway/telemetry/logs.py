"""How the gateway's log lines look, and that every logger of the process writes them. Called once, by the commands.

Fault 30 of faults.md: a line holds no payload, token or stack, and whatever a field holds it is one line. So only the
fields named in `FIELDS` are written, control characters are escaped, and of an exception only its class and the place it
came from: its text may quote an event, its stack is nobody's business but a debugger's.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

__all__ = ["FIELDS", "HumanFormatter", "JsonFormatter", "configure_logs"]

FIELDS = (
    "request_id", "trace_id", "door", "client", "topic", "principal", "event_id", "outcome", "code", "status", "events", "stored",
    "rejected", "failed", "codes", "rules", "fields", "partition", "offset", "duration_ms", "file", "line", "reason", "detail",
    "http", "grpc", "admin", "kafka", "contracts", "broken", "in_flight_events",
)  # fmt: skip
"""What a line may carry beside time, level, logger and message: pass it as `extra`. Anything else is not written."""

_CHARACTERS = 500
_SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class JsonFormatter(logging.Formatter):
    """One JSON object a line, ASCII only: `time` (RFC 3339, UTC), `level`, `logger`, `message`, then the given `FIELDS`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry: dict[str, object] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _bounded(record.getMessage()),
        }
        for name in FIELDS:
            if (value := record.__dict__.get(name)) is not None:
                entry[name] = _plain(value)
        if (place := _place(record.exc_info)) is not None:
            entry["error"] = place
        return json.dumps(entry, separators=(",", ":"))


class HumanFormatter(logging.Formatter):
    """One line for a person: the time, the message and the fields as `name=value`; for `dev`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        parts = [datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")]
        if record.levelno >= logging.WARNING:
            parts.append(record.levelname.lower())
        parts.append(_escaped(_bounded(record.getMessage())))
        parts += [
            f"{name}={_escaped(str(_plain(value)))}"
            for name in FIELDS
            if (value := record.__dict__.get(name)) not in (None, "", 0)
        ]
        if (place := _place(record.exc_info)) is not None:
            parts.append(_escaped(place))
        return " ".join(parts)


def configure_logs(form: Literal["json", "human"], stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """From now on every logger of the process writes `form` to `stream` (default stderr), the HTTP server's too.

    Give uvicorn `log_config=None`, or it takes its loggers back. Its access log is off: metrics count requests, and a
    line for each would repeat what strangers send.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else HumanFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.disabled = name == "uvicorn.access"
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))
    logging.getLogger("grpc._cython.cygrpc").setLevel(
        logging.CRITICAL
    )  # clients that went away, with their stacks; ours are told by us
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says the same twice a second; our own lines tell once


def _time(created_s: float) -> str:
    return datetime.fromtimestamp(created_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bounded(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "…"


def _plain(value: object) -> object:
    """Numbers and truth as they are, small collections of them, and everything else as bounded text."""
    match value:
        case bool() | int() | float():
            return value
        case dict():
            return {_bounded(str(name)): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return _bounded(str(value))


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _place(info: ExceptionInfo | None) -> str | None:
    """`KeyError in tidegate_gateway/intake/path.py:120`: the class and the innermost place of an exception."""
    if info is None or info[1] is None:
        return None
    trace = info[1].__traceback__
    if trace is None:
        return type(info[1]).__name__
    while trace.tb_next is not None:
        trace = trace.tb_next
    path = trace.tb_frame.f_code.co_filename.replace("\\", "/")
    return f"{type(info[1]).__name__} in {'/'.join(path.split('/')[-3:])}:{trace.tb_lineno}"
