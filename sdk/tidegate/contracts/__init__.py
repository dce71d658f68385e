"""The verdict: what a contract says of one event. Pure, shared by the SDK and the gateway.

Import from the modules: `compiled` (compile, check), `source` (the serialisable contract), `verdict` (the answers). Only what
contract owners call by itself has its name here.
"""

from tidegate.contracts.compatible_schemas import Incompatibility, SchemaError, compatibility

__all__ = ["Incompatibility", "SchemaError", "compatibility"]
