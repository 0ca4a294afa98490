"""What a field takes and how it is kept: JSON values to stored ones and back, and the checks between.

Stored forms: text as it is, ids with 18 characters, booleans 0 and 1, whole numbers, other numbers in units of their
field's scale (`decimals.py`), dates `2026-03-01`, datetimes `2026-03-01T12:34:56.000+0000` in UTC, times
`13:05:00.000Z`. As all datetimes are written alike, their text order is their order in time.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from service.emulator import faults, ids
from service.emulator.decimals import DIGITS, scaled, shown, unscaled
from service.emulator.schema.model import Field, FieldType

Stored = str | int | float | None
"""What SQLite holds for a field."""
Reader = Callable[[object], Stored]
"""Makes a JSON value that is not null a stored one, or raises a fault about its type."""
Check = Callable[[Stored], None]
"""Raises a fault when a stored value, which is not null, does not fit the field."""

NUMBER_TYPES: frozenset[FieldType] = frozenset({"double", "currency", "percent"})
ID_TYPES: frozenset[FieldType] = frozenset({"id", "reference"})

_FIRST_YEAR, _LAST_YEAR = 1700, 4000
_DATETIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})", re.ASCII | re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"(\d{2}:\d{2}:\d{2})(?:\.(\d{1,3})\d*)?Z?", re.ASCII)
_EMAIL = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[^@\s.,;:<>()\[\]\\\"]+(?:\.[^@\s.,;:<>()\[\]\\\"]+)+")
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


def format_datetime(epoch_seconds: float) -> str:
    """Write a moment as Salesforce does; fractions of a second are dropped, as Salesforce drops them.

    Args:
        epoch_seconds: Seconds since the Unix epoch.

    """
    return f"{datetime.fromtimestamp(int(epoch_seconds), UTC):%Y-%m-%dT%H:%M:%S}.000+0000"


def epoch_seconds(stored: str) -> int:
    """Return the moment a stored datetime stands for, in seconds since the Unix epoch."""
    return int(datetime.strptime(stored, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp())


def reader(field: Field) -> Reader:
    """Return what makes JSON values of a field stored ones.

    Empty text becomes null. Numbers and booleans may come as text, as they do in CSV; text fields
    take numbers and booleans. Everything else raises JSON_PARSER_ERROR; only a reference may raise
    MALFORMED_ID, through `check`.

    """
    if field.type == "boolean":
        return _read_boolean
    if field.type in {"int", "long"}:
        return _read_whole
    if field.type in NUMBER_TYPES:
        return _number_reader(places(field))
    if field.type == "date":
        return _read_date
    if field.type == "datetime":
        return _read_datetime
    if field.type == "time":
        return _read_time
    return _read_text


def check(field: Field) -> Check | None:
    """Return what refuses stored values that a field cannot hold, or None when it holds all.

    References are not looked up here.
    """
    if field.type in ID_TYPES:
        return None
    if field.type == "int":
        return _range_check(field, 10 ** (field.digits or 9))
    if field.type == "long" or field.type in NUMBER_TYPES:
        return _range_check(field, 10 ** min(field.precision or DIGITS, DIGITS))
    if field.type == "email":
        return _email_check(field)
    if field.restricted_picklist and field.type == "picklist":
        return _picklist_check(field)
    if field.restricted_picklist and field.type == "multipicklist":
        return _multipicklist_check(field)
    if field.length and reader(field) is _read_text:
        return _length_check(field)
    return None


def to_id(field: Field, stored: Stored, prefixes: frozenset[str]) -> str:
    """Return the 18-character id that a reference holds.

    Args:
        field: The reference.
        stored: What its reader gave.
        prefixes: Key prefixes of the sObjects it may point at that the org has; empty when it has none of them.

    Raises:
        SalesforceFault: MALFORMED_ID for text that is no id or the id of another sObject.

    """
    given = str(stored)
    found = ids.normalise(given)
    if found is None or (prefixes and found[:3] not in prefixes):
        raise faults.wrong_id_type(field.name, field.label, given)
    return found


def places(field: Field) -> int:
    """Return how many digits of a field's stored whole number are behind the point."""
    return min(field.scale, DIGITS) if field.type in NUMBER_TYPES else 0


