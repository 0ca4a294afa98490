"""What each of Salesforce's error codes means, whatever carries it: an answer, a row of many, a line of a bulk file."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.results.lines import parse_error
from service.errors import SluicegateError
from service.salesforce import faults
from service.salesforce.calls import collections, composite
from service.salesforce.calls.writes import ExternalKey, Operation, Row, Write
from service.salesforce.faults import Fault
from tests.support.transport import answer, fault

_BY_ID = Write(Operation.UPDATE, "Case", record_id="500000000000001AAA")
_BY_KEY = Write(Operation.UPDATE, "Case", key=ExternalKey("Ext__c", "canary"))
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
_QUERY = "\nSELECT Foo FROM Case WHERE Name = 'canary'\n       ^\nERROR at Row:1:Column:8\n"
_LOCK = "unable to obtain exclusive access to this record or 1 records: 001xx000003DGb1AAG"
_APEX = "System.DmlException: Insert failed. First exception on row 0; first error: "
_STACK = "\n\nTrigger.CaseTrigger: line 3, column 1"


@dataclass(frozen=True)
class Line:
    """One line of the table of errors. Values of the caller in its text read `canary`."""

    status: int
    code: str
    text: str
    kind: type[SluicegateError]
    fields: tuple[str, ...] = ()
    """What Salesforce lists."""
    at: tuple[str, ...] = ()
    """Paths of the violations."""
    facts: dict[str, str] = field(default_factory=dict)
    """What is in the metadata beside what was known of the request."""
    is_passing: bool = False
    """Whether the caller is told when to come back."""

    def __str__(self) -> str:
        return f"{self.code or 'no code'}-{self.text.strip()[:24]}"


def line(
    status: int,
    code: str,
    text: str,
    kind: type[SluicegateError],
    *fields: str,
    at: tuple[str, ...] | None = None,
    is_passing: bool = False,
    **facts: str,
) -> Line:
    """Return a line whose violations are at the fields that Salesforce lists, unless told otherwise."""
    paths = tuple(f"fields.{name}" for name in fields) if at is None else at
    return Line(status, code, text, kind, fields, paths, facts, is_passing)


LINES = [
    line(401, "INVALID_SESSION_ID", "Session expired or invalid", errors.OrgAuthenticationFailed),
    line(
        401,
        "INVALID_SESSION_ID",
        "This session is not valid for use with the REST API",
        errors.OrgAuthenticationFailed,
    ),
    line(401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT", errors.OrgAuthenticationFailed),
    line(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", errors.OrgAuthenticationFailed),
    line(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
        errors.DailyLimitExceeded,
        is_passing=True,
        limit="DailyApiRequests",
    ),
    line(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentPerOrgLongTxn Limit exceeded.",
        errors.ConcurrencyLimitExceeded,
        is_passing=True,
        limit="ConcurrentPerOrgLongTxn",
    ),
    line(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        errors.ConcurrencyLimitExceeded,
        is_passing=True,
        limit="ConcurrentRequests",
    ),
    line(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", errors.AccessDenied),
    line(403, "API_CURRENTLY_DISABLED", "API is currently disabled", errors.AccessDenied),
    line(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", errors.AccessDenied),
    line(
        400,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "insufficient access rights on cross-reference id: 0012o00002VtyMp",
        errors.AccessDenied,
        record_id="0012o00002VtyMpAAJ",
    ),
    line(
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        f"CaseTrigger: execution of BeforeInsert\n\ncaused by: {_APEX}STRING_TOO_LONG, Subject: data value too large: "
        f"canary (max length=255): [Subject]{_STACK}",
        errors.ValidationRuleFailed,
    ),
    line(
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        f"CaseTrigger: execution of AfterUpdate\n\ncaused by: {_APEX}UNABLE_TO_LOCK_ROW, {_LOCK}: []{_STACK}",
        errors.RowLocked,
        is_passing=True,
    ),
    line(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: X", errors.SalesforceRejected),
    line(
        400,
        "DUPLICATE_VALUE",
        "duplicate value found: Ext__c duplicates value on record with id: 0012o00002VtyMp",
        errors.DuplicateValue,
        at=("fields.Ext__c",),
        fields_named="Ext__c",
        record_id="0012o00002VtyMpAAJ",
    ),
    line(
        400,
        "DUPLICATE_VALUE",
        "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
        errors.DuplicateValue,
    ),
    line(400, "DUPLICATE_VALUE", "Duplicate external id specified: canary", errors.DuplicateValue, "Ext__c"),
    line(400, "DUPLICATE_VALUE", "duplicate id in list: 0012o00002VtyMp", errors.DuplicateValue),
    line(400, "DUPLICATE_EXTERNAL_ID", "Duplicate external id specified: canary", errors.AmbiguousExternalId),
    line(
        400,
        "DUPLICATE_EXTERNAL_ID",
        "Ext__c: more than one record found for external id field: [a012o00002VtyMpAAJ, a012o00002VtyMq]",
        errors.AmbiguousExternalId,
        record_ids="a012o00002VtyMpAAJ,a012o00002VtyMqAAJ",
    ),
    line(
        400,
        "INVALID_FIELD",
        "Ext__c: more than one record found for external id field: [a012o00002VtyMpAAJ, a012o00002VtyMq]",
        errors.AmbiguousExternalId,
        "Account",
        record_ids="a012o00002VtyMpAAJ,a012o00002VtyMqAAJ",
    ),
    line(400, "DUPLICATES_DETECTED", "Use one of these records?", errors.DuplicatesDetected),
    line(
        400,
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName, Company]",
        errors.RequiredFieldMissing,
        "LastName",
        "Company",
    ),
    line(
        400,
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName, Company]",
        errors.RequiredFieldMissing,
        at=("fields.LastName", "fields.Company"),
        fields_named="LastName,Company",
    ),
    line(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A lead has a phone", errors.ValidationRuleFailed, "Phone"),
    line(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A lead has a phone", errors.ValidationRuleFailed),
    line(
        400,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        f"first error: UNABLE_TO_LOCK_ROW, {_LOCK}: []",
        errors.RowLocked,
        at=(),
        is_passing=True,
    ),
    line(
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        "Event duration cannot be negative.",
        errors.InvalidFieldValue,
        "EndDateTime",
    ),
    line(
        400,
        "STRING_TOO_LONG",
        "Account Name: data value too large: canary\n(max length=1) (max length=255)",
        errors.InvalidFieldValue,
        "Name",
    ),
    line(
        400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Industry: bad value for restricted picklist field: canary",
        errors.InvalidFieldValue,
        "Industry",
    ),
    line(
        400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: canary", errors.InvalidFieldValue, "Email", "Other"
    ),
    line(
        400,
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Employees: value outside of valid range on numeric field: canary",
        errors.InvalidFieldValue,
        "NumberOfEmployees",
    ),
    line(
        400,
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Maximum SOQL offset allowed is 2000",
        errors.MalformedQuery,
        at=("soql",),
        row="0",
        column="0",
    ),
    line(
        400,
        "JSON_PARSER_ERROR",
        "Cannot deserialize instance of double from VALUE_STRING value canary or request may be missing a required "
        "field at [line:1, column:25]",
        errors.InvalidFieldValue,
    ),
    line(
        400,
        "INVALID_FIELD",
        "No such column 'Foo__c' on sobject of type Account",
        errors.UnknownField,
        at=("fields.Foo__c",),
        field="Foo__c",
        object="Account",
    ),
    line(
        400,
        "INVALID_FIELD",
        f"{_QUERY}No such column 'Foo' on entity 'Case'. If you are attempting to use a custom field, …",
        errors.MalformedQuery,
        at=("soql",),
        row="1",
        column="8",
    ),
    line(
        400,
        "INVALID_FIELD",
        "Foreign key external ID: canary\n not found for field Ext__c in entity Account",
        errors.InvalidReference,
        "AccountId",
    ),
    line(400, "INVALID_FIELD", "Foreign key external ID: canary can", errors.InvalidReference, "AccountId"),
    line(
        400,
        "INVALID_FIELD",
        "The external foreign key reference does not reference a valid entity: Owner",
        errors.UnknownField,
        "Owner",
        field="Owner",
    ),
    line(400, "INVALID_FIELD", "something new of a field", errors.UnknownField, "Name"),
    line(
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "Unable to create/update fields: Name, CreatedDate. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set.",
        errors.FieldNotWriteable,
        at=("fields.Name", "fields.CreatedDate"),
        fields_named="Name,CreatedDate",
    ),
    line(
        400,
        "INVALID_TYPE",
        "sObject type 'Foo' is not supported. If you are attempting to use a custom object, …",
        errors.UnknownObject,
        at=("soql",),
        object="Foo",
    ),
    line(
        400,
        "INVALID_TYPE",
        f"{_QUERY}sObject type 'Foo' is not supported.",
        errors.MalformedQuery,
        at=("soql",),
        row="1",
        column="8",
    ),
    line(400, "MALFORMED_QUERY", "unexpected token: 'FORM'", errors.MalformedQuery, at=("soql",), row="0", column="0"),
    line(
        400,
        "MALFORMED_QUERY",
        f"{_QUERY}unexpected token: 'FORM'",
        errors.MalformedQuery,
        at=("soql",),
        row="1",
        column="8",
    ),
    line(
        400,
        "INVALID_QUERY_FILTER_OPERATOR",
        f"{_QUERY}invalid ID field: canary",
        errors.MalformedQuery,
        at=("soql",),
        row="1",
        column="8",
    ),
    line(400, "MALFORMED_ID", "Account ID: id value of incorrect type: canary", errors.InvalidFieldValue, "AccountId"),
    line(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", errors.InvalidReference, "AccountId"),
    line(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", errors.InvalidReference),
    line(
        400,
        "INVALID_CROSS_REFERENCE_KEY",
        "Record Type ID: this ID value isn't valid for the user: canary",
        errors.InvalidReference,
        "RecordTypeId",
    ),
    line(404, "ENTITY_IS_DELETED", "entity is deleted", errors.RecordDeleted),
    line(404, "NOT_FOUND", "The requested resource does not exist", errors.RecordNotFound),
    line(
        404,
        "NOT_FOUND",
        "Provided external ID field does not exist or is not accessible: canary",
        errors.RecordNotFound,
    ),
    line(405, "METHOD_NOT_ALLOWED", "HTTP Method 'PUT' not allowed. Allowed are GET", errors.SalesforceRejected),
    line(400, "UNABLE_TO_LOCK_ROW", _LOCK, errors.RowLocked, is_passing=True),
    line(
        400,
        "QUERY_TIMEOUT",
        "Your query request was running for too long.",
        errors.SalesforceRejected,
        at=("soql",),
    ),
    line(400, "QUERY_TOO_COMPLICATED", "Query is too complicated.", errors.SalesforceRejected, at=("soql",)),
    line(400, "OPERATION_TOO_LARGE", "semi join sub-selects too large", errors.SalesforceRejected, at=("soql",)),
    line(400, "EXCEEDED_ID_LIMIT", "record limit reached", errors.SalesforceRejected),
    line(400, "INVALID_QUERY_LOCATOR", "invalid query locator", errors.UpstreamUnavailable, is_passing=True),
    line(400, "LIMIT_EXCEEDED", "publish limit exceeded", errors.AllocationExceeded, is_passing=True),
    line(
        403,
        "TXN_SECURITY_METERING_ERROR",
        "We can't complete the action because enabled transaction security policies took too long to complete.",
        errors.UpstreamUnavailable,
        is_passing=True,
    ),
    line(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", errors.AllocationExceeded),
    line(
        500,
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support: 123-456 (-789)",
        errors.UpstreamUnavailable,
        is_passing=True,
        salesforce_error_id="123-456 (-789)",
    ),
    line(503, "SERVER_UNAVAILABLE", "Server unavailable", errors.UpstreamUnavailable, is_passing=True),
    line(
        500,
        "APEX_ERROR",
        "System.StringException: Something\n\nClass.X: line 1, column 1",
        errors.SalesforceRejected,
    ),
    line(400, "PROCESSING_HALTED", _ROLLED_BACK, errors.SalesforceRejected),
    line(
        400,
        "PROCESSING_HALTED",
        "Invalid reference specified. No value for refAccount.id found in refAccount",
        errors.SalesforceRejected,
    ),
    line(
        400,
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
        errors.SalesforceRejected,
    ),
    line(400, "MIXED_DML_OPERATION", "DML operation on setup object is not permitted", errors.SalesforceRejected),
    line(
        400,
        "DELETE_FAILED",
        "Your attempt to delete this record could not be completed because it is associated with the following cases: "
        "canary",
        errors.SalesforceRejected,
    ),
    line(
        400,
        "INACTIVE_OWNER_OR_USER",
        "operation performed with inactive user [0052o00002VtyMp] as owner of case",
        errors.SalesforceRejected,
        "OwnerId",
    ),
    line(400, "SOMETHING_NEW", "Something new of Salesforce", errors.SalesforceRejected, "Name"),
]
"""Codes and typical texts (Salesforce REST API, "Status Codes and Error Responses"); most texts are unverified."""


def of_an_answer(line: Line) -> SluicegateError:
    """Return the error of a call that failed as a whole."""
    return faults.from_response(fault(line.status, line.code, line.text, line.fields), org="prod")


def of_a_row_of_a_collection(line: Line) -> SluicegateError:
    """Return the error of one of many rows."""
    entry = {"statusCode": line.code, "message": line.text, "fields": line.fields}
    response = answer(200, [{"success": False, "errors": [entry]}])
    [outcome] = collections.read(response, Operation.UPDATE, [Row(_BY_ID, "Case", 1)], org="prod")
    assert isinstance(outcome, SluicegateError)
    return outcome


def of_a_subrequest(line: Line) -> SluicegateError:
    """Return the error of one of many calls in one."""
    body = [{"errorCode": line.code, "message": line.text, "fields": line.fields}]
    response = answer(200, {"compositeResponse": [{"httpStatusCode": line.status, "referenceId": "r0", "body": body}]})
    [outcome] = composite.read_rows(response, [_BY_KEY], org="prod")
    assert isinstance(outcome, SluicegateError)
    return outcome


def of_a_line_of_a_file(line: Line) -> SluicegateError:
    """Return the error of a row of a bulk load."""
    row = parse_error(f"{line.code}:{line.text}:{','.join(line.fields)} --")
    return faults.from_fault(Fault(row.code, row.message, row.fields), metadata={})


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_code_has_its_meaning(line):
    """A code and its text become one class of ours, with the fields at fault where the request has them."""
    error = of_an_answer(line)

    assert line.kind is type(error)
    assert line.at == tuple(violation.field for violation in error.violations)
    assert line.is_passing == (error.retry_after_seconds is not None)
    named = line.facts.get("fields_named") or ",".join(line.fields)
    expected = {key: value for key, value in line.facts.items() if key != "fields_named"}
    known = {"org": "prod", "http_status": str(line.status), "salesforce_error_code": line.code}
    assert known | expected | ({"fields": named} if named else {}) == error.metadata


@pytest.mark.parametrize("line", LINES, ids=str)
@pytest.mark.parametrize("carried", [of_a_row_of_a_collection, of_a_subrequest, of_a_line_of_a_file])
def test_a_code_means_the_same_of_a_row(line: Line, carried: Callable[[Line], SluicegateError]):
    """Whatever carries an error, it is the same one."""
    alone, of_row = of_an_answer(line), carried(line)

    assert type(alone) is type(of_row)
    assert len(alone.violations) == len(of_row.violations)
    assert alone.retry_after_seconds == of_row.retry_after_seconds
    facts = {name: value for name, value in alone.metadata.items() if name not in {"org", "http_status"}}
    assert facts.items() <= of_row.metadata.items()


@pytest.mark.parametrize("line", LINES, ids=str)
@pytest.mark.parametrize("carried", [of_an_answer, of_a_row_of_a_collection, of_a_subrequest, of_a_line_of_a_file])
def test_the_callers_value_is_not_told(line: Line, carried: Callable[[Line], SluicegateError]):
    """Salesforce repeats values in its texts; ours say one sentence in one line, without them and without stacks."""
    error = carried(line)

    told = f"{error} {error.message} {error.metadata} {error.violations}"
    assert "canary" not in told
    assert "column 1" not in told
    assert error.message
    assert "\n" not in error.message
    assert all(violation.description for violation in error.violations)


OF_VALUES = st.sampled_from(
    [
        "STRING_TOO_LONG",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_CURRENCY_ISO",
        "INVALID_CROSS_REFERENCE_KEY",
        "JSON_PARSER_ERROR",
        "MALFORMED_ID",
        "DUPLICATE_VALUE",
        "DUPLICATE_EXTERNAL_ID",
    ]
)


@given(OF_VALUES, st.text(max_size=30), st.text(max_size=30))
def test_no_language_tells_the_callers_value(code: str, before: str, after: str):
    """Salesforce words its errors in the language of the org's user; where a value may be in them none is passed on."""
    error = faults.from_fault(Fault(code, f"{before}canary{after}", ("Name__c",)), metadata={})

    assert "canary" not in f"{error} {error.metadata} {error.violations}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINES[0], "Salesforce refuses the session of the org 'prod'"),
        (LINES[1], "a policy of the org 'prod' keeps the service's session from its API"),
        (
            line(
                400, "STRING_TOO_LONG", "Nom : valeur trop longue : canary (max =1300)", errors.InvalidFieldValue, "A"
            ),
            "A takes at most 1,300 characters",
        ),
        (
            line(
                400,
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                f"T: execution of BeforeInsert\n\ncaused by: {_APEX}STRING_TOO_LONG, N: data value too large: "
                f"canary (max length=8){_STACK}",
                errors.ValidationRuleFailed,
            ),
            f"T: execution of BeforeInsert caused by: {_APEX}STRING_TOO_LONG, N: data value too large (max length=8)",
        ),
        (
            line(
                400,
                "DUPLICATE_VALUE",
                "duplicate value found: A__c duplicates value on record with id: 0012o00002VtyMp",
                errors.DuplicateValue,
            ),
            "another record, 0012o00002VtyMpAAJ, holds the same value of A__c",
        ),
        (
            line(400, "PROCESSING_HALTED", _ROLLED_BACK, errors.SalesforceRejected),
            "nothing was written, because another write of the same transaction failed",
        ),
        (line(400, "NEW", "", errors.SalesforceRejected), "Salesforce refused with NEW"),
        (
            line(400, "JSON_PARSER_ERROR", "instance of date", errors.InvalidFieldValue),
            "a field has a value of the wrong type; Salesforce expects a date",
        ),
        (
            line(
                400,
                "INVALID_FIELD",
                "Foreign key external ID: canary not found for field Ext__c in entity Account",
                errors.InvalidReference,
                "AccountId",
            ),
            "AccountId: no Account has that Ext__c",
        ),
    ],
    ids=str,
)
def test_what_the_caller_reads(line: Line, message: str):
    """A sentence names what is wrong and what would be right."""
    assert message == of_an_answer(line).message


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Id", "record.id"),
        ("EXT__C", "external_id.value"),
        ("Name", "fields.Name"),
    ],
)
def test_a_path_is_that_of_the_request(name: str, path: str):
    """The record's own id and its external id stand elsewhere than its fields."""
    subject = {"object": "Case", "id": "500000000000001AAA", "external_id_field": "Ext__c"}

    error = faults.from_fault(Fault("MALFORMED_ID", "id value of incorrect type: canary", (name,)), metadata=subject)

    assert [path] == [violation.field for violation in error.violations]


