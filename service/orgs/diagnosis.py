"""Which field a refusal meant, where Salesforce does not say: found in the sObject's description after the fact."""

import difflib
from collections.abc import Mapping
from decimal import Decimal

from service.errors import FieldViolation, InvalidFieldValue, SluicegateError, UnknownField
from service.salesforce.calls.describe import SObject
from service.salesforce.calls.records import JsonValue

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_NAMES = {"boolean": "true or false", "date": "a date as text, 2026-03-01", "time": "a time as text, 13:05:00Z"}
_NAMES |= dict.fromkeys(_NUMBERS, "a number") | {"datetime": "a dateTime as text, 2026-03-01T12:34:56Z"}


def needs_description(error: SluicegateError) -> bool:
    """Tell whether `explain` could say more than the error does."""
    wrong_type = isinstance(error, InvalidFieldValue) and not error.violations
    return wrong_type or (isinstance(error, UnknownField) and "nearest" not in error.metadata)


def explain(error: SluicegateError, values: Mapping[str, JsonValue], description: SObject) -> SluicegateError:
    """Return an error that names the fields at fault, or the same error if none stands out.

    Args:
        error: What Salesforce's answer meant; `needs_description` is true of it.
        values: What was written.
        description: The sObject it was written to.

    """
    if isinstance(error, UnknownField):
        return _with_nearest(error, description)
    wrong = [
        FieldViolation(f"fields.{name}", f"{field.name} takes {_NAMES[field.type]}")
        for name, value in values.items()
        if (field := description.fields.get(name.lower())) is not None and not _fits(value, field.type)
    ]
    if not wrong:
        return error
    metadata = {**error.metadata, "fields": ",".join(item.field.removeprefix("fields.") for item in wrong)}
    return InvalidFieldValue(wrong[0].description, metadata=metadata, violations=wrong)


def _with_nearest(error: UnknownField, description: SObject) -> UnknownField:
    name = error.metadata.get("field", "")
    known = [field.name for field in description.fields.values()]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not nearest:
        return error
    message = f"{error.message}; did you mean {nearest[0]!r}?"
    return UnknownField(
        message,
        metadata={**error.metadata, "nearest": nearest[0]},
        violations=[FieldViolation(f"fields.{name}", message)],
    )


def _fits(value: JsonValue, kind: str) -> bool:
    if value is None or kind not in _NAMES:
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in _NUMBERS:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return isinstance(value, str) and value[:1].isdigit()
