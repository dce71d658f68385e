"""gRPC over HTTP/2: heads, messages and trailers of a call, and the call as its handler sees it."""
