"""Fields that CEL rules name and the schema lacks: `this.ende > this.start` would refuse good events for ever.

Called by `codec` at load. protovalidate binds names when it evaluates, so a name behind `&&`, `?:` or an absent field is
found by no trial run: the `this.a.b` of an expression's text are looked up in the descriptors instead.
"""

import re
from collections.abc import Iterator

from protobuf import DescField, DescFieldValueList, DescFieldValueMap, DescMessage, Message
from protovalidate import ViolationPb

from tidegate.contracts.codec import ContractError
from tidegate.contracts.protobuf.expected import Facts, element_facts, field_kind, field_rules
from tidegate.contracts.wording import did_you_mean

__all__ = ["check_rule_fields"]

_MESSAGE_RULES = next(
    extension.type for extension in ViolationPb.desc().file.extensions if extension.type_name == "buf.validate.message"
)
_literals = re.compile(
    r"""[rR][bB]?(?:\"\"\".*?\"\"\"|'''.*?'''|"[^"]*"|'[^']*')"""
    r"""|\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//[^\n]*""",
    re.DOTALL,
)
_selection = re.compile(r"(?<![\w.])this((?:\s*\.\s*[A-Za-z_]\w*(?!\w|\s*\())+)", re.ASCII)
_rebound = re.compile(r"\(\s*this\s*,", re.ASCII)  # a macro's variable of that name


def check_rule_fields(message: DescMessage) -> None:
    """Raises `ContractError` where a CEL rule of the message or of its fields selects a field that does not exist."""
    options = message.proto.options
    rules = options[_MESSAGE_RULES] if options is not None else None
    if rules is not None:
        for rule, text in _expressions(rules):
            _check(rule, text, message, message)
    for field in message.fields:
        of, kind = field_rules(field), field_kind(field)
        if isinstance(kind, DescMessage):
            for rule, text in _written(element_facts(of) if _is_many(field) else of):
                _check(rule, text, kind, message)


def _is_many(field: DescField) -> bool:
    return isinstance(field.value, DescFieldValueList | DescFieldValueMap)


def _expressions(rules: Message) -> Iterator[tuple[str, str]]:
    return _written({field.name: rules[field] for field in rules})


def _written(rules: Facts) -> Iterator[tuple[str, str]]:
    """Name and text of each expression. One that is written without a name is its own."""
    named, bare = rules.get("cel"), rules.get("cel_expression")
    for rule in named if isinstance(named, list) else []:
        yield rule.id, rule.expression
    for text in bare if isinstance(bare, list) else []:
        yield text, text


def _check(rule: str, text: str, this: DescMessage, owner: DescMessage) -> None:
    code = _literals.sub('""', text)
    if _rebound.search(code):
        return
    for selected in _selection.finditer(code):
        at: DescMessage | None = this
        for name in re.split(r"\s*\.\s*", selected[1].strip())[1:]:
            if at is None or at.type_name.startswith("google.protobuf."):
                break
            field = next((one for one in at.fields if one.name == name), None)
            if field is None:
                hint = did_you_mean(name, [one.name for one in at.fields])
                raise ContractError(
                    f'the rule "{rule}" names the field "{name}", which {at.type_name} does not have'
                    + (f"; {hint}" if hint else ""),
                    pointer=owner.type_name,
                )
            kind = field_kind(field)
            at = kind if isinstance(kind, DescMessage) and not _is_many(field) else None
