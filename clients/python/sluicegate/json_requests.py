"""Requests from JSON, read so that an error names the place and what would fit there."""

import base64
import binascii
import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_SAMPLES: Mapping[type, int] = {
    str: FieldDescriptor.TYPE_STRING,
    bool: FieldDescriptor.TYPE_BOOL,
    int: FieldDescriptor.TYPE_SINT64,
    float: FieldDescriptor.TYPE_DOUBLE,
}
"""The type of a field that takes a bare value of JSON, for a hint to who forgot to say which field it is for."""
_LONGEST_SAMPLE = 40


class InvalidCall(ValueError):
    """The method does not exist, or the JSON does not fit its request; the text says what would."""


def read_requests(text: str, request: Descriptor) -> list[Message]:
    """Read JSON objects, one after another with any white space between, as messages (ProtoJSON).

    Args:
        text: The JSON.
        request: What each object is.

    Raises:
        InvalidCall: The text is no JSON, or an object is no such message.

    """
    return [_message(document, request) for document in _documents(text)]


def _documents(text: str) -> Iterable[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_without_repetition)
    rest = text.strip()
    if not rest:
        raise InvalidCall("the request is empty; `{}` is the least there is")
    while rest:
        try:
            document, end = decoder.raw_decode(rest)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InvalidCall(f"the request is no JSON: {error}") from None
        yield document
        rest = rest[end:].lstrip()


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidCall(f"{name!r} stands twice in one object")
        found[name] = value
    return found


def _message(document: Any, request: Descriptor) -> Message:
    try:
        _check(document, request, "")
        return json_format.ParseDict(document, GetMessageClass(request)())
    except json_format.ParseError as error:
        raise InvalidCall(f"the JSON is no {request.name}: {error}") from None
    except RecursionError:
        raise InvalidCall("the request nests too deep") from None


def _check(value: Any, message: Descriptor, path: str) -> None:
    """Refuse what protobuf's own reader would explain badly or let pass; the rest is left to it."""
    if message.file.package == "google.protobuf":
        return  # durations and timestamps are texts
    if not isinstance(value, dict):
        names = ", ".join(field.json_name for field in message.fields)
        _refuse(path, f"must be an object of {names}{_hint(value, message)}")
    fields = {name: field for field in message.fields for name in (field.json_name, field.name)}
    for name, item in value.items():
        if name not in fields:
            _refuse(path, f"has no field {name!r}; {_nearest(name, [field.json_name for field in message.fields])}")
        if item is not None:
            _check_field(item, fields[name], f"{path}.{name}".lstrip("."))


def _check_field(value: Any, field: FieldDescriptor, path: str) -> None:
    entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
    if entry is not None:
        if not isinstance(value, dict):
            _refuse(path, "must be an object")
        for key, item in value.items():
            _check_one(item, entry.fields_by_name["value"], f"{path}.{key}")
    elif field.is_repeated:
        if not isinstance(value, list):
            _refuse(path, "must be a list")
        for index, item in enumerate(value):
            _check_one(item, field, f"{path}[{index}]")
    else:
        _check_one(value, field, path)


def _check_one(value: Any, field: FieldDescriptor, path: str) -> None:
    if field.message_type is not None:
        _check(value, field.message_type, path)
    elif field.enum_type is not None:
        _check_enum(value, field.enum_type, path)
    elif field.type == FieldDescriptor.TYPE_STRING and not isinstance(value, str):
        _refuse(path, "must be text")
    elif field.type == FieldDescriptor.TYPE_BOOL and not isinstance(value, bool):
        _refuse(path, "must be true or false")
    elif field.type == FieldDescriptor.TYPE_BYTES and not _is_base64(value):
        _refuse(path, "must be text in base64")


def _check_enum(value: Any, enum: EnumDescriptor, path: str) -> None:
    if isinstance(value, str) and value not in enum.values_by_name and enum.full_name != "google.protobuf.NullValue":
        _refuse(path, f"cannot be {value!r}; {_nearest(value, list(enum.values_by_name)[1:])}")


def _is_base64(value: Any) -> bool:
    """Tell what protobuf's reader takes as bytes, which passes over characters that are no base64 in silence."""
    if not isinstance(value, str):
        return False
    text = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return True


def _nearest(name: str, known: list[str]) -> str:
    inside = [item for item in known if name and item.lower().endswith(name.lower())]
    close = inside[:1] or difflib.get_close_matches(name, known, n=1)
    return (f"did you mean {close[0]}? " if close else "") + f"there are: {', '.join(known)}"


def _hint(value: Any, message: Descriptor) -> str:
    wanted = _SAMPLES.get(type(value))
    name = next((field.json_name for field in message.fields if field.type == wanted), None)
    sample = json.dumps(value, ensure_ascii=False)
    if name is None or len(sample) > _LONGEST_SAMPLE:
        return ""
    return f', for example {{"{name}": {sample}}}'


def _refuse(path: str, problem: str) -> NoReturn:
    raise InvalidCall(f"{path or 'the request'} {problem}")
