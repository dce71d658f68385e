"""The gRPC door: `tidegate.ingest.v1.IngestService`, contracts' own services, health and reflection.

The port is `rpc_server`, outside; `methods` is what it serves, `calls` one call on its way; `ingest`, `contracts`, `health` and `reflection` are
the services.
"""