def test_an_id_among_the_values_is_a_field():
    """Where no record was named, as in bulk data, the id is a column like any other."""
    error = faults.from_fault(Fault("MALFORMED_ID", "id value of incorrect type: canary", ("Id",)), metadata={})

    assert ["fields.Id"] == [violation.field for violation in error.violations]


def test_the_fields_that_are_told_are_bounded():
    """A hundred fields at fault say enough."""
    names = tuple(f"Field{number}__c" for number in range(1_000))

    for code in ("STRING_TOO_LONG", "REQUIRED_FIELD_MISSING", "DUPLICATE_VALUE", "SOMETHING_NEW"):
        error = faults.from_fault(Fault(code, "", names), metadata={})

        assert 100 == len(error.violations)
        assert ",".join(names[:100]) == error.metadata["fields"]


def test_the_field_of_an_external_id_may_be_unknown():
    """It is the field's name that is wrong then, not the value."""
    subject = {"object": "Case", "external_id_field": "Ext__c"}

    error = faults.from_fault(
        Fault("INVALID_FIELD", "No such column 'ext__c' on sobject of type Case"), metadata=subject
    )

    assert ["external_id.field"] == [violation.field for violation in error.violations]


def test_an_error_is_told_in_one_line():
    """Whatever a text or a name holds, it cannot end the line that it is printed on."""
    error = faults.from_fault(Fault("SOMETHING_NEW", "a\x1b\u2028b", ("\n", "Na\nme")), metadata={})

    assert ("a b", "Na me") == (error.message, error.metadata["fields"])
    assert ["fields.Na me"] == [violation.field for violation in error.violations]


def test_an_error_without_a_code_is_one():
    """A line of a result file may hold a text only."""
    error = faults.from_fault(Fault("", "InternalServerError"), metadata={})

    assert isinstance(error, errors.SalesforceRejected)
    assert ("InternalServerError", {}) == (error.message, error.metadata)
