"""The verdict: what a contract says of one event. Pure, shared by the SDK and the gateway.

Import from the modules: `compiled` (compile, check), `source` (the serialisable contract), `verdict` (the answers).
"""

__all__: list[str] = []
