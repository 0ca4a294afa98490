"""What each field of an sObject takes in each operation, made of its description once and asked for every record.

Only what Salesforce refuses for certain is a fault here; where releases or settings differ the record is sent, and
Salesforce decides.
"""

from collections.abc import Mapping

from service.errors import FieldNotWriteable, InvalidFieldValue, RequiredFieldMissing
from service.orgs.parents import locks_parent, parent_key
from service.orgs.refusals import Fault
from service.orgs.value_checks import VALUE_CHECKS, Check, any_text, bounded_text
from service.salesforce.calls.describe import Field
from service.salesforce.calls.writes import JsonValue, Operation

_BOUNDED_TEXT = frozenset({"string", "textarea", "phone", "url", "combobox", "encryptedstring"})


def value_check(field: Field, operation: Operation) -> Check:
    """Return the check of a field's values.

    Args:
        field: The field.
        operation: What is done to the record.

    """
    closed = closed_to(field, operation)
    if closed is not None:
        if field.type == "id" and operation is not Operation.UPDATE:
            # Null or empty says that there is no id yet; Salesforce takes it where a record may be created.
            return lambda value: None if value is None or value == "" else closed
        return lambda _value: closed
    make = VALUE_CHECKS.get(field.type)
    if make is not None:
        return make(field, _null(field, operation))
    if field.type in _BOUNDED_TEXT and field.length and not field.htmlFormatted:
        return bounded_text(field, _null(field, operation))
    return any_text(field, _null(field, operation))


def lookup_check(field: Field, operation: Operation) -> Check:
    """Return the check of a lookup given by external id, under the name of the relationship.

    Args:
        field: The lookup field; it has a relationship name.
        operation: What is done to the record.

    """
    closed = closed_to(field, operation)
    if closed is not None:
        return lambda _value: closed
    null = _null(field, operation)
    relationship = field.relationshipName or field.name
    plain = _wrong(f"{relationship} takes a record by external id; to give an id or a node, set {field.name}")
    targets = frozenset(target.lower() for target in field.referenceTo)
    elsewhere = _wrong(f"{relationship} leads to {', '.join(field.referenceTo)} and to no other object")
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


def missing(name: str) -> Fault:
    """Return the fault of a required field that a new record lacks."""
    return Fault(RequiredFieldMissing, f"{name} is required; give it a value")


def closed_to(field: Field, operation: Operation) -> Fault | None:
    """Return why an operation writes no value to a field at all; None if it may."""
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


def _wrong(problem: str) -> Fault:
    return Fault(InvalidFieldValue, problem)
