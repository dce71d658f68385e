"""What a CEL expression may make out of an event: no more than a few times what the event holds. Called by `cel_rules` at load.

cel-cpp bounds an evaluation's steps and neither its memory nor the work of one step. Only `+` makes strings, bytes and lists
longer than the event's own, and only where it stands in a macro can they double step by step: `["x"].map(s, s + s)` thirty
times over is a gigabyte. So in macros it may add numbers only, and elsewhere join a few times. Read off the checked
expression (github.com/google/cel-spec, proto/cel/expr/checked.proto), since only there the types of operands are known.
"""

from collections.abc import Iterator

__all__ = ["MAX_JOINS", "growth_problem"]

MAX_JOINS = 20
"""How often a rule may join strings, bytes or lists: a message is put together of less."""

_JOINS = frozenset({b"add_string", b"add_bytes", b"add_list"})
_IN_MACRO = (
    "joins strings, bytes or lists inside of a macro, where only numbers may be added"
    " (values of a union: convert them first, as in double(this.x) + 1.0)"
)
_ANY_VALUE, _REFERENCES, _EXPRESSION = 2, 2, 4  # of google.protobuf.Any, CheckedExpr
_KEY, _VALUE, _OVERLOADS = 1, 2, 3  # of an entry of the reference map, Reference
_ID, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _COMPREHENSION = 2, 4, 5, 6, 7, 8, 9  # of Expr
_NAME, _FUNCTION, _ARGUMENTS = 1, 2, 3  # of Ident, Call
_REPEATED = frozenset({5, 6})  # of Comprehension: the condition and the step, asked for every item
_CHILDREN = {_SELECT: {1}, _CALL: {1, 3}, _LIST: {1}, _STRUCT: {2}, _COMPREHENSION: {2, 4, 5, 6, 7}}
_ENTRY = frozenset({3, 4})  # of a struct's entry: the key and the value
_PLUS = b"_+_"
_RESULT = b"@result"  # what the macros call the list that they make themselves


def growth_problem(checked: bytes) -> str:
    """Why a checked expression, as `Expression.serialize` gives it, is refused; nothing where it may be asked."""
    whole = b"".join(value for number, value in _members(checked) if number == _ANY_VALUE and isinstance(value, bytes))
    joining: set[int] = set()
    roots: list[bytes] = []
    for number, value in _members(whole):
        if number == _REFERENCES and isinstance(value, bytes):
            joining |= _joining(value)
        elif number == _EXPRESSION and isinstance(value, bytes):
            roots.append(value)
    joins = 0
    waiting = [(root, False) for root in roots]
    while waiting:
        expression, is_repeated = waiting.pop()
        members = dict(_members(expression))
        call = members.get(_CALL)
        if isinstance(call, bytes) and members.get(_ID) in joining and _is_join(call):
            if is_repeated:
                return _IN_MACRO
            joins += 1
        waiting += _below(members, is_repeated=is_repeated)
    return f"joins strings, bytes or lists {joins} times, at most {MAX_JOINS} are allowed" if joins > MAX_JOINS else ""


def _joining(entry: bytes) -> set[int]:
    """The id of an entry of the reference map, where it may stand for a `+` that joins."""
    members = dict(_members(entry))
    key, reference = members.get(_KEY), members.get(_VALUE)
    if not isinstance(key, int) or not isinstance(reference, bytes):
        return set()
    overloads = {value for number, value in _members(reference) if number == _OVERLOADS}
    return {key} if overloads & _JOINS else set()


def _is_join(call: bytes) -> bool:
    """Whether a call is a `+` of the author's, not the one that a macro makes its list with."""
    arguments = [value for number, value in _members(call) if number == _ARGUMENTS and isinstance(value, bytes)]
    if (_FUNCTION, _PLUS) not in _members(call) or not arguments:
        return False
    first = dict(_members(arguments[0])).get(_IDENT)
    return not (isinstance(first, bytes) and (_NAME, _RESULT) in _members(first))


def _below(members: dict[int, int | bytes], *, is_repeated: bool) -> Iterator[tuple[bytes, bool]]:
    """What stands below an expression, each with whether it is asked for every item of something."""
    for kind, children in _CHILDREN.items():
        node = members.get(kind)
        for at, child in _members(node) if isinstance(node, bytes) else ():
            if at not in children or not isinstance(child, bytes):
                continue
            if kind == _STRUCT:
                yield from (
                    (part, is_repeated) for of, part in _members(child) if of in _ENTRY and isinstance(part, bytes)
                )
            else:
                yield child, is_repeated or (kind == _COMPREHENSION and at in _REPEATED)


def _members(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a Protobuf message that cel-cpp wrote itself: integers and bytes; fixed widths are left out."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        match tag & 7:
            case 0:
                value, at = _varint(message, at)
                yield tag >> 3, value
            case 2:
                size, at = _varint(message, at)
                yield tag >> 3, message[at : at + size]
                at += size
            case kind:
                at += 8 if kind == 1 else 4


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
