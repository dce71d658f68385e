"""tidegate.toml and TIDEGATE_* as frozen dataclasses: `options` is the one table, `read` resolves it, `build` makes the parts."""

__all__: list[str] = []
