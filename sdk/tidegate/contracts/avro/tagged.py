"""Writers of what the specification's JSON encoding (`application/avro+json`) has in another way than plain JSON: unions.

A value of a union is null, or an object of one member whose name is the type's: the full name of records, enums and fixed.
Made by the compiler, run for every such event; scalars that differ stand beside their plain writers.
"""

from tidegate.contracts.avro.faults import Answer, Fault, Faults, Place, Write, add, guess, pointer_step
from tidegate.contracts.avro.varints import zigzag
from tidegate.contracts.verdict import Violation

__all__ = ["tagged_union_writer"]

_SHOWN_NAMES = 10


def tagged_union_writer(place: Place, branches: tuple[tuple[str, Write], ...]) -> Write:
    """A union of branches (name, writer), in the schema's order."""
    picks = {name: (zigzag(index), write, pointer_step(name)) for index, (name, write) in enumerate(branches)}
    null = picks.pop("null", None)
    names = tuple(picks)
    shown = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")

    def untagged(value: object, pointer: str) -> Violation:
        detail = "is null, which is not of the union" if value is None else "is not tagged with its type"
        hint = f'write {{"{names[0]}": ...}}' if len(names) == 1 else f"write an object whose one name is of {shown}"
        return place.violation(pointer, "union", detail, value, hint if names else "")

    def unknown_tag(value: object, pointer: str) -> Violation:
        tag = next(iter(value)) if isinstance(value, dict) else ""
        hint = "" if place.sensitive else guess(str(tag)[:64], names) or f"the types are {shown}"
        return place.violation(pointer, "union", "has a tag that is no type of the union", value, hint)

    def write(value: object, out: list[bytes]) -> Answer:
        if value is None:
            if null is None:
                return Fault(untagged, value)
            out.append(null[0])
            return None
        if type(value) is not dict or len(value) != 1:
            return Fault(untagged, value)
        ((tag, inner),) = value.items()
        pick = picks.get(tag)
        if pick is None:
            return Fault(unknown_tag, value)
        index, write_branch, step = pick
        out.append(index)
        answer = write_branch(inner, out)
        if answer is None or isinstance(answer, int):
            return 1 + (answer or 0)
        faults = Faults()
        faults.keys = 1
        add(faults, answer, step)
        return faults

    return write
