"""External-id fields: how their values compare, and what is wrong with a field that is none."""

from dataclasses import dataclass

from service.errors import InvalidFieldValue, InvalidRequest, UnknownField
from service.orgs.nearest import NearestNames
from service.orgs.record_keys import folded, folded_number, to_number
from service.orgs.refusals import Fault
from service.salesforce.calls.describe import NUMBER_TYPES, Field, SObject
from service.salesforce.calls.writes import JsonValue, Operation


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field that finds records."""

    field: Field
    origin: str
    """What comes before a value in the key of a record: the sObject and the field, in lower case."""
    is_number: bool

    def key(self, value: str) -> str:
        """Return the key of the record that has a value; equal values of the field have equal keys."""
        if self.is_number:
            number = to_number(value)
            return self.origin + (folded(value) if number is None else folded_number(number, self.field.scale))
        # Only a unique field that was made to tell cases apart does.
        return self.origin + (value.strip() if self.field.caseSensitive else folded(value))

    def fault(self, value: str, operation: Operation) -> Fault | None:
        """Return why no record can have a value."""
        field = self.field
        if self.is_number:
            wrong = to_number(value) is None
            return Fault(InvalidFieldValue, f"{field.name} takes a number as external id") if wrong else None
        if operation is Operation.UPSERT and len(value) > field.length > 0 and len(value.strip()) > field.length:
            return Fault(InvalidFieldValue, f"{field.name} takes at most {field.length:,} characters")
        return None

    def repeats(self, value: JsonValue, key: str) -> bool:
        """Tell whether a value among the fields is the external id once more."""
        if value is None or isinstance(value, bool):
            return False
        text = str(value).strip()
        if self.is_number:
            return to_number(text) == to_number(key)
        key = key.strip()
        return text == key or (not self.field.caseSensitive and text.lower() == key.lower())


def key_field(description: SObject, name: str) -> KeyField | None:
    """Return a field that finds records, or None if the field does not, or there is none.

    Args:
        description: The sObject.
        name: API name of the field, in any case.

    """
    field = description.fields.get(name.lower())
    if field is None or not field.is_key:
        return None
    origin = f"{description.name}.{field.name}:".lower()
    return KeyField(field, origin, field.type in NUMBER_TYPES)


def other_key(name: str) -> Fault:
    """Return the fault of a field that repeats the external id with another value.

    Args:
        name: The field as the caller spelled it.

    """
    return Fault(InvalidRequest, f"{name} differs from external_id.value; leave it out, or give it the same value")


def no_key(description: SObject, name: str) -> Fault:
    """Return the fault of a field that was to find a record and cannot.

    Args:
        description: The sObject.
        name: The field as the caller spelled it.

    """
    keys = [field.name for field in description.fields.values() if field.externalId]
    problem = f"{name!r} is no external id of {description.name}; there are: {', '.join(['Id', *keys])}"
    return Fault(UnknownField, problem, name, NearestNames(keys).find(name))
