"""The one path every event takes, whatever door it came through. Transport-free: no HTTP, no Kafka, no file.

`path` is the path itself; `ports` what it needs from outside.
"""

__all__: list[str] = []
