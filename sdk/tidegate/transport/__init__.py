"""How requests leave: `port` says what a transport is; `memory`, `http` and `grpc` are three, behind it."""

__all__: list[str] = []
