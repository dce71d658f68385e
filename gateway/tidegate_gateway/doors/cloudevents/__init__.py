"""CloudEvents 1.0 over HTTP, in every mode, on their way into Kafka."""
