"""What errors mean whose code alone does not say it: by code, text and fields, as an error of ours.

Source: Salesforce REST API, "Status Codes and Error Responses"; SOAP API, "StatusCode".
"""

import re
from collections.abc import Iterable

from service import errors
from service.errors import FieldViolation, SluicegateError
from service.salesforce.faults import problems, words
from service.salesforce.faults.fault import Fault
from service.salesforce.faults.forms import Facts, in_words, of_fields, path_of, violations_of, with_fields

SOON_SECONDS = 5.0
"""When an outage, or a want of room for one more request, is worth another look."""
ALLOCATION_SECONDS = 900.0
"""Allocations are counted over an hour or a day, and Salesforce does not tell when there is room again."""

_LOCK_SECONDS = 1.0
_NO_COLUMN = re.compile(r"No such column '([^']{1,200})' on (?:sobject of type|entity) '?(\w{1,80})")
_NO_PARENT = re.compile(r"Foreign key external ID\b.* not found for field (\w{1,80}) in entity (\w{1,80})", re.DOTALL)
_NO_LOOKUP = re.compile(r"external foreign key reference does not reference a valid entity: (\w{1,80})")
_NO_OBJECT = re.compile(r"sObject type '(\w{1,80})'")
_NO_OPERATION = re.compile(r"\s*entity type\b", re.IGNORECASE)
_QUERY_REFUSED = "Salesforce refuses the query"


def is_daily(fault: Fault) -> bool:
    """Tell which of the limits that share a code is used up: the calls of 24 hours, or those at one time."""
    return "TotalRequests" in fault.message


def unknown_object(facts: Facts) -> SluicegateError:
    """Return the error of a request for an sObject that is not there."""
    named, field = facts.get("object", ""), facts.get("external_id_field")
    doubt = f", or {field!r} is no external id of it" if field else ""
    return errors.UnknownObject(
        f"the org has no sObject {named!r}{doubt}",
        metadata=facts,
        violations=[FieldViolation("object", "no such sObject, or not visible to the org's user")],
    )


