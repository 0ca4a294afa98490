"""Rules of the contract that do not hold, told in words that say what would."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from service.errors import FieldViolation, InvalidRequest

_API_NAME = "is no API name: give a letter, then at most 79 letters, digits and underscores"
PATTERNS: Mapping[str, str] = {
    "^[A-Za-z][A-Za-z0-9_]{0,79}$": _API_NAME,
    "^([A-Za-z][A-Za-z0-9_]{0,79})?$": _API_NAME,
    "^[A-Za-z][A-Za-z0-9_]{0,39}$": "is no node's name: give a letter, then at most 39 letters, digits and underscores",
    "^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$": "is no record's id: give its 15 or 18 letters and digits",
    "^([A-Za-z0-9]{15}([A-Za-z0-9]{3})?)?$": "is no record's id: give its 15 or 18 letters and digits",
    "^[A-Za-z0-9_.:-]{0,64}$": "takes at most 64 letters, digits and characters of _ . : -",
    "^-?[0-9]+([.][0-9]+)?$": "is no decimal number: give digits, as in -12.50",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "is no date: give it as 2026-03-01",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:?[0-9]{2})$": (
        "is no dateTime with an offset: give it as 2026-03-01T12:34:56Z"
    ),
    "^[a-z0-9_-]{0,63}$": "takes at most 63 small letters, digits and characters of _ -",
    "^[a-z][a-z0-9_-]{0,31}$|^$": "takes a small letter, then at most 31 small letters, digits and characters of _ -",
    "^[0-9A-Za-z.+_-]{0,32}$": "takes at most 32 letters, digits and characters of . + _ -",
    "^([A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8}){0,3})?$": "is no language tag: give it as de or de-CH",
    "^utm_[a-z]{1,24}$": "is no name of a campaign's field: give utm_ and at most 24 small letters",
}
"""What would be right, by the regular expression of the contract that does not hold."""

_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def refusal(request: Message, violations: Sequence[Any]) -> InvalidRequest:
    """Return the error that names every field at fault.

    Args:
        request: The message.
        violations: What protovalidate found wrong with it; at least one.

    """
    found = [FieldViolation(_path(violation), _words(violation, request.DESCRIPTOR)) for violation in violations]
    first = found[0]
    return InvalidRequest(f"{first.field or 'request'}: {first.description}", violations=found)


def _path(violation: Any) -> str:
    """Return a violation's field as a path, as every other error writes it: `fields.LastName.kind`, `values[1]`.

    A key that is no name is quoted: it may hold anything.
    """
    path = ""
    for element in violation.proto.field.elements:
        path += f".{element.field_name}"
        key = getattr(element.subscript, "value", None) if element.subscript is not None else None
        if key is not None:
            path += f".{key}" if _NAME.fullmatch(str(key)) and isinstance(key, str) else f"[{key!r}]"
    return path.lstrip(".")


def _words(violation: Any, root: Any) -> str:
    """Return what protovalidate says, except where it says what is wrong and leaves open what would be right."""
    rule = violation.proto.rule_id
    if violation.field_value == "" and rule.startswith("string."):
        return "the name is empty" if violation.proto.for_key else "value is required"
    if rule == "required" and (members := _members(violation, root)):
        return f"set exactly one of {', '.join(members)}"
    if rule == "string.pattern" and violation.rule_value in PATTERNS:
        return PATTERNS[violation.rule_value]
    if rule == "map.min_pairs":
        return f"give at least {violation.rule_value}"
    return str(violation.proto.message or rule)


def _members(violation: Any, root: Any) -> list[str]:
    """Return the fields of the oneof that a violation is about; none if it is about a field."""
    *way, last = violation.proto.field.elements
    message = root
    for element in way:
        inner = message.fields_by_name[element.field_name].message_type
        message = inner.fields_by_name["value"].message_type if inner.GetOptions().map_entry else inner
    oneof = message.oneofs_by_name.get(last.field_name)
    return [field.name for field in oneof.fields] if oneof is not None else []
