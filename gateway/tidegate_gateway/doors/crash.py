"""What is logged of a fault of ours: where it happened and of what kind, never a message, which may hold a payload.

Called where a handler fails, at any door, and by `rpc_server`. What the client is told is `problems`' to say.
"""

import logging
import traceback

__all__ = ["log_crash"]

_FRAMES = 12

_log = logging.getLogger("tidegate.rest")


def log_crash(error: BaseException, request_id: str) -> None:
    """One line with the request's id, the exception's type and the way to it (file, line, function), innermost first."""
    frames = reversed(traceback.extract_tb(error.__traceback__)[-_FRAMES:])
    way = " < ".join(f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error(
        "request failed: %s at %s", type(error).__name__, way, extra={"request_id": request_id, "code": "internal"}
    )


def _module(filename: str) -> str:
    """The file with its package's folders: enough to find it, and nothing of where the machine keeps it."""
    return "/".join(filename.replace("\\", "/").split("/")[-3:])
