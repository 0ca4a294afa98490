"""FieldValue ⇄ Python."""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from google.protobuf.struct_pb2 import NULL_VALUE
from sluicegate.v1.field_value_pb2 import FieldValue, FieldValueList

from service.errors import FieldViolation, InvalidFieldValue, InvalidRequest
from service.orgs.reading import ReadValue
from service.rpc.plain_values import Check
from service.salesforce.calls.writes import JsonValue, NodeId

_PLAIN = frozenset({"string_value", "bool_value", "int64_value"})
"""Kinds that Salesforce's JSON holds as they are; in a message that is not large they cannot break a rule."""

_WHOLE = frozenset({"int", "long"})
_INT64_DIGITS = 18
"""Any whole number of so many digits fits."""
_EXACT_DOUBLE_DIGITS = 15
"""A binary double holds every decimal number of up to 15 digits."""


class DoubtfulValue(Exception):
    """A value may break a rule of the contract that it was not yet held against."""


def to_json_values(
    fields: Mapping[str, FieldValue], *, in_graph: bool = False, is_plain: Check | None = None
) -> dict[str, JsonValue]:
    """Return a record's fields as Salesforce's JSON takes them.

    Args:
        fields: The caller's values by field or relationship name.
        in_graph: Whether a value may be the id of another node.
        is_plain: Tells whether a value certainly keeps the rules of the contract; None if all are known to.

    Raises:
        DoubtfulValue: `is_plain` does not know of one.
        InvalidFieldValue: A number is not finite, a list holds something but text, there is no such day, or a value
            is another node's id where there are no nodes. All such fields are named.
        InvalidRequest: Two names are the same but for case, which Salesforce does not tell apart.

    """
    values: dict[str, JsonValue] = {}
    wrong: dict[str, str] = {}
    for name in fields:
        # items() of such a map is written in Python, and takes longer.
        value = fields[name]
        kind = value.WhichOneof("kind")
        if kind in _PLAIN:
            values[name] = getattr(value, kind)
        elif is_plain is not None and not is_plain(value):
            raise DoubtfulValue
        else:
            try:
                values[name] = _json_value(value, kind, in_graph=in_graph)
            except ValueError as error:
                wrong[name] = str(error)
    if len(set(map(str.lower, fields))) < len(fields):
        raise _named_twice(sorted(fields))
    if wrong:
        raise _refused(wrong)
    return values


def to_field_value(value: ReadValue, kind: str, precision: int) -> FieldValue:
    """Return a field that was read; see `Record` in the contract for which kind of value stands for what.

    Args:
        value: The value as Salesforce's JSON has it.
        kind: The field's type in its sObject's description, for example `multipicklist`.
        precision: How many digits a number of the field may have, as the description says; 0 if it is none.

    """
    if value is None:
        return FieldValue(null_value=NULL_VALUE)
    if isinstance(value, bool):
        return FieldValue(bool_value=value)
    if isinstance(value, str):
        return _text_value(value, kind)
    return _number_value(Decimal(value), kind, precision)


def _named_twice(names: Sequence[str]) -> InvalidRequest:
    first: dict[str, str] = {}
    violations = [
        FieldViolation(f"fields.{name}", f"is the same field as {first[name.lower()]}; give one of them")
        for name in names
        if first.setdefault(name.lower(), name) != name
    ]
    return InvalidRequest(f"{violations[0].field}: {violations[0].description}", violations=violations)


def _json_value(value: FieldValue, kind: str | None, *, in_graph: bool) -> JsonValue:
    """Return a value as JSON; raises ValueError, with what is wrong and what would be right."""
    if kind is None:
        raise ValueError("has no value; to set a field to null, set null_value")
    if kind == "node_value" and not in_graph:
        raise ValueError("is the id of another node, which only ComposeRecords has; give the id as string_value")
    return _JSON[kind](value)


def _lookup(value: FieldValue) -> Mapping[str, str]:
    reference = value.reference_value
    lookup = {reference.external_id.field: reference.external_id.value}
    return {"type": reference.object, **lookup} if reference.object else lookup


def _entry(value: FieldValue) -> str:
    if value.WhichOneof("kind") != "string_value" or ";" in value.string_value:
        raise ValueError("is a multi-select picklist: its entries are texts without `;`")
    return value.string_value


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("is not a finite number, which Salesforce cannot store")
    return number


def _existing(text: str, kind: type[date]) -> str:
    try:
        kind.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is no {kind.__name__} that exists; give one in ISO 8601") from None
    return text


def _with_colon(text: str) -> str:
    """Return a dateTime with its offset as Salesforce reads it: `Z` or `+hh:mm`."""
    return f"{text[:-2]}:{text[-2:]}" if text[-5] in "+-" else text


def _text_value(text: str, kind: str) -> FieldValue:
    # JSON can hold half a character, which no protobuf text can.
    text = text.encode(errors="replace").decode()
    match kind:
        case "date":
            return FieldValue(date_value=text)
        case "datetime":
            # Salesforce answers in UTC, with an offset that RFC 3339 does not know.
            return FieldValue(datetime_value=f"{text[:-5]}Z" if text.endswith("+0000") else text)
        case "multipicklist":
            entries = [FieldValue(string_value=entry) for entry in text.split(";")]
            return FieldValue(list_value=FieldValueList(values=entries))
        case _:
            return FieldValue(string_value=text)


def _number_value(number: Decimal, kind: str, precision: int) -> FieldValue:
    if kind in _WHOLE and number.adjusted() < _INT64_DIGITS and number == int(number):
        return FieldValue(int64_value=int(number))
    exact = len(number.as_tuple().digits) <= _EXACT_DOUBLE_DIGITS >= precision
    if kind == "currency" or not exact:
        return FieldValue(decimal_value=format(number, "f"))
    return FieldValue(double_value=float(number))


def _refused(wrong: Mapping[str, str]) -> InvalidFieldValue:
    violations = [FieldViolation(f"fields.{name}", wrong[name]) for name in sorted(wrong)]
    return InvalidFieldValue(
        f"{min(wrong)} {violations[0].description}", metadata={"fields": ",".join(sorted(wrong))}, violations=violations
    )


_JSON: Mapping[str, Callable[[FieldValue], JsonValue]] = {
    "null_value": lambda _: None,
    "double_value": lambda value: _finite(value.double_value),
    "decimal_value": lambda value: Decimal(value.decimal_value),
    "bytes_value": lambda value: base64.b64encode(value.bytes_value).decode(),
    "reference_value": _lookup,
    "list_value": lambda value: ";".join(map(_entry, value.list_value.values)),
    "date_value": lambda value: _existing(value.date_value, date),
    "datetime_value": lambda value: _with_colon(_existing(value.datetime_value, datetime)),
    "node_value": lambda value: NodeId(value.node_value),
}
"""How each further kind becomes JSON."""
