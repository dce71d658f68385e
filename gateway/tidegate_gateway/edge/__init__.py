"""Between the sockets and the doors: connections, their deadlines and bounds, TLS. Nothing here knows an endpoint."""
