"""tidegate.options.v1: `options.proto`, for the imports of contract owners, and the code that protoc makes of it."""

__all__: list[str] = []
