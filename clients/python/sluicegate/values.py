"""Python values of record fields and query parameters, as the contract's `FieldValue`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TypeAlias

from google.protobuf.struct_pb2 import NULL_VALUE

from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_MOST_DIGITS = 64
"""Characters of a decimal number that the contract takes; Salesforce itself keeps 18 digits."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A lookup to a record that is known by its external id.

    The field that holds it is named as the relationship: `{"Account": Reference("Ext__c", "A-1")}`.
    """

    field: str
    """API name of the external-id field of the record looked up."""
    value: str
    """The external id."""
    object: str = ""
    """API name of the record's sObject; needed only where the lookup is polymorphic (`Owner`, `Who`, `What`)."""


@dataclass(frozen=True, slots=True)
class NodeId:
    """The id of the record that another node of the same `compose_records` writes; refused everywhere else.

    The field that holds it is the lookup field itself: `{"AccountId": NodeId("acc")}`.
    """

    node: str
    """Name of the other node."""


Scalar: TypeAlias = bool | int | float | Decimal | str | bytes | date | datetime | time | None
"""A value that a list may hold."""

Value: TypeAlias = Scalar | Reference | NodeId | list[Scalar] | tuple[Scalar, ...]
"""What a field or a query parameter may be given as.

None writes null. An int beyond 64 bits and a Decimal travel as decimal text, digit for digit. A datetime must be aware.
A list is the entries of a multi-select picklist, or what stands behind `IN` in a query.
"""


def encode_value(value: Value) -> FieldValue:
    """Make the message of one value.

    Raises:
        TypeError: The value is of a type that no field takes, is a datetime without a time zone or a time with one, or
            is a list that holds a list, a reference or a node's id.
        ValueError: A number is not finite or has more than 64 digits, or a text holds half of a surrogate pair.

    """
    for kind, encode in _ENCODERS:
        if isinstance(value, kind):
            try:
                return encode(value)
            except UnicodeEncodeError as error:
                raise ValueError(f"the text is not Unicode: half of a surrogate pair at {error.start}") from None
    raise TypeError(f"{type(value).__name__} is not a value that a Salesforce field takes")


def encode_values(values: Mapping[str, Value]) -> dict[str, FieldValue]:
    """Make the messages of several named values.

    Raises:
        TypeError: As `encode_value`; the text starts with the name.
        ValueError: As `encode_value`; the text starts with the name.

    """
    encoded = {}
    for name, value in values.items():
        try:
            encoded[name] = encode_value(value)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return encoded


def decode_value(value: FieldValue) -> Value:
    """Read one value from its message: what `encode_value` takes, and a time as the text that Salesforce writes.

    A number that was sent as decimal text is a `Decimal`, whole ones too. A datetime is aware, with the offset sent.

    Raises:
        ValueError: The message is not what the contract says: it has no kind, one that this package does not know, or
            text that is no date or number.

    """
    kind = value.WhichOneof("kind")
    decode = _DECODERS.get(kind or "")
    if decode is None:
        raise ValueError("the value is of a kind that this package does not know; update it")
    try:
        return decode(value)
    except InvalidOperation:
        raise ValueError(f"the {kind} is no number") from None


