"""The REST door (http.md): `app` puts it together, `deps` is what it is given."""

__all__: list[str] = []
