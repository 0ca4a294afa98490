"""What each of Salesforce's error codes means.

Source: Salesforce REST API, "Status Codes and Error Responses"; SOAP API, "StatusCode". A code means the same of a call
and of one row of many. One that is not here passes through as SALESFORCE_REJECTED.
"""

from collections.abc import Mapping
from dataclasses import replace

from service import errors
from service.errors import SluicegateError
from service.salesforce.faults import meanings, problems, words
from service.salesforce.faults.fault import MOST_FIELDS, Fault
from service.salesforce.faults.forms import Facts, Meaning, in_words, of_fields, plainly, with_fields

_AT_ONCE_SECONDS = 1.0
_LATER_SECONDS = 30.0
_LOCK = "UNABLE_TO_LOCK_ROW"
_LOCK_CODES = frozenset({_LOCK, "TooManyLockFailure"})
_CODE_OF_THE_ORG = frozenset(
    {
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "APEX_ERROR",
    }
)
"""Triggers, flows and Apex classes, which bury the code of what happened to them in their text."""


def is_row_lock(fault: Fault) -> bool:
    """Tell whether another transaction held the row; triggers bury the code in their message."""
    return fault.code in _LOCK_CODES or (fault.code in _CODE_OF_THE_ORG and _LOCK in fault.message)


def is_known(fault: Fault) -> bool:
    """Tell whether the code has a meaning of its own."""
    return fault.code in _MEANINGS or is_row_lock(fault)


def from_fault(fault: Fault, *, metadata: Mapping[str, str]) -> SluicegateError:
    """Return the error that one fault means.

    Args:
        fault: What Salesforce said.
        metadata: What is known of the request.

    """
    facts: Facts = metadata
    if fault.code:
        facts = {**facts, "salesforce_error_code": fault.code}
    if fault.fields:
        names = (words.line(name) for name in fault.fields[:MOST_FIELDS])
        fault = replace(fault, fields=tuple(name for name in names if name))
        facts = with_fields(fault.fields, facts)
    if is_row_lock(fault):
        return meanings.row_lock(fault, facts)
    return _MEANINGS.get(fault.code, meanings.unknown_code)(fault, facts)


def _each(meaning: Meaning, *codes: str) -> dict[str, Meaning]:
    return dict.fromkeys(codes, meaning)


_MEANINGS: Mapping[str, Meaning] = {
    "STRING_TOO_LONG": of_fields(errors.InvalidFieldValue, problems.too_long),
    "INVALID_EMAIL_ADDRESS": of_fields(errors.InvalidFieldValue, problems.no_email),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": of_fields(errors.InvalidFieldValue, problems.no_choice),
    "NUMBER_OUTSIDE_VALID_RANGE": meanings.number,
    **_each(
        of_fields(errors.InvalidFieldValue, problems.wrong_type),
        "JSON_PARSER_ERROR",
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
    ),
    **_each(of_fields(errors.InvalidFieldValue, problems.wrong_id), "MALFORMED_ID", "INVALID_ID_FIELD"),
    # What these say in full is unverified; that they are about a value their names tell.
    **_each(
        of_fields(errors.InvalidFieldValue, problems.not_taken),
        "INVALID_CURRENCY_ISO",
        "INVALID_INET_ADDRESS",
        "INVALID_STATUS",
        "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET",
        "TOO_MANY_ENUM_VALUE",
        "WEBLINK_URL_INVALID",
    ),
    "FIELD_INTEGRITY_EXCEPTION": in_words(errors.InvalidFieldValue),
    "REQUIRED_FIELD_MISSING": in_words(errors.RequiredFieldMissing, problems.missing),
    "INVALID_FIELD_FOR_INSERT_UPDATE": in_words(errors.FieldNotWriteable),
    "INVALID_FIELD": meanings.field_or_reference,
    "INVALID_TYPE": meanings.wrong_object,
    "INVALIDENTITY": lambda _fault, facts: meanings.unknown_object(facts),
    **_each(meanings.cross_reference, "INVALID_CROSS_REFERENCE_KEY", "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD"),
    **_each(meanings.query_fault, "MALFORMED_QUERY", "INVALID_QUERY_FILTER_OPERATOR"),
    "NOT_FOUND": meanings.not_found,
    "ENTITY_IS_DELETED": plainly(errors.RecordDeleted, "the record is deleted"),
    **_each(meanings.duplicate_value, "DUPLICATE_VALUE", "DUPLICATE_USERNAME"),
    "DUPLICATES_DETECTED": meanings.duplicates,
    "DUPLICATE_EXTERNAL_ID": meanings.ambiguous_words,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": meanings.trigger,
    **_each(
        in_words(errors.ValidationRuleFailed),
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "FIELD_FILTER_VALIDATION_EXCEPTION",
        "CANNOT_EXECUTE_FLOW_TRIGGER",
    ),
    "APEX_ERROR": in_words(errors.SalesforceRejected),
    **_each(
        in_words(errors.AccessDenied),
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "FEATURENOTENABLED",
        "FORBIDDEN",
        "INVALID_READ_ONLY_USER_DML",
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": meanings.no_access,
    **_each(
        meanings.dead_session, "INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
    ),
    "REQUEST_LIMIT_EXCEEDED": meanings.limit,
    "STORAGE_LIMIT_EXCEEDED": in_words(errors.AllocationExceeded),
    **_each(
        in_words(errors.AllocationExceeded, retry_after_seconds=meanings.ALLOCATION_SECONDS),
        "LIMIT_EXCEEDED",
        "EXCEEDED_QUOTA",
    ),
    **_each(
        meanings.failure,
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    ),
    "TXN_SECURITY_METERING_ERROR": plainly(
        errors.UpstreamUnavailable,
        "the org's transaction security policies took too long to decide",
        retry_after_seconds=_LATER_SECONDS,
    ),
    "INVALID_QUERY_LOCATOR": plainly(
        errors.UpstreamUnavailable,
        "Salesforce no longer holds the rest of the result; run the query again",
        retry_after_seconds=_AT_ONCE_SECONDS,
    ),
    "QUERY_TIMEOUT": plainly(
        errors.SalesforceRejected,
        "the query runs longer than Salesforce allows; filter by an indexed field, or ask for less",
        field="soql",
    ),
    "QUERY_TOO_COMPLICATED": plainly(
        errors.SalesforceRejected, "the query is too complicated for Salesforce; ask for less at once", field="soql"
    ),
    "OPERATION_TOO_LARGE": plainly(
        errors.SalesforceRejected, "the query takes more rows together than Salesforce allows", field="soql"
    ),
    # Where Salesforce draws the line is unverified.
    "MIXED_DML_OPERATION": plainly(
        errors.SalesforceRejected,
        "Salesforce writes setup objects (User, Group and others) and data in different transactions; "
        "write them in calls of their own",
    ),
    **_each(meanings.halted, "PROCESSING_HALTED", "BATCH_PROCESSING_HALTED", "ALL_OR_NONE_OPERATION_ROLLED_BACK"),
    "METHOD_NOT_ALLOWED": meanings.not_allowed,
    **_each(in_words(errors.SalesforceRejected), "EXCEEDED_ID_LIMIT", "INVALID_TYPE_FOR_OPERATION"),
}
