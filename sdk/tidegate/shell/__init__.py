"""The thin shells' parts: queue, event loop, contracts at hand, tokens, life of a process. They do the I/O and the waiting; `engine` decides."""

__all__: list[str] = []
