"""A contract's newest released version as a module of shapes. Called by `packages`; compiles the version for what its fields expect."""

from tidegate.codegen.avro_shapes import avro_module
from tidegate.codegen.shapes import Module
from tidegate.contracts.compiled import CompiledVersion, compile_version
from tidegate.contracts.source import ContractSource, VersionSource

__all__ = ["module_of", "newest"]


def newest(contract: ContractSource) -> VersionSource:
    """The newest released version."""
    return max(contract.versions, key=lambda version: version.number)


def module_of(contract: ContractSource, kept: list[CompiledVersion] | None = None) -> Module:
    """The models of a contract. Raises `ContractError` where its version does not compile.

    Protobuf versions are put into `kept`: while one lives, what others import too is not linked again.
    """
    source = newest(contract)
    version = compile_version(contract.topic, source)
    if kept is not None and source.format == "protobuf":
        kept.append(version)
    rows = version.codec.fields()
    notes = _notes(contract, source)
    if source.format == "avro":
        return avro_module(contract.topic, source, rows, notes)
    from tidegate.codegen.protobuf_shapes import protobuf_module  # an extra

    return protobuf_module(contract.topic, source, rows, notes)


def _notes(contract: ContractSource, source: VersionSource) -> tuple[str, ...]:
    """What the event's docstring says of the contract; nothing that changes without a release, so that output stays fresh."""
    said = [f"Topic {contract.topic}, version {source.number}."]
    if source.key:
        said.append(f"Key: {source.key}.")
    if source.event_time:
        said.append(f"Event time: {source.event_time}.")
    return (" ".join(said),)
