"""The gRPC API's messages and stubs, generated from `proto/tidegate/ingest`; `task generate` writes them, nobody by hand."""
