"""HTTP/2 for the gRPC port: frames, header blocks, streams and connections without I/O, and the shell that moves bytes."""
