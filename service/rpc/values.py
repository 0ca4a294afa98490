"""FieldValue ⇄ Python."""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sluicegate.v1.field_value_pb2 import FieldValue

from service import soql
from service.errors import FieldViolation, InvalidFieldValue, InvalidParameter, InvalidRequest
from service.salesforce.calls.records import JsonValue

_MOST_PARAMETER_VALUES = 50_000
"""A query has at most 100,000 characters (SOQL and SOSL Reference, "SOQL Limits"), and a value takes two or more."""

_PLAIN = frozenset({"string_value", "bool_value", "int64_value", "date_value", "datetime_value"})
"""Kinds that Salesforce's JSON holds as they are."""

Scalar = None | bool | int | float | Decimal | str | date
"""What one place of a query can hold."""


def to_json_values(fields: Mapping[str, FieldValue]) -> dict[str, JsonValue]:
    """Return a record's fields as Salesforce's JSON takes them.

    Args:
        fields: The caller's values by field or relationship name.

    Raises:
        InvalidFieldValue: A number is not finite, or a list holds something but text.
        InvalidRequest: Two names are the same but for case, which Salesforce does not tell apart.

    """
    if len({name.lower() for name in fields}) < len(fields):
        raise _named_twice(sorted(fields))
    return {name: _json_value(name, value) for name, value in fields.items()}


def to_parameters(parameters: Mapping[str, FieldValue]) -> dict[str, soql.Value]:
    """Return query parameters as the SOQL binder takes them.

    Args:
        parameters: The caller's values by parameter name.

    Raises:
        InvalidParameter: A value has no place in SOQL: bytes, a lookup, a list within a list, no such day; or there
            are more values than a query can hold.

    """
    bound: dict[str, soql.Value] = {}
    count = 0
    for name, value in parameters.items():
        count += len(value.list_value.values)
        if count > _MOST_PARAMETER_VALUES:
            problem = f"the lists hold more than {_MOST_PARAMETER_VALUES:,} values; split the query"
            raise InvalidParameter(
                f"parameter {name!r}: {problem}",
                metadata={"parameter": name},
                violations=[FieldViolation(f"parameters.{name}", problem)],
            )
        if value.WhichOneof("kind") == "list_value":
            bound[name] = [_scalar_parameter(name, item) for item in value.list_value.values]
        else:
            bound[name] = _scalar_parameter(name, value)
    return bound


def _named_twice(names: Sequence[str]) -> InvalidRequest:
    first: dict[str, str] = {}
    violations = [
        FieldViolation(f"fields.{name}", f"is the same field as {first[name.lower()]}; give one of them")
        for name in names
        if first.setdefault(name.lower(), name) != name
    ]
    return InvalidRequest(f"{violations[0].field}: {violations[0].description}", violations=violations)


def _json_value(name: str, value: FieldValue) -> JsonValue:
    kind = value.WhichOneof("kind")
    if kind in _PLAIN:
        plain: JsonValue = getattr(value, kind)
        return plain
    match kind:
        case "null_value":
            return None
        case "double_value":
            return _finite(name, value.double_value)
        case "decimal_value":
            return Decimal(value.decimal_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "reference_value":
            return _lookup(value)
        case "list_value":
            return ";".join(_entry(name, item) for item in value.list_value.values)
        case _:
            raise _refused(name, "has no value; to set a field to null, set null_value")


def _lookup(value: FieldValue) -> Mapping[str, str]:
    reference = value.reference_value
    lookup = {reference.external_id.field: reference.external_id.value}
    return {"type": reference.object, **lookup} if reference.object else lookup


def _entry(name: str, value: FieldValue) -> str:
    if value.WhichOneof("kind") != "string_value" or ";" in value.string_value:
        raise _refused(name, "is a multi-select picklist: its entries are texts without `;`")
    return value.string_value


def _finite(name: str, number: float) -> float:
    if not math.isfinite(number):
        raise _refused(name, "is not a finite number, which Salesforce cannot store")
    return number


def _scalar_parameter(name: str, value: FieldValue) -> Scalar:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "null_value":
            return None
        case "bool_value":
            return value.bool_value
        case "int64_value":
            return value.int64_value
        case "double_value":
            return value.double_value
        case "decimal_value":
            return Decimal(value.decimal_value)
        case "date_value":
            return _moment(name, value.date_value, date)
        case "datetime_value":
            return _moment(name, value.datetime_value, datetime)
        case kind:
            raise InvalidParameter(
                f"parameter {name!r} is of kind {kind or 'nothing'}, which SOQL cannot hold there",
                metadata={"parameter": name},
                violations=[FieldViolation(f"parameters.{name}", "give text, a number, a date or a list of these")],
            )


def _moment(name: str, text: str, kind: type[date]) -> date:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        raise InvalidParameter(
            f"parameter {name!r}: there is no such {kind.__name__} as {text}",
            metadata={"parameter": name},
            violations=[FieldViolation(f"parameters.{name}", "give a day that exists, in ISO 8601")],
        ) from None


def _refused(name: str, problem: str) -> InvalidFieldValue:
    return InvalidFieldValue(
        f"{name} {problem}", metadata={"fields": name}, violations=[FieldViolation(f"fields.{name}", problem)]
    )