def renderer(field: Field) -> Callable[[Any], object] | None:
    """Return what makes a stored value that is not null its JSON form, or None when the two are equal."""
    if field.type in NUMBER_TYPES:
        return shown(places(field))
    return bool if field.type == "boolean" else None


def _read_text(value: object) -> Stored:
    if type(value) is str:
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise faults.cannot_deserialize("string", value)


def _read_boolean(value: object) -> Stored:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
        return int(value.lower() in _TRUE)
    raise faults.cannot_deserialize("boolean", value)


def _read_whole(value: object) -> Stored:
    if value == "":
        return None
    if type(value) is int:
        return scaled(value, 0)
    number = _decimal("int", value)
    if number != number.to_integral_value():
        raise faults.cannot_deserialize("int", value)
    return scaled(number, 0)


def _number_reader(scale: int) -> Reader:
    def read(value: object) -> Stored:
        if value == "":
            return None
        return scaled(value if type(value) is int else _decimal("double", value), scale)

    return read


def _decimal(kind: str, value: object) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise faults.cannot_deserialize(kind, value)
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        raise faults.cannot_deserialize(kind, value) from None
    if not number.is_finite():
        raise faults.cannot_deserialize(kind, value)
    return number


def _read_date(value: object) -> Stored:
    if value == "":
        return None
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _calendar_date("date", value, value)
    raise faults.cannot_deserialize("date", value)


def _read_datetime(value: object) -> Stored:
    if value == "":
        return None
    match = _DATETIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise faults.cannot_deserialize("datetime", value)
    day, clock, offset = match.groups()
    _calendar_date("datetime", day, value)
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"
    except (ValueError, OverflowError):
        raise faults.cannot_deserialize("datetime", value) from None


def _read_time(value: object) -> Stored:
    if value == "":
        return None
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise faults.cannot_deserialize("time", value)
    try:
        time.fromisoformat(match[1])
    except ValueError:
        raise faults.cannot_deserialize("time", value) from None
    return f"{match[1]}.{match[2] or '':0<3}Z"


def _calendar_date(kind: str, text: str, given: object) -> str:
    try:
        year = date.fromisoformat(text).year
    except ValueError:
        raise faults.cannot_deserialize(kind, given) from None
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise faults.cannot_deserialize(kind, given)
    return text


def _length_check(field: Field) -> Check:
    name, label, length = field.name, field.label, field.length

    def verify(stored: Stored) -> None:
        if len(stored) > length:  # type: ignore[arg-type]  # readers of these fields give text
            raise faults.string_too_long(name, label, str(stored), length)

    return verify


def _email_check(field: Field) -> Check:
    verify_length = _length_check(field)

    def verify(stored: Stored) -> None:
        verify_length(stored)
        if _EMAIL.fullmatch(str(stored)) is None:
            raise faults.bad_email(field.name, field.label, str(stored))

    return verify


def _picklist_check(field: Field) -> Check:
    values = frozenset(entry.value.lower() for entry in field.picklist if entry.active)

    def verify(stored: Stored) -> None:
        if str(stored).lower() not in values:
            raise faults.bad_picklist_value(field.name, field.label, str(stored))

    return verify


def _multipicklist_check(field: Field) -> Check:
    verify_one = _picklist_check(field)

    def verify(stored: Stored) -> None:
        for part in str(stored).split(";"):
            verify_one(part)

    return verify


def _range_check(field: Field, limit: int) -> Check:
    """Refuse stored whole numbers from a limit on."""

    def verify(stored: Stored) -> None:
        number = int(stored or 0)
        if not -limit < number < limit:
            raise faults.number_out_of_range(field.name, field.label, unscaled(number, places(field)))

    return verify
