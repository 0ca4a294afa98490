"""What each field of an sObject takes, made of its description once and asked for every record.

Only what Salesforce refuses for certain is a fault here; where releases or settings differ the record is sent, and
Salesforce decides.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

from service.errors import FieldNotWriteable, InvalidFieldValue, RequiredFieldMissing
from service.orgs.record_keys import folded, to_number
from service.orgs.refusals import Fault
from service.salesforce.calls.describe import Field, folded_choice
from service.salesforce.calls.writes import JsonValue, NodeId, Operation
from service.salesforce.ids import to_18

Check = Callable[[JsonValue], Fault | str | None]
"""Returns the fault of a value, the record that writing the value locks, or None."""

NUMBER_TYPES = frozenset({"int", "long", "double", "currency", "percent"})
"""Types of fields whose values are JSON numbers."""

_SHORT, _LONG = 15, 18
_DAY = 10
_LAST_HOUR, _LAST_MINUTE = 24, 59
_MOST_NAMED = 12
_BEFORE_CLOCK = frozenset("Tt ")
_AFTER_DAY = _BEFORE_CLOCK | frozenset("Zz+-")
_TRUTHS = frozenset({"true", "false", "1", "0"})
_BOUNDED_TEXT = frozenset({"string", "textarea", "phone", "url", "combobox", "encryptedstring"})
_UNLOCKED = frozenset(
    {
        "BusinessHours",
        "BusinessProcess",
        "CallCenter",
        "CurrencyType",
        "EmailTemplate",
        "Group",
        "Network",
        "Organization",
        "Profile",
        "Queue",
        "RecordType",
        "User",
        "UserRole",
    }
)
"""Records of the setup, which writing what belongs to them does not lock."""


def value_check(field: Field, operation: Operation) -> Check:
    """Return the check of a field's values.

    Args:
        field: The field.
        operation: What is done to the record.

    """
    closed = _closed(field, operation)
    if closed is not None:
        if field.type == "id" and operation is not Operation.UPDATE:
            # A null says that there is no id yet; Salesforce takes it where a record may be created.
            return lambda value: None if value is None else closed
        return lambda _value: closed
    make = _CHECKS.get(field.type)
    if make is not None:
        return make(field, _null(field, operation))
    if field.type in _BOUNDED_TEXT and field.length and not field.htmlFormatted:
        return _bounded_text(field, _null(field, operation))
    return _any_text(field, _null(field, operation))


def lookup_check(field: Field, operation: Operation) -> Check:
    """Return the check of a lookup given by external id, under the name of the relationship.

    Args:
        field: The lookup field; it has a relationship name.
        operation: What is done to the record.

    """
    closed = _closed(field, operation)
    if closed is not None:
        return lambda _value: closed
    null = _null(field, operation)
    relationship = field.relationshipName or field.name
    plain = _invalid(f"{relationship} takes a record by external id; to give an id or a node, set {field.name}")
    targets = frozenset(target.lower() for target in field.referenceTo)
    elsewhere = _invalid(f"{relationship} leads to {', '.join(field.referenceTo)} and to no other object")
    locks = locks_parent(field)
    origin = field.referenceTo[0] if len(field.referenceTo) == 1 else relationship

    def check(value: JsonValue) -> Fault | str | None:
        if value is None:
            return null
        if not isinstance(value, Mapping):
            return plain
        named = value.get("type")
        if named and targets and named.lower() not in targets:
            return elsewhere
        return parent_key(value, named or origin) if locks else None

    return check


def parent_key(lookup: Mapping[str, str], origin: str) -> str | None:
    """Return a parent that is given by external id, in the form of a record's key; None if no external id is there.

    Args:
        lookup: The external id by its field; `type` is skipped.
        origin: The parent's sObject, or the relationship where it is not known.

    """
    for name, value in lookup.items():
        if name != "type":
            lower = name.lower()
            return canonical_id(value) or value if lower == "id" else f"{origin.lower()}.{lower}:{folded(value)}"
    return None


@lru_cache(maxsize=8192)
def canonical_id(text: str) -> str | None:
    """Return an id's 18 characters; None for what is no id. One whose checksum is wrong stays as it is."""
    text = text.strip()
    if len(text) not in {_SHORT, _LONG} or not (text.isalnum() and text.isascii()):
        return None
    try:
        return to_18(text)
    except ValueError:
        return text


@lru_cache(maxsize=8192)
def is_long_id(text: str) -> bool:
    """Tell whether a text is an id of 18 characters whose last three belong to the others."""
    if len(text) != _LONG or not (text.isalnum() and text.isascii()):
        return False
    try:
        to_18(text)
    except ValueError:
        return False
    return True


