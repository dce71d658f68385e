"""Tidegate's client side. The public names live in its subpackages; importing this module imports none of them."""

__all__: list[str] = []