def decode_values(values: Mapping[str, FieldValue]) -> dict[str, Value]:
    """Read several named values from their messages.

    Raises:
        ValueError: As `decode_value`; the text starts with the name.

    """
    decoded = {}
    for name, value in values.items():
        try:
            decoded[name] = decode_value(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return decoded


def _null(_value: None) -> FieldValue:
    return FieldValue(null_value=NULL_VALUE)


def _bool(value: bool) -> FieldValue:  # noqa: FBT001 - the value itself
    return FieldValue(bool_value=value)


def _int(value: int) -> FieldValue:
    if _INT64_MIN <= value <= _INT64_MAX:
        return FieldValue(int64_value=value)
    # Compared before it is written: Python refuses to write very large numbers, in words that would not help here.
    if abs(value) >= 10 ** (_MOST_DIGITS - 1):
        raise ValueError(f"a number of {_MOST_DIGITS} digits or more is beyond what Salesforce stores")
    return FieldValue(decimal_value=str(value))


def _float(value: float) -> FieldValue:
    if not isfinite(value):
        raise ValueError(f"{value} is not a number that Salesforce stores; None writes null")
    return FieldValue(double_value=value)


def _decimal(value: Decimal) -> FieldValue:
    if not value.is_finite():
        raise ValueError(f"{value} is not a number that Salesforce stores; None writes null")
    # The exponent is looked at first, because Decimal("1e999999") is short and its digits are not.
    if abs(value.adjusted()) > _MOST_DIGITS or len(text := format(value, "f")) > _MOST_DIGITS:
        raise ValueError(
            f"a number of more than {_MOST_DIGITS} digits is beyond what Salesforce stores; round it first"
        )
    return FieldValue(decimal_value=text)


def _text(value: str) -> FieldValue:
    return FieldValue(string_value=value)


def _bytes(value: bytes | bytearray | memoryview) -> FieldValue:
    return FieldValue(bytes_value=bytes(value))


def _date(value: date) -> FieldValue:
    return FieldValue(date_value=value.isoformat())


def _datetime(value: datetime) -> FieldValue:
    if value.utcoffset() is None:
        raise TypeError("the datetime has no time zone; give it one, for example value.replace(tzinfo=UTC)")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the datetime is outside the years 1 to 9999 in UTC") from None
    return FieldValue(datetime_value=f"{instant.replace(tzinfo=None).isoformat()}Z")


def _time(value: time) -> FieldValue:
    if value.tzinfo is not None:
        raise TypeError("the time has a time zone; Salesforce's times of day have none")
    return FieldValue(string_value=f"{value.isoformat(timespec='milliseconds')}Z")


def _reference(value: Reference) -> FieldValue:
    external_id = ExternalId(field=value.field, value=value.value)
    return FieldValue(reference_value=RecordReference(external_id=external_id, object=value.object))


def _node_id(value: NodeId) -> FieldValue:
    return FieldValue(node_value=value.node)


def _list(values: Iterable[Scalar]) -> FieldValue:
    return FieldValue(list_value=FieldValueList(values=[_entry(value) for value in values]))


def _entry(value: Scalar) -> FieldValue:
    if isinstance(value, list | tuple | Reference | NodeId):
        raise TypeError(f"a list may not hold a {type(value).__name__}")
    return encode_value(value)


# Ordered: a bool is an int, and a datetime is a date.
_ENCODERS: tuple[tuple[type | tuple[type, ...], Callable[..., FieldValue]], ...] = (
    (str, _text),
    (type(None), _null),
    (bool, _bool),
    (int, _int),
    (Decimal, _decimal),
    (float, _float),
    (datetime, _datetime),
    (date, _date),
    (time, _time),
    (Reference, _reference),
    (NodeId, _node_id),
    ((list, tuple), _list),
    ((bytes, bytearray, memoryview), _bytes),
)


def _decode_list(value: FieldValue) -> list[Scalar]:
    decoded: list[Scalar] = []
    for item in value.list_value.values:
        entry = decode_value(item)
        if isinstance(entry, list | tuple | Reference | NodeId):
            raise ValueError("a list holds a list, a reference or a node's id")  # noqa: TRY004 - it came from the service
        decoded.append(entry)
    return decoded


def _decode_reference(value: FieldValue) -> Reference:
    reference = value.reference_value
    return Reference(reference.external_id.field, reference.external_id.value, reference.object)


_DECODERS: Mapping[str, Callable[[FieldValue], Value]] = {
    "null_value": lambda _: None,
    "bool_value": lambda value: value.bool_value,
    "int64_value": lambda value: value.int64_value,
    "double_value": lambda value: value.double_value,
    "string_value": lambda value: value.string_value,
    "decimal_value": lambda value: Decimal(value.decimal_value),
    "bytes_value": lambda value: value.bytes_value,
    "reference_value": _decode_reference,
    "list_value": _decode_list,
    "date_value": lambda value: date.fromisoformat(value.date_value),
    "datetime_value": lambda value: datetime.fromisoformat(value.datetime_value),
    "node_value": lambda value: NodeId(value.node_value),
}
