"""What can be typed: one module a command, and `arguments` for all of them."""

__all__: list[str] = []
