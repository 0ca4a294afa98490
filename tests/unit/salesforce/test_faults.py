"""Salesforce's errors as ours."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.salesforce import faults
from service.salesforce.transport.base import Response
from tests.support.transport import answer, fault


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "REQUIRED_FIELD_MISSING", errors.RequiredFieldMissing),
        (400, "STRING_TOO_LONG", errors.InvalidFieldValue),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", errors.InvalidFieldValue),
        (400, "INVALID_EMAIL_ADDRESS", errors.InvalidFieldValue),
        (400, "JSON_PARSER_ERROR", errors.InvalidFieldValue),
        (400, "MALFORMED_ID", errors.InvalidFieldValue),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", errors.FieldNotWriteable),
        (400, "INVALID_CROSS_REFERENCE_KEY", errors.InvalidReference),
        (400, "DUPLICATE_VALUE", errors.DuplicateValue),
        (400, "DUPLICATES_DETECTED", errors.DuplicatesDetected),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", errors.ValidationRuleFailed),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", errors.AccessDenied),
        (404, "ENTITY_IS_DELETED", errors.RecordDeleted),
        (404, "NOT_FOUND", errors.RecordNotFound),
        (400, "UNABLE_TO_LOCK_ROW", errors.RowLocked),
        (400, "STORAGE_LIMIT_EXCEEDED", errors.AllocationExceeded),
        (500, "UNKNOWN_EXCEPTION", errors.UpstreamUnavailable),
        (503, "SERVER_UNAVAILABLE", errors.UpstreamUnavailable),
        (401, "INVALID_SESSION_ID", errors.OrgAuthenticationFailed),
        (400, "SOMETHING_NEW", errors.SalesforceRejected),
    ],
)
def test_each_code_has_its_class(status, code, kind):
    """A code of Salesforce becomes one class of ours and stays readable in the metadata."""
    error = faults.from_response(fault(status, code, "m"), org="prod")

    assert kind is type(error)
    assert code == error.metadata["salesforce_error_code"]


def test_fields_become_violations():
    """Fields that Salesforce names are named to the caller by path."""
    error = faults.from_response(
        fault(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]), org="prod"
    )

    assert [violation.field for violation in error.violations] == ["fields.LastName"]


def test_an_unknown_field_is_named():
    """The field and its sObject are taken from Salesforce's sentence."""
    error = faults.from_response(
        fault(400, "INVALID_FIELD", "No such column 'Foo__c' on sobject of type Lead"), org="p"
    )

    assert errors.UnknownField is type(error)
    assert (error.metadata["field"], error.metadata["object"]) == ("Foo__c", "Lead")


def test_a_lookup_to_no_record():
    """A parent that is not there is a reference that leads nowhere, not a field that is unknown."""
    text = "Foreign key external ID: A-9 not found for field Ext__c in entity Account"
    error = faults.from_response(fault(400, "INVALID_FIELD", text, ["AccountId"]), org="prod")

    assert errors.InvalidReference is type(error)
    assert "AccountId: no Account has that Ext__c" == error.message
    assert ["fields.AccountId"] == [violation.field for violation in error.violations]


def test_a_lookup_that_is_none():
    """A relationship that an external id cannot fill is named, and so is the remedy where it leads to several."""
    text = "The external foreign key reference does not reference a valid entity: Owner"
    error = faults.from_response(fault(400, "INVALID_FIELD", text, ["Owner"]), org="prod")

    assert errors.UnknownField is type(error)
    assert "Owner" == error.metadata["field"]
    assert ["fields.Owner"] == [violation.field for violation in error.violations]
    assert error.message.endswith("or leads to several sObjects: name one")


