"""The docs pages: `router` serves them, `content` gathers what they say, `rendering` makes HTML of it."""

__all__: list[str] = []
