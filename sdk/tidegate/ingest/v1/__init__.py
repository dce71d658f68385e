"""Version 1: `ingest_pb2` the messages, `ingest_pb2_grpc` stubs and servicers. They need the extra `tidegate[grpc]`."""