def test_a_query_fault_keeps_its_position():
    """Row and column come from Salesforce's caret text."""
    text = "\nSELECT Foo FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such column 'Foo' on entity 'Account'."

    error = faults.from_response(fault(400, "INVALID_FIELD", text), org="prod")

    assert isinstance(error, errors.MalformedQuery)
    assert (error.row, error.column) == (1, 8)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("STRING_TOO_LONG", "Last Name: data value too large: canary\nline (max length=80)"),
        ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: canary"),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Industry: bad value for restricted picklist field: canary"),
        ("JSON_PARSER_ERROR", "Cannot deserialize instance of int from VALUE_STRING value canary or request may be"),
        ("NUMBER_OUTSIDE_VALID_RANGE", "Employees: value outside of valid range on numeric field: canary"),
        ("DUPLICATE_VALUE", "Duplicate external id specified: canary"),
        ("MALFORMED_ID", "Owner ID: id value of incorrect type: canary"),
        ("INVALID_FIELD", "Foreign key external ID: canary\n not found for field Ext__c in entity Account"),
        ("INVALID_FIELD", "Foreign key external ID: canary canary cana"),
    ],
)
def test_the_callers_value_is_cut_out(code, message):
    """Salesforce repeats values in its texts; ours go to logs and do not."""
    error = faults.from_response(fault(400, code, message, ["LastName"]), org="prod")

    assert "canary" not in error.message
    assert "canary" not in repr(error.violations)


def test_a_lock_inside_a_trigger_text_is_a_lock():
    """Triggers bury the code in their message."""
    text = "T: execution of AfterUpdate\n\ncaused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"

    error = faults.from_response(fault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text), org="prod")

    assert errors.RowLocked is type(error)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("TotalRequests Limit exceeded.", errors.DailyLimitExceeded),
        ("ConcurrentPerOrgLongTxn Limit exceeded.", errors.ConcurrencyLimitExceeded),
    ],
)
def test_the_two_limits_are_told_apart(message, kind):
    """One code, two limits: the message decides."""
    error = faults.from_response(fault(403, "REQUEST_LIMIT_EXCEEDED", message), org="prod")

    assert kind is type(error)
    assert error.retry_after_seconds is not None


def test_many_matches_name_the_records():
    """HTTP 300 is an array of record URLs; what is no id in it is not told."""
    ids = ["001xx0000000001AAA", "001xx0000000002"]
    paths: list[object] = [f"/services/data/v66.0/sobjects/Account/{name}" for name in ids]
    paths += ["/services/data/v66.0/sobjects/Account/Ext__c/private", {"Name": "private"}, None]

    error = faults.from_response(answer(300, paths), org="prod")

    assert errors.AmbiguousExternalId is type(error)
    assert "001xx0000000001AAA,001xx0000000002AAA" == error.metadata["record_ids"]


STATUSES = st.sampled_from([300, 302, 400, 401, 403, 404, 420, 500, 502, 503])
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
DOCUMENTS = st.recursive(
    ANYTHING | st.sampled_from(["INVALID_FIELD", "MALFORMED_QUERY", "REQUEST_LIMIT_EXCEEDED", "INVALID_SESSION_ID"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errorCode", "statusCode", "message", "fields", "duplicateResult", "duplicateRule"]), inner
        )
    ),
    max_leaves=12,
)


@given(STATUSES, DOCUMENTS)
def test_no_document_breaks_the_translation(status, document):
    """Members of any type are read without an exception, and every error can be told to the caller."""
    try:
        response = Response(status, {}, orjson.dumps(document))
    except TypeError:  # half a surrogate pair or a number beyond 64 bits
        return

    error = faults.from_response(response, org="prod")
    found = (faults.is_throttled(response), faults.is_dead_session(response), faults.is_outage(response))

    assert isinstance(error, errors.SluicegateError)
    assert {bool} == {type(answer) for answer in found}
    assert {str} == {type(value) for value in error.metadata.values()}


@given(STATUSES, st.binary(max_size=200))
def test_no_answer_breaks_the_translation(status, content):
    """Whatever the body, the answer becomes an error of ours and none of its bytes reach the text unread."""
    error = faults.from_response(Response(status, {}, content), org="prod")

    assert isinstance(error, errors.SluicegateError)
    assert "<html>" not in error.message
