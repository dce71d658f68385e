"""What stock clients of a registry get wrong about a Protobuf contract that is sound. Called by `examination`; warnings only."""

from collections.abc import Iterator

from tidegate.check.finding import Finding
from tidegate.check.older import Candidate

__all__ = ["protobuf_lint"]


def protobuf_lint(candidate: Candidate) -> Iterator[Finding]:
    """Whether clients find the contract's message in its file (contracts.md, registry API)."""
    index, message = candidate.source.message_index, candidate.source.message
    place = candidate.place(message)
    if len(index) > 1:
        said = f"{message} is nested: clients count the messages around it differently where there are maps"
        yield Finding(
            place=place, rule="registry/nested-message", message=said, severity="warning", topic=candidate.topic
        )
    elif index and index[0] != 0:
        said = f"{message} is not the first message of its file"
        yield Finding(
            place=place, rule="registry/first-message", message=said, severity="warning", topic=candidate.topic
        )
