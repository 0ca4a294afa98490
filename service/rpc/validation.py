"""Rules of the contract that do not hold, told in words that say what would."""

import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from service.errors import FieldViolation, InvalidRequest

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