def locks_parent(field: Field) -> bool:
    """Tell whether writing a record locks the record that its lookup leads to."""
    return not field.referenceTo or not _UNLOCKED.issuperset(field.referenceTo)


def _closed(field: Field, operation: Operation) -> Fault | None:
    if operation is Operation.CREATE:
        opened, when = field.createable, " when a record is created"
    elif operation is Operation.UPDATE:
        opened, when = field.updateable, " once the record exists"
    else:
        opened, when = field.createable or field.updateable, ""
    if opened:
        return None
    if field.type == "id":
        return Fault(FieldNotWriteable, f"{field.name} is given by Salesforce; leave it out")
    reason = ""
    if field.calculated or field.autoNumber:
        reason, when = " as a formula" if field.calculated else " as an automatic number", ""
    elif not (field.createable or field.updateable):
        when = " by the user that the org is called as"
    return Fault(FieldNotWriteable, f"{field.name} cannot be written{reason}{when}; leave it out")


def _null(field: Field, operation: Operation) -> Fault | None:
    """Return what null means: nothing for a checkbox, which becomes false, and where a default steps in."""
    if field.nillable or field.type == "boolean":
        return None
    if field.defaultedOnCreate and operation is not Operation.UPDATE:
        return None
    return Fault(RequiredFieldMissing, f"{field.name} is required and cannot be null")


def missing(name: str) -> Fault:
    """Return the fault of a required field that a new record lacks."""
    return Fault(RequiredFieldMissing, f"{name} is required; give it a value")


def _invalid(problem: str) -> Fault:
    return Fault(InvalidFieldValue, problem)


def _not_scalar(field: Field) -> Fault:
    if field.type != "reference":
        return _invalid(f"{field.name} takes a value of its own and no other record")
    by_name = f"under the relationship's name, {field.relationshipName}" if field.relationshipName else "in no way"
    return _invalid(f"{field.name} takes an id; a record is looked up by external id {by_name}")


def _any_text(field: Field, null: Fault | None) -> Check:
    odd = _not_scalar(field)

    def check(value: JsonValue) -> Fault | None:
        if value is None or value == "":
            return null
        return odd if isinstance(value, Mapping | NodeId) else None

    return check


def _bounded_text(field: Field, null: Fault | None) -> Check:
    odd, length = _not_scalar(field), field.length
    too_long = _invalid(f"{field.name} takes at most {length:,} characters")

    def check(value: JsonValue) -> Fault | None:
        if type(value) is str:
            if not value:
                return null
            # Salesforce drops the blanks around a text before it counts.
            return too_long if len(value) > length and len(value.strip()) > length else None
        if value is None:
            return null
        return odd if isinstance(value, Mapping | NodeId) else None

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
        if not isinstance(number, int | float | Decimal) or isinstance(number, bool):
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
    return _written(null, _invalid(f"{field.name} takes a date as text, 2026-03-01"), _is_day)


def _datetime(field: Field, null: Fault | None) -> Check:
    return _written(null, _invalid(f"{field.name} takes a dateTime as text, 2026-03-01T12:34:56Z"), _is_moment)


def _time(field: Field, null: Fault | None) -> Check:
    return _written(null, _invalid(f"{field.name} takes a time as text, 13:05:00Z"), _is_clock)


def _written(null: Fault | None, wrong: Fault, reads: Callable[[str], bool]) -> Check:
    def check(value: JsonValue) -> Fault | None:
        if value is None or value == "":
            return null
        return None if isinstance(value, str) and reads(value.strip()) else wrong

    return check


def _is_day(text: str) -> bool:
    """Tell whether a text begins with a day that exists; what may follow is for Salesforce to say."""
    day, rest = text[:_DAY], text[_DAY : _DAY + 1]
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return day[4] == day[7] == "-" and (not rest or rest in _AFTER_DAY)


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
        return _any_text(field, null)
    odd, wrong = _not_scalar(field), _outside_picklist(field)

    def check(value: JsonValue) -> Fault | None:
        if type(value) is str:
            choice = folded_choice(value)
            return None if choice in choices else wrong if choice else null
        if value is None:
            return null
        return odd if isinstance(value, Mapping | NodeId) else None

    return check


def _multipicklist(field: Field, null: Fault | None) -> Check:
    check_one = _picklist(field, null)
    if not field.picklist:
        return check_one

    def check(value: JsonValue) -> Fault | str | None:
        if type(value) is not str or ";" not in value:
            return check_one(value)
        found = (check_one(entry) for entry in value.split(";") if entry.strip())
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


_CHECKS: Mapping[str, Callable[[Field, Fault | None], Check]] = {
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
