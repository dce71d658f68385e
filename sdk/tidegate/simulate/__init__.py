"""Simulations in virtual time on the SDK's own decision modules: no clock, no network, everything seeded. Called by `tidegate simulate`."""