def dead_session(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a session that is refused means."""
    return refused_session(fault.message, facts)


def refused_session(text: str, facts: Facts) -> SluicegateError:
    """Return the error of a session that the org does not take; its text says what an operator has to do."""
    org = facts.get("org", "")
    if "session is not valid for use with" in text:
        problem = f"a policy of the org {org!r} keeps the service's session from its API"
    elif "not attached to Agent" in text:
        problem = f"the connected app of the org {org!r} is not attached to its agent"
    else:
        problem = f"Salesforce refuses the session of the org {org!r}"
    return errors.OrgAuthenticationFailed(problem, metadata=facts)


def row_lock(_fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a held record means: nothing was written, and a repeat is likely to succeed."""
    return errors.RowLocked(
        "another transaction holds the record or its parent", metadata=facts, retry_after_seconds=_LOCK_SECONDS
    )


def limit(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what REQUEST_LIMIT_EXCEEDED means: one code, two limits, and the message tells them apart."""
    if is_daily(fault):
        return errors.DailyLimitExceeded(
            "the org's API calls of the last 24 hours are used up",
            metadata={**facts, "limit": "DailyApiRequests"},
            retry_after_seconds=ALLOCATION_SECONDS,
        )
    name = re.match(r"\w{1,80}", fault.message)
    return errors.ConcurrencyLimitExceeded(
        "too many requests are open in the org",
        metadata={**facts, "limit": name[0]} if name else facts,
        retry_after_seconds=SOON_SECONDS,
    )


def failure(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what an unexpected error means, with the id that Salesforce's support finds it by."""
    error_id = words.error_id(fault)
    return errors.UpstreamUnavailable(
        "Salesforce failed to answer",
        metadata={**facts, "salesforce_error_id": error_id} if error_id else facts,
        retry_after_seconds=SOON_SECONDS,
    )


def duplicate_value(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a value means that must be unique and is not, be it in the org or within one call."""
    if words.is_repeated_key(fault):
        names, found, message = (
            fault.fields,
            "",
            "the record stands more than once in one call to Salesforce",
        )
    else:
        names, found = words.unique_field(fault), words.holder(fault)
        of_fields = f" of {', '.join(names)}" if names else " of a unique field"
        message = f"another record{f', {found},' if found else ''} holds the same value{of_fields}"
    facts = with_fields(names, facts)
    violations = violations_of(names, facts, lambda _name, _fault: message, fault)
    return errors.DuplicateValue(
        message, metadata={**facts, "record_id": found} if found else facts, violations=violations
    )


def duplicates(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a duplicate rule's refusal means."""
    found = {"duplicate_rule": fault.duplicate_rule, "record_ids": ",".join(fault.record_ids)}
    return errors.DuplicatesDetected(
        "a duplicate rule refused the record",
        metadata={**facts, **{name: value for name, value in found.items() if value}},
    )


def ambiguous_words(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what an external id means that several records have."""
    return ambiguous(words.matches(fault), fault.fields, facts)


def ambiguous(record_ids: Iterable[str], names: Iterable[str], facts: Facts) -> SluicegateError:
    """Return the error of an external id that several records have.

    Args:
        record_ids: The records, as far as they are known.
        names: The fields that hold the external id, or that look it up.
        facts: What is known of the request.

    """
    listed = ",".join(record_ids)
    which = f", {listed.replace(',', ', ')}" if listed else ""
    problem = f"the external id matches several records{which}"
    facts = with_fields(names, facts)
    return errors.AmbiguousExternalId(
        f"{problem}; nothing was written",
        metadata={**facts, "record_ids": listed} if listed else facts,
        violations=[FieldViolation(path_of(name, facts), problem) for name in names],
    )


def field_or_reference(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what INVALID_FIELD means of a write, which is more than that there is no such field."""
    if words.position(fault):
        return query_fault(fault, facts)
    if words.is_ambiguous(fault):
        return ambiguous_words(fault, facts)
    if "Foreign key external ID" in fault.message:
        parent = _NO_PARENT.search(fault.message)
        text = f"no {parent[2]} has that {parent[1]}" if parent else "no record has the external id of a lookup"
        violations = violations_of(fault.fields, facts, lambda name, _fault: f"{name}: {text}", fault)
        message = violations[0].description if violations else text
        return errors.InvalidReference(message, metadata=with_fields(fault.fields, facts), violations=violations)
    found = _NO_LOOKUP.search(fault.message)
    if found is not None:
        problem = (
            f"{found[1]!r} cannot be filled by that field: it is no lookup, its sObject has no such external id, "
            "or it leads to several sObjects; name one"
        )
        return _no_such_field(problem, found[1], facts)
    found = _NO_COLUMN.search(fault.message)
    if found is not None:
        return _no_such_field(f"{found[2]} has no field {found[1]!r}", found[1], {**facts, "object": found[2]})
    return in_words(errors.UnknownField)(fault, facts)


def _no_such_field(problem: str, name: str, facts: Facts) -> SluicegateError:
    is_key = name.lower() == facts.get("external_id_field", "").lower()
    violation = FieldViolation("external_id.field" if is_key else f"fields.{name}", problem)
    return errors.UnknownField(problem, metadata={**facts, "field": name}, violations=[violation])


def query_fault(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what is wrong with a query, and where."""
    place = words.position(fault)
    if place is None:
        return errors.MalformedQuery(words.told(fault) or _QUERY_REFUSED, row=0, column=0, metadata=facts)
    row, column, text = place
    return errors.MalformedQuery(text or _QUERY_REFUSED, row=row, column=column, metadata=facts)


def wrong_object(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what INVALID_TYPE means, of a query or of a write."""
    if words.position(fault):
        return query_fault(fault, facts)
    found = _NO_OBJECT.search(fault.message)
    if found is None:
        return in_words(errors.UnknownObject)(fault, facts)
    path = "object" if "object" in facts else "soql"
    problem = f"the org has no sObject {found[1]!r}"
    return errors.UnknownObject(
        problem, metadata={**facts, "object": found[1]}, violations=[FieldViolation(path, problem)]
    )


def number(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a number out of range means, be it a field's or a query's OFFSET."""
    if not fault.fields and "OFFSET" in fault.message.upper():
        return query_fault(fault, facts)
    return of_fields(errors.InvalidFieldValue, problems.too_large)(fault, facts)


def not_found(_fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a record that is not there means."""
    named, field = facts.get("object"), facts.get("external_id_field") or ("id" if facts.get("id") else "")
    return errors.RecordNotFound(
        f"no {named} has that {field}" if named and field else "no such record", metadata=facts
    )


def cross_reference(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what an id that leads nowhere means; whether it is the record's own is told by the fields only."""
    if not fault.fields:
        text = "the record or one that it refers to does not exist, or the org's user may not use it"
        return errors.InvalidReference(text, metadata=facts)
    return of_fields(errors.InvalidReference, problems.leads_nowhere)(fault, facts)


def no_access(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a lookup to a record without access means."""
    found = words.blocked(fault)
    return in_words(errors.AccessDenied)(fault, {**facts, "record_id": found} if found else facts)


def trigger(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a trigger's exception means; the same code says of some sObjects that they cannot be written."""
    kind = errors.SalesforceRejected if _NO_OPERATION.match(fault.message) else errors.ValidationRuleFailed
    return in_words(kind)(fault, facts)


def halted(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what became of a write that was fine itself; a reference without a value has a text of its own."""
    if "rolled back" in fault.message or not fault.message:
        return errors.SalesforceRejected(
            "nothing was written, because another write of the same transaction failed", metadata=facts
        )
    return in_words(errors.SalesforceRejected)(fault, facts)


def not_allowed(_fault: Fault, facts: Facts) -> SluicegateError:
    """Return what a method that a resource does not have means: the sObject cannot be used so."""
    return errors.SalesforceRejected(
        f"Salesforce does not allow this operation on {facts.get('object') or 'the resource'}", metadata=facts
    )


def unknown_code(fault: Fault, facts: Facts) -> SluicegateError:
    """Return what any other code means: it is told on, as are the rows and columns of queries."""
    if words.position(fault):
        return query_fault(fault, facts)
    return in_words(errors.SalesforceRejected)(fault, facts)
