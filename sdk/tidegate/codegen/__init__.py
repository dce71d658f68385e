"""Contracts as typed Python: `tidegate codegen`."""
