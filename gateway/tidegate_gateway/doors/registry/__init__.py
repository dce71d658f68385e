"""The read-only Confluent Schema Registry API, for stock serialisers and deserialisers."""
