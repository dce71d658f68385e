"""Options of Tidegate for .proto files: `v1` is the Protobuf package tidegate.options.v1."""

__all__: list[str] = []
