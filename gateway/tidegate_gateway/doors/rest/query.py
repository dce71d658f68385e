"""The query of a hot endpoint: which parameters there are, and what they ask for. Called by `hot`, where there is a query.

A parameter that is not known is refused: `?fromat=values` ignored would publish lines as what they are not.
"""

from urllib.parse import parse_qsl

from tidegate.contracts.wording import did_you_mean, shown
from tidegate.errors import Code
from tidegate_gateway.doors.media import NDJSON
from tidegate_gateway.intake.faults import Fault

__all__ = ["FORMATS", "asks_for_values"]

FORMATS = ("events", "values")
"""What a line of NDJSON may be."""


def asks_for_values(query: bytes, parameters: tuple[str, ...], *, lines: bool) -> bool:
    """Whether `?format=values` asks for lines that are values. `parameters` are those that the endpoint has.

    Raises `malformed` for another parameter, one given twice, another format, or values without lines.
    """
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, _ in given:
        if name not in parameters:
            raise Fault(Code.MALFORMED, _unknown(name, parameters))
    if not given:
        return False
    (_, asked), *more = given
    if more:
        raise Fault(Code.MALFORMED, "the parameter format stands twice, and may stand once")
    if asked not in FORMATS:
        hint = did_you_mean(asked, FORMATS)
        there_are = f"there are {' and '.join(FORMATS)}"
        raise Fault(Code.MALFORMED, f'the format "{shown(asked)}" is none; {hint or there_are}')
    if asked == "values" and not lines:
        raise Fault(Code.MALFORMED, f"format=values is for {NDJSON}: a line is a value")
    return asked == "values"


def _unknown(name: str, parameters: tuple[str, ...]) -> str:
    """What there is instead: what was meant, all of them, or none."""
    there_are = did_you_mean(name, parameters) or (
        f"there is {', '.join(parameters)}" if parameters else "it takes none"
    )
    return f'"{shown(name)}" is no parameter of this endpoint; {there_are}'
