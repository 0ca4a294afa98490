"""Query parameters as the SOQL binder takes them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sluicegate.v1.field_value_pb2 import FieldValue

from service import soql
from service.errors import FieldViolation, InvalidParameter

_MOST_PARAMETER_VALUES = 50_000
"""A query has at most 100,000 characters (SOQL and SOSL Reference, "SOQL Limits"), and a value takes two or more."""

Scalar = None | bool | int | float | Decimal | str | date
"""What one place of a query can hold."""


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
            remedy = "give text, a number, a date or a list of these"
            if kind == "node_value":
                remedy = "only ComposeRecords has nodes; give the record's id as string_value"
            raise InvalidParameter(
                f"parameter {name!r} is of kind {kind or 'nothing'}, which SOQL cannot hold there",
                metadata={"parameter": name},
                violations=[FieldViolation(f"parameters.{name}", remedy)],
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
