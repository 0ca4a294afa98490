"""Which field a refusal meant, where Salesforce does not say: found in the sObject's description after the fact."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from service.errors import FieldViolation, InvalidFieldValue, SluicegateError, UnknownField, UnknownObject
from service.orgs.key_fields import key_field, no_key
from service.orgs.node_errors import remade
from service.orgs.record_keys import to_number
from service.orgs.refusals import FIELDS, KEY_FIELD
from service.orgs.write_rules import WriteRules
from service.salesforce.calls.describe import NUMBER_TYPES, SObject
from service.salesforce.calls.writes import JsonValue

_NAMES = {"boolean": "true or false", "date": "a date as text, 2026-03-01", "time": "a time as text, 13:05:00Z"}
_NAMES |= dict.fromkeys(NUMBER_TYPES, "a number") | {"datetime": "a dateTime as text, 2026-03-01T12:34:56Z"}
_TRUTHS = frozenset({"true", "false", "1", "0"})
_FORMS = {
    "date": re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII),
    "time": re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.]\d{1,3})?Z", re.ASCII),
    "datetime": re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.]\d{1,6})?(Z|[+-]\d{2}:?\d{2})", re.ASCII),
}
"""The forms that Salesforce documents. It takes some others, but these for certain."""


def needs_description(error: SluicegateError) -> bool:
    """Tell whether `explain` could say more of what is wrong than the error does."""
    wrong_type = isinstance(error, InvalidFieldValue) and not error.violations
    return (
        wrong_type
        or isinstance(error, UnknownObject)
        or (isinstance(error, UnknownField) and "nearest" not in error.metadata)
    )


def names_others(error: SluicegateError, values: Mapping[str, JsonValue]) -> bool:
    """Tell whether an error names fields otherwise than the caller did, whom `explain` may find in the request."""
    return any(name not in values for name in _named(error))


def explain(error: SluicegateError, values: Mapping[str, JsonValue], rules: WriteRules) -> SluicegateError:
    """Return an error that names the fields at fault where the caller gave them, or the same error if it does already.

    Args:
        error: What Salesforce's answer meant.
        values: What was written.
        rules: Those of the sObject it was written to; their description has no fields if it is not known.

    """
    description = rules.description
    if not description.fields:
        return error
    if needs_description(error):
        if isinstance(error, UnknownField):
            error = _with_nearest(error, rules)
        elif isinstance(error, UnknownObject):
            error = (without_key(error, description) if "external_id_field" in error.metadata else None) or error
        else:
            error = _with_wrong(error, values, description)
    return _in_request(error, values, description) if names_others(error, values) else error


def _named(error: SluicegateError) -> list[str]:
    return [item.field.removeprefix(FIELDS) for item in error.violations if item.field.startswith(FIELDS)]


def _in_request(error: SluicegateError, values: Mapping[str, JsonValue], description: SObject) -> SluicegateError:
    """Return an error whose paths are those of the request: a lookup may stand under the name of its relationship."""
    given = {name.lower(): FIELDS + name for name in values}
    places: dict[str, str] = {}
    for name in _named(error):
        field = description.fields.get(name.lower())
        relationship = (field.relationshipName or "").lower() if field is not None else ""
        places[FIELDS + name] = given.get(name.lower()) or given.get(relationship) or FIELDS + name
    violations = [FieldViolation(places.get(item.field, item.field), item.description) for item in error.violations]
    return error if violations == list(error.violations) else remade(error, error.message, violations, {})


def _with_wrong(error: SluicegateError, values: Mapping[str, JsonValue], description: SObject) -> SluicegateError:
    """Return an error that names the fields whose values are of another type than the description says."""
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


def _with_nearest(error: UnknownField, rules: WriteRules) -> UnknownField:
    name = error.metadata.get("field", "")
    if name.lower() in rules.description.relationships:
        return error
    nearest = rules.near_fields.find(name)
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
        return isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _TRUTHS)
    if kind in NUMBER_TYPES:
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return is_number or (isinstance(value, str) and (not value or to_number(value) is not None))
    if not isinstance(value, str):
        return False
    return not value or (_FORMS[kind].fullmatch(value) is not None and (kind == "time" or _exists(value)))


def _exists(text: str) -> bool:
    """Tell whether there is such a day, and such a time on it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
