"""Which field a refusal meant, where Salesforce does not say: found in the sObject's description after the fact."""

from collections.abc import Mapping
from decimal import Decimal

from service.errors import FieldViolation, InvalidFieldValue, SluicegateError, UnknownField, UnknownObject
from service.orgs.key_fields import key_field, no_key
from service.orgs.nearest import NearestNames
from service.orgs.refusals import FIELDS, KEY_FIELD
from service.salesforce.calls.describe import NUMBER_TYPES, SObject
from service.salesforce.calls.writes import JsonValue

_NAMES = {"boolean": "true or false", "date": "a date as text, 2026-03-01", "time": "a time as text, 13:05:00Z"}
_NAMES |= dict.fromkeys(NUMBER_TYPES, "a number") | {"datetime": "a dateTime as text, 2026-03-01T12:34:56Z"}


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
        FieldViolation(FIELDS + name, f"{field.name} takes {_NAMES[field.type]}")
        for name, value in values.items()
        if (field := description.fields.get(name.lower())) is not None and not _fits(value, field.type)
    ]
    if not wrong:
        return error
    metadata = {**error.metadata, "fields": ",".join(item.field.removeprefix(FIELDS) for item in wrong)}
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
    if key_field(description, name) is not None:
        return None
    fault = no_key(description, name)
    facts = {"object": description.name, "field": name, **({"nearest": fault.nearest} if fault.nearest else {})}
    return UnknownField(
        fault.problem,
        metadata={**error.metadata, **facts},
        violations=[FieldViolation(f"{within}{KEY_FIELD}", fault.problem)],
    )


def _with_nearest(error: UnknownField, description: SObject) -> UnknownField:
    name = error.metadata.get("field", "")
    if name.lower() in description.relationships:
        return error
    nearest = NearestNames(field.name for field in description.fields.values()).find(name)
    if not nearest:
        return error
    message = f"{error.message}; did you mean {nearest!r}?"
    return UnknownField(
        message,
        metadata={**error.metadata, "nearest": nearest},
        violations=[FieldViolation(FIELDS + name, message)],
    )


def _fits(value: JsonValue, kind: str) -> bool:
    if value is None or kind not in _NAMES:
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in NUMBER_TYPES:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return isinstance(value, str) and value[:1].isdigit()
