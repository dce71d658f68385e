"""The REST door: HTTP to submissions, what the intake tells to HTTP. No decision is made here.

`app` is the application, `hot` the endpoints that take events, `reads` those that show contracts.
"""

__all__: list[str] = []
