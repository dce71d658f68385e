"""Kafka REST v2 produce, for producers that already speak to a REST proxy."""
