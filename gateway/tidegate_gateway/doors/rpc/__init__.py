"""The gRPC door: `tidegate.ingest.v1.IngestService`, contracts' own services, health and reflection.

`server` is the port, `methods` what it serves, `calls` one call on its way; `ingest`, `contracts`, `health` and `reflection` are
the services.
"""
