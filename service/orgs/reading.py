"""One record's fields, checked against the description before they are asked for and typed by it after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from service.context import CallContext
from service.errors import (
    FieldViolation,
    InvalidArgument,
    InvalidFieldValue,
    InvalidRequest,
    UnknownField,
    UpstreamProtocolError,
)
from service.orgs.descriptions import Descriptions
from service.orgs.key_fields import key_field, no_key
from service.orgs.nearest import NearestNames
from service.orgs.parents import canonical_id
from service.orgs.refusals import FIELDS, KEY_FIELD, KEY_VALUE, Fault, refusal, unknown_name
from service.salesforce.calls import records
from service.salesforce.calls.describe import COMPOUND_TYPES, NUMBER_TYPES, Field, SObject
from service.salesforce.calls.writes import ExternalKey, Operation
from service.salesforce.client import SalesforceClient

_ID = "Id"
_ATTRIBUTES = "attributes"
_UNDESCRIBED_PRECISION = 18
_MOST_HINTS = 8


ReadValue = bool | int | Decimal | str | None
"""What a field may hold, as JSON has it; decimal numbers digit for digit."""


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A field's value. Its repr holds the type only."""

    type: str
    """The field's type, as its description has it."""
    precision: int
    """All digits that a decimal number of the field may have; 0 for other types."""
    value: ReadValue = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record that was read."""

    sobject: str
    """API name as Salesforce spells it."""
    record_id: str
    """18 characters."""
    values: Mapping[str, FoundValue]
    """By API name of the field as Salesforce spells it; compound fields are left out."""


async def read(
    client: SalesforceClient,
    descriptions: Descriptions,
    sobject: str,
    record_id: str,
    key: ExternalKey | None,
    fields: Sequence[str],
    context: CallContext,
) -> FoundRecord:
    """Read one record by one call to Salesforce, beside the description, which is cached.

    Args:
        client: The org.
        descriptions: What its sObjects look like.
        sobject: API name, in any case.
        record_id: 18 characters; empty if `key` finds the record.
        key: The record's external id.
        fields: API names in any case; empty for every field that the org's user may see. `Id` always comes.
        context: The call it is for.

    Raises:
        service.errors.UnknownObject: The org has no such sObject.
        UnknownField: A field does not exist, at `fields[i]`, or the key is no external id, at `external_id.field`.
        InvalidRequest: A field is a compound one, whose parts have to be asked for.
        service.errors.RecordNotFound: There is no such record.
        service.errors.RecordDeleted: It is in the recycle bin.
        service.errors.AmbiguousExternalId: Several records have the external id.

    """
    description = await descriptions.get(sobject, context)
    try:
        names = _names(description, key, fields)
    except InvalidArgument:
        fresh = await descriptions.refreshed(sobject, context)
        if fresh is None:
            raise
        description, names = fresh, _names(fresh, key, fields)
    subject = {"object": description.name, **({"external_id_field": key.field} if key else {"id": record_id})}
    request = records.retrieve(client.base, description.name, key or record_id, names)
    response = await client.send(request, context)
    try:
        found = records.retrieved(response, org=client.org, subject=subject)
    except (InvalidFieldValue, UnknownField) as error:
        raise _in_request(error, fields) from error
    return _record(found, description, frozenset(names), org=client.org)


def _names(description: SObject, key: ExternalKey | None, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the fields to ask for as Salesforce spells them; none for all."""
    faults: list[tuple[str, Fault]] = []
    if key is not None:
        finder = key_field(description, key.field)
        if finder is None:
            faults.append((KEY_FIELD, no_key(description, key.field)))
        elif (fault := finder.fault(key.value, Operation.UPDATE)) is not None:
            faults.append((KEY_VALUE, fault))
    known = [description.fields.get(name.lower()) for name in fields]
    near = NearestNames(item.name for item in description.fields.values() if None in known)
    for index, (name, item) in enumerate(zip(fields, known, strict=True)):
        if item is None:
            hint = near.find(name) if len(faults) < _MOST_HINTS else ""
            faults.append((f"fields[{index}]", unknown_name(description.name, name, hint)))
        elif item.type in COMPOUND_TYPES:
            faults.append(
                (f"fields[{index}]", Fault(InvalidRequest, f"{item.name} is a compound field; name its parts"))
            )
    if faults:
        raise refusal(description.name, faults)
    return tuple(dict.fromkeys([_ID, *(item.name for item in known if item)])) if fields else ()


def _in_request(error: InvalidFieldValue | UnknownField, fields: Sequence[str]) -> InvalidArgument:
    """Return Salesforce's refusal with the paths of this request: its words are those for writes."""
    places = {f"{FIELDS}{name}".lower(): f"fields[{index}]" for index, name in enumerate(fields)}
    places[f"{FIELDS}{_ID}".lower()] = "record.id"
    violations = [
        FieldViolation(places.get(item.field.lower(), item.field), item.description) for item in error.violations
    ]
    return type(error)(error.message, metadata=error.metadata, violations=violations)


def _record(found: Mapping[str, Any], description: SObject, names: frozenset[str], *, org: str) -> FoundRecord:
    found_id = found.get(_ID)
    long = canonical_id(found_id) if isinstance(found_id, str) else None
    if long is None:
        raise _unreadable(description, _ID, org)
    values = {}
    for name, value in found.items():
        if name == _ATTRIBUTES or (names and name not in names):
            continue
        item = description.fields.get(name.lower()) or _undescribed(name, value)
        if item.type not in COMPOUND_TYPES:
            values[item.name] = FoundValue(item.type, item.precision, _value(value, item, description, org))
    return FoundRecord(description.name, long, values)


def _undescribed(name: str, value: object) -> Field:
    """Return what a field must be that has been added since the sObject was described."""
    if isinstance(value, bool):
        return Field(name, "boolean")
    if isinstance(value, int | Decimal):
        return Field(name, "double", precision=_UNDESCRIBED_PRECISION)
    return Field(name, "string" if value is None or isinstance(value, str) else "complexvalue")


def _value(value: object, item: Field, description: SObject, org: str) -> ReadValue:
    """Return a value that is what the field's type says; whoever passes it on relies on that."""
    is_number_type = item.type in NUMBER_TYPES
    match value:
        case None:
            return None
        case bool() if item.type == "boolean":
            return value
        case str() if item.type != "boolean" and not is_number_type:
            return value
        case int() | Decimal() if is_number_type and not isinstance(value, bool):
            return value
        case int() | Decimal() if item.type != "boolean" and not is_number_type:
            return str(value).lower() if isinstance(value, bool) else str(value)
        case _:
            raise _unreadable(description, item.name, org)


def _unreadable(description: SObject, name: str, org: str) -> UpstreamProtocolError:
    metadata = {"org": org, "object": description.name, "field": name}
    return UpstreamProtocolError(f"{name} of a record is not what its description says", metadata=metadata)
