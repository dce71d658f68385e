"""Media types of a request's body: a Content-Type read once into one of `contracts.media`'s constants.

Before anything is read, what no contract takes is refused; what this topic's contract does not take, after `admit`.
Asked by `rest.hot` and `cloudevents`; `rpc` knows by it what the data of a contract's events is.
"""

import re
from collections.abc import Iterable, Mapping

from tidegate.contracts.media import (
    AVRO,
    AVRO_CONTAINER,
    AVRO_FRAMED,
    AVRO_JSON,
    FRAMED,
    JSON,
    PROTOBUF,
    PROTOBUF_FRAMED,
)
from tidegate.contracts.wording import did_you_mean, shown
from tidegate.errors import Code
from tidegate_gateway.doors.rest.hints import media_hint
from tidegate_gateway.intake.faults import Fault
from tidegate_gateway.intake.memory import SMALL_BYTES, decoded_cost_bytes, encoded_cost_bytes
from tidegate_gateway.intake.submission import Admission

__all__ = ["DATA_FORMS", "NDJSON", "TEXT", "VALUES", "DataForms", "check_taken", "media_type_of", "value_cost_bytes"]

NDJSON = "application/x-ndjson"
"""Many events, one a line."""
VALUES = (JSON, AVRO_JSON, AVRO, AVRO_FRAMED, PROTOBUF, PROTOBUF_FRAMED)
"""What a single value may be, of one contract or another."""
TEXT = frozenset({JSON, AVRO_JSON, NDJSON})

DataForms = tuple[str, str]
"""What `data` of an event in a batch is: bare, and with `framed`."""
DATA_FORMS: Mapping[str, DataForms] = {"avro": (AVRO, AVRO_FRAMED), "protobuf": (PROTOBUF, PROTOBUF_FRAMED)}
"""By the contract's format."""

_KNOWN = (*VALUES, NDJSON, AVRO_CONTAINER)
_FRAMED = {AVRO: AVRO_FRAMED, PROTOBUF: PROTOBUF_FRAMED}
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_PARAMETERS = ("framing", "charset")
_USUAL = {
    **{media.encode(): media for media in _KNOWN},
    b"application/json; charset=utf-8": JSON,
    b"application/json;charset=utf-8": JSON,
    b"application/json; charset=UTF-8": JSON,
    b"application/json;charset=UTF-8": JSON,
    b"application/avro;framing=confluent": AVRO_FRAMED,
    b"application/x-protobuf;framing=confluent": PROTOBUF_FRAMED,
}
_WHERE = {
    NDJSON: "it holds many events, which go to events:batch",
    AVRO_CONTAINER: "it holds many events, which go to events:batch",
    **dict.fromkeys((AVRO_JSON, AVRO, AVRO_FRAMED, PROTOBUF, PROTOBUF_FRAMED), "it is one value, which goes to events"),
}
"""Where what an endpoint does not take may go."""
_PARAMETER = re.compile(r'[ \t]*([^\s;="]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s;"]*)[ \t]*(?:;|\Z)|[ \t]*;|[ \t]+\Z')
_ESCAPE = re.compile(r"\\(.)")


def media_type_of(content_type: bytes | None, accepted: tuple[str, ...]) -> str:
    """The media type, one of `accepted`. Raises `unsupported_media` with all of them for everything else.

    Text is UTF-8 (RFC 8259, section 8.1): another charset is refused rather than misread, and so is a parameter of a
    binary type that means nothing: a framing that was misspelt would be guessed at. Of a text type others are ignored.
    """
    if content_type is None:
        raise _unsupported("the request says no Content-Type", accepted)
    media = _USUAL.get(content_type)
    if media is None:
        media = _parsed(content_type.decode("latin-1"), accepted)
    if media not in accepted:
        where = _WHERE.get(media) or media_hint(media, accepted)
        raise _unsupported("the media type is not taken here" + (f": {where}" if where else ""), accepted)
    return media


def check_taken(media: str, admission: Admission) -> None:
    """Raise `unsupported_media` where the version that was asked for takes other media types."""
    version = admission.contract.version(admission.version)
    if version is not None and media not in version.media_types:
        raise _not_of_this_contract(media, version.media_types, admission.contract.topic)


def value_cost_bytes(body: bytes, media: str) -> int:
    """What a single value takes while it is judged, at worst."""
    size = len(body)
    if size <= SMALL_BYTES or media not in TEXT:
        return encoded_cost_bytes(size)
    return decoded_cost_bytes(size, body.count(b",") + body.count(b"[") + body.count(b"{"))


def _not_of_this_contract(media: str, taken: Iterable[str], topic: str) -> Fault:
    """The refusal of a media type that other contracts take and this topic's does not."""
    accepted = tuple(known for known in VALUES if known in taken)
    return Fault(
        Code.UNSUPPORTED_MEDIA,
        f"the contract of {topic} does not take {media}; taken are {', '.join(accepted)}",
        accepted=accepted,
        topic=topic,
    )


def _parsed(text: str, accepted: tuple[str, ...]) -> str:
    essence, _, rest = text.partition(";")
    media = essence.strip(" \t").lower()
    for name, value in _parameters(rest, accepted):
        if name == "charset":
            if media not in _FRAMED and value.lower() not in _CHARSETS:
                raise _unsupported("the charset is another than utf-8", accepted)
        elif name == "framing":
            if media not in _FRAMED or value.lower() != "confluent":
                raise _unsupported("the framing is none that this media type has", accepted)
            media = _FRAMED[media]
        elif media in _FRAMED or media in FRAMED:
            hint = did_you_mean(name, _PARAMETERS)
            what = f'the parameter "{shown(name)}" means nothing here'
            raise _unsupported(what + (f" ({hint})" if hint else ""), accepted)
    return media


def _parameters(text: str, accepted: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    """The parameters behind the type (RFC 9110, section 5.6.6), their names in lower case."""
    at = 0
    seen: set[str] = set()
    while at < len(text):
        one = _PARAMETER.match(text, at)
        if one is None:
            raise _unsupported("the Content-Type cannot be read", accepted)
        at = one.end()
        if one[1] is None:
            continue
        name, value = one[1].lower(), one[2]
        if name in seen:
            raise _unsupported(f'the parameter "{shown(name)}" stands twice', accepted)
        seen.add(name)
        yield name, _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _unsupported(what: str, accepted: tuple[str, ...]) -> Fault:
    return Fault(Code.UNSUPPORTED_MEDIA, f"{what}; taken are {', '.join(accepted)}", accepted=accepted)
