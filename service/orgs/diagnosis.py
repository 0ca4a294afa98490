"""Which field a refusal meant, where Salesforce does not say: found in the sObject's description after the fact."""

import difflib
from collections.abc import Mapping
from decimal import Decimal

from service.errors import FieldViolation, InvalidFieldValue, SluicegateError, UnknownField, UnknownObject
from service.salesforce.calls.describe import SObject
from service.salesforce.calls.records import JsonValue

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_NAMES = {"boolean": "true or false", "date": "a date as text, 2026-03-01", "time": "a time as text, 13:05:00Z"}
_NAMES |= dict.fromkeys(_NUMBERS, "a number") | {"datetime": "a dateTime as text, 2026-03-01T12:34:56Z"}


def needs_description(error: SluicegateError) -> bool:
    """Tell whether `explain` could say more than the error does."""
    wrong_type = isinstance(error, InvalidFieldValue) and not error.violations
    return (
        wrong_type
        or isinstance(error, UnknownObject)
        or (isinstance(error, UnknownField) and "nearest" not in error.metadata)
    )


def explain(error: SluicegateError, values: Mapping[str, JsonValue], description: SObject) -> SluicegateError:
    """Return an error that names the fields at fault, or the same error if none stands out.

    Args:
        error: What Salesforce's answer meant; `needs_description` is true of it.
        values: What was written.
        description: The sObject it was written to.

    """
    if isinstance(error, UnknownField):
        return _with_nearest(error, description)
    if isinstance(error, UnknownObject):
        return without_key(error, description) or error
    wrong = [
        FieldViolation(f"fields.{name}", f"{field.name} takes {_NAMES[field.type]}")
        for name, value in values.items()
        if (field := description.fields.get(name.lower())) is not None and not _fits(value, field.type)
    ]
    if not wrong:
        return error
    metadata = {**error.metadata, "fields": ",".join(item.field.removeprefix("fields.") for item in wrong)}
    return InvalidFieldValue(wrong[0].description, metadata=metadata, violations=wrong)


def without_key(error: SluicegateError, description: SObject, within: str = "") -> UnknownField | None:
    """Return what is wrong with the external-id field of a request; None if the field can find records.

    Salesforce answers NOT_FOUND for it, as for an sObject or a record that is not there.

    Args:
        error: What was made of that answer.
        description: The sObject, which exists then.
        within: Path of the request's field that holds `external_id`, with a dot at its end.

    """
    name = error.metadata.get("external_id_field", "")
    field = description.fields.get(name.lower())
    if field is not None and (field.externalId or field.idLookup):
        return None
    keys = [field.name for field in description.fields.values() if field.externalId]
    nearest = difflib.get_close_matches(name, keys, n=1, cutoff=0.5)
    message = f"{name!r} is no external id of {description.name}; there are: {', '.join(['Id', *keys])}"
    metadata = {**error.metadata, "object": description.name, "field": name}
    return UnknownField(
        message,
        metadata={**metadata, **({"nearest": nearest[0]} if nearest else {})},
        violations=[FieldViolation(f"{within}external_id.field", message)],
    )


def _with_nearest(error: UnknownField, description: SObject) -> UnknownField:
    name = error.metadata.get("field", "")
    if name.lower() in description.relationships:
        return error
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
