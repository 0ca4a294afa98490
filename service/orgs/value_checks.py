"""The checks of the values that fields of each type take.

Each is made of a field and of what null means to it, and returns a fault only for what Salesforce refuses for certain.
The dates that there are: SOQL and SOSL Reference, "Date Formats and Date Literals in WHERE".
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from service.errors import InvalidFieldValue
from service.orgs.parents import canonical_id, locks_parent
from service.orgs.record_keys import to_number
from service.orgs.refusals import Fault
from service.salesforce.calls.describe import Field, folded_choice
from service.salesforce.calls.writes import JsonValue, NodeId

Check = Callable[[JsonValue], Fault | str | None]
"""Returns the fault of a value, the record that writing the value locks, or None."""

Make = Callable[[Field, Fault | None], Check]
"""Makes the check of a field; the fault is that of null, None where null is as good as a value."""

_DAY = 10
_LAST_HOUR, _LAST_MINUTE = 24, 59
_DATES = (date(1700, 1, 1), date(4000, 12, 31))
_DATES_OF_TIMES = (_DATES[0] - timedelta(days=1), _DATES[1] + timedelta(days=1))
"""With a time behind it, it may be the day before or after in UTC, which decides."""
_YEARS = f"of the years {_DATES[0].year} to {_DATES[1].year}"
_MOST_NAMED = 12
_BEFORE_CLOCK = frozenset("Tt ")
_AFTER_DAY = _BEFORE_CLOCK | frozenset("Zz+-")
_TRUTHS = frozenset({"true", "false", "1", "0"})
_NUMBERS = (int, float, Decimal)
_OTHER_RECORDS = (Mapping, NodeId)
# A union would be made anew for each value.


def _invalid(problem: str) -> Fault:
    return Fault(InvalidFieldValue, problem)


def _not_scalar(field: Field) -> Fault:
    if field.type != "reference":
        return _invalid(f"{field.name} takes a value of its own and no other record")
    relationship = field.relationshipName
    hint = f"; to look a record up by external id, name the relationship, {relationship}" if relationship else ""
    return _invalid(f"{field.name} takes an id{hint}")


def any_text(field: Field, null: Fault | None) -> Check:
    """Make the check of text that Salesforce alone judges; numbers and booleans become text."""
    odd = _not_scalar(field)

    def check(value: JsonValue) -> Fault | None:
        if type(value) is str:
            return None if value else null
        if value is None:
            return null
        return odd if isinstance(value, _OTHER_RECORDS) else None

    return check


def bounded_text(field: Field, null: Fault | None) -> Check:
    """Make the check of text of a greatest length; Salesforce drops the blanks around it before it counts."""
    odd, length = _not_scalar(field), field.length
    too_long = _invalid(f"{field.name} takes at most {length:,} characters")

    def check(value: JsonValue) -> Fault | None:
        if type(value) is str:
            if not value:
                return null
            return too_long if len(value) > length and len(value.strip()) > length else None
        if value is None:
            return null
        return odd if isinstance(value, _OTHER_RECORDS) else None

    return check


def _boolean(field: Field, _null: Fault | None) -> Check:
    wrong = _invalid(f"{field.name} takes true or false")

    def check(value: JsonValue) -> Fault | None:
        if type(value) is bool or value is None:
            return None
        return None if isinstance(value, str) and value.strip().lower() in _TRUTHS else wrong

    return check


def _number(field: Field, null: Fault | None) -> Check:
    wrong = _invalid(f"{field.name} takes a number")
    whole_digits = field.precision - field.scale
    limit = 10**whole_digits if field.precision and whole_digits >= 0 else None
    outside = _invalid(f"{field.name} takes at most {whole_digits} digits before the decimal point")
    return _bounded(null, wrong, outside, limit, whole=None)


def _whole_number(field: Field, null: Fault | None) -> Check:
    wrong = _invalid(f"{field.name} takes a whole number")
    limit = 10**field.digits if field.digits > 0 else None
    outside = _invalid(f"{field.name} takes at most {field.digits} digits")
    return _bounded(null, wrong, outside, limit, whole=wrong)


def _bounded(null: Fault | None, wrong: Fault, outside: Fault, limit: int | None, whole: Fault | None) -> Check:
    def check(value: JsonValue) -> Fault | None:
        if value is None or value == "":
            return null
        number = to_number(value) if isinstance(value, str) else value
        if not isinstance(number, _NUMBERS) or number is True or number is False:
            return wrong
        if limit is not None and not -limit < number < limit:
            return outside
        return None if whole is None or _is_whole(number) else whole

    return check


def _is_whole(number: float | Decimal) -> bool:
    if isinstance(number, int):
        return True
    return number.is_integer() if isinstance(number, float) else number == number.to_integral_value()


def _date(field: Field, null: Fault | None) -> Check:
    return _written(null, _invalid(f"{field.name} takes a date as text, 2026-03-01, {_YEARS}"), _is_day)


def _datetime(field: Field, null: Fault | None) -> Check:
    wrong = _invalid(f"{field.name} takes a dateTime as text, 2026-03-01T12:34:56Z, {_YEARS}")
    return _written(null, wrong, _is_moment)


def _time(field: Field, null: Fault | None) -> Check:
    return _written(null, _invalid(f"{field.name} takes a time as text, 13:05:00Z"), _is_clock)


def _written(null: Fault | None, wrong: Fault, reads: Callable[[str], bool]) -> Check:
    def check(value: JsonValue) -> Fault | None:
        if value is None or value == "":
            return null
        return None if isinstance(value, str) and reads(value.strip()) else wrong

    return check


def _is_day(text: str) -> bool:
    """Tell whether a text begins with a day that fields hold; what may follow is for Salesforce to say."""
    day, rest = text[:_DAY], text[_DAY : _DAY + 1]
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return False
    if not (day[4] == day[7] == "-" and (not rest or rest in _AFTER_DAY)):
        return False
    first, last = _DATES_OF_TIMES if rest else _DATES
    return first <= found <= last


def _is_moment(text: str) -> bool:
    return _is_day(text) and (text[_DAY : _DAY + 1] not in _BEFORE_CLOCK or _is_clock(text[_DAY + 1 :]))


def _is_clock(text: str) -> bool:
    hour, minute = text[:2], text[3:5]
    if not (len(minute) == len("mm") and text[2] == ":" and text.isascii() and hour.isdigit() and minute.isdigit()):
        return False
    return int(hour) <= _LAST_HOUR and int(minute) <= _LAST_MINUTE


def _picklist(field: Field, null: Fault | None) -> Check:
    choices = field.picklist
    if not choices:
        return any_text(field, null)
    odd, wrong = _not_scalar(field), _outside_picklist(field)

    def check(value: JsonValue) -> Fault | None:
        if type(value) is str:
            choice = folded_choice(value)
            return None if choice in choices else wrong if choice else null
        if value is None:
            return null
        return odd if isinstance(value, _OTHER_RECORDS) else None

    return check


def _multipicklist(field: Field, null: Fault | None) -> Check:
    check_one = _picklist(field, null)
    if not field.picklist:
        return check_one

    def check(value: JsonValue) -> Fault | str | None:
        if type(value) is not str or ";" not in value:
            return check_one(value)
        # Each entry once: a text may hold a million of them.
        found = (check_one(entry) for entry in dict.fromkeys(value.split(";")) if entry.strip())
        return next((fault for fault in found if fault is not None), None)

    return check


def _outside_picklist(field: Field) -> Fault:
    values = list(dict.fromkeys(field.picklist.values()))
    more = f" and {len(values) - _MOST_NAMED} more" if len(values) > _MOST_NAMED else ""
    return _invalid(f"{field.name} takes the values of its picklist: {', '.join(values[:_MOST_NAMED])}{more}")


def _reference(field: Field, null: Fault | None) -> Check:
    odd = _not_scalar(field)
    no_id = _invalid(f"{field.name} takes a record's id, 15 or 18 letters and digits")
    locks = locks_parent(field)

    def check(value: JsonValue) -> Fault | str | None:
        if value is None or value == "":
            return null
        if isinstance(value, NodeId):
            return None
        if isinstance(value, Mapping):
            return odd
        found = canonical_id(value if isinstance(value, str) else str(value))
        if found is None:
            return no_id
        return found if locks else None

    return check


VALUE_CHECKS: Mapping[str, Make] = {
    "boolean": _boolean,
    "int": _whole_number,
    "long": _whole_number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "reference": _reference,
}
"""By type; all others are text."""
