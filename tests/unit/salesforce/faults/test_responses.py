"""What unsuccessful answers mean: by their status, by several errors at once, and whatever their bodies hold."""

import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service import errors
from service.rpc.record_errors import to_record_error
from service.rpc.status import to_status
from service.salesforce import faults
from service.salesforce.faults import Fault
from service.salesforce.transport.base import Response
from tests.support.transport import answer, fault

_FOUR_KIB = 4_096


def page(status: int, text: str = "<html><body>We are down for maintenance</body></html>") -> Response:
    """Return an answer that is no JSON."""
    return Response(status, {"content-type": "text/html"}, text.encode())


@pytest.mark.parametrize(
    ("response", "kind", "is_passing"),
    [
        (page(301), errors.UpstreamUnavailable, True),
        (page(302), errors.UpstreamUnavailable, True),
        (page(401, "Bad_OAuth_Token"), errors.OrgAuthenticationFailed, False),
        (answer(401, [{"message": "Connected app is not attached to Agent"}]), errors.OrgAuthenticationFailed, False),
        (fault(401, "SOMETHING_NEW"), errors.OrgAuthenticationFailed, False),
        (page(402), errors.UpstreamProtocolError, False),
        (page(404), errors.UpstreamProtocolError, False),
        (page(405), errors.SalesforceRejected, False),
        (page(406), errors.UpstreamUnavailable, True),
        (page(409), errors.SalesforceRejected, False),
        (fault(409, "API_VERSION_MISMATCH", "another version"), errors.SalesforceRejected, False),
        (page(410), errors.SalesforceRejected, False),
        (fault(410, "UNSUPPORTED_API_VERSION", "retired"), errors.SalesforceRejected, False),
        (page(412), errors.SalesforceRejected, False),
        (page(413), errors.MessageTooLarge, False),
        (fault(414, "URI_TOO_LONG", "The URI is above 16,384 bytes"), errors.MessageTooLarge, False),
        (page(415), errors.SalesforceRejected, False),
        (page(420), errors.UpstreamUnavailable, True),
        (page(428), errors.SalesforceRejected, False),
        (page(431), errors.MessageTooLarge, False),
        (page(500), errors.UpstreamUnavailable, True),
        (page(502), errors.UpstreamUnavailable, True),
        (page(503), errors.UpstreamUnavailable, True),
        (fault(503, "SOMETHING_NEW", "later"), errors.UpstreamUnavailable, True),
        (fault(500, "REQUIRED_FIELD_MISSING", "x", ["Name"]), errors.RequiredFieldMissing, False),
        (page(504), errors.UpstreamUnavailable, True),
    ],
)
def test_each_status_has_its_meaning(response, kind, is_passing):
    """Answers of the edge have no error of Salesforce in them, and what they hold is not told."""
    error = faults.from_response(response, org="prod")

    assert kind is type(error)
    assert is_passing == (error.retry_after_seconds is not None)
    assert ("prod", str(response.status)) == (error.metadata["org"], error.metadata["http_status"])
    assert "<" not in error.message
    assert "Bad_OAuth" not in error.message


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (fault(401, "INVALID_SESSION_ID", "Session expired or invalid"), True),
        (fault(401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT"), True),
        (fault(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"), False),
        (fault(401, "INVALID_SESSION_ID", "Connected app is not attached to Agent"), False),
        (answer(401, [{"message": "Connected app is not attached to Agent"}]), False),
        (fault(403, "INVALID_SESSION_ID", "Session expired or invalid"), False),
        (page(401), False),
    ],
)
def test_a_new_token_helps_where_the_session_is_over(response, expected):
    """What a policy forbids it forbids every session."""
    assert expected == faults.is_dead_session(response)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (fault(400, "UNABLE_TO_LOCK_ROW", "unable to obtain"), True),
        (fault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: UNABLE_TO_LOCK_ROW, unable to obtain"), True),
        (fault(400, "STRING_TOO_LONG", "Name: data value too large: UNABLE_TO_LOCK_ROW (max length=3)"), False),
        (fault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), True),
        (fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), False),
        (fault(400, "REQUIRED_FIELD_MISSING", "x"), False),
        (page(403), False),
    ],
)
def test_locks_and_want_of_room_pass_within_seconds(response, expected):
    """A value that reads like a code does not make Salesforce's callers come again."""
    assert expected == faults.is_throttled(response)


@pytest.mark.parametrize("status", [406, 420, 500, 502, 503, 504])
def test_outages(status):
    """The edge's own refusals never reached the org; of all others nobody knows."""
    assert faults.is_outage(page(status))
    assert (status != 420) == faults.may_have_run(page(status))


def test_several_errors_of_one_record_are_told_together():
    """The first one decides what the caller is answered; the fields and the words of the others are not lost."""
    body = [
        {"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "A lead has a phone", "fields": ["Phone"]},
        {"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "A lead has a rating", "fields": []},
        {"errorCode": "STRING_TOO_LONG", "message": "x (max length=3)", "fields": ["City", "Phone"]},
    ]

    error = faults.from_response(answer(400, body), org="prod")

    assert errors.ValidationRuleFailed is type(error)
    assert "A lead has a phone; A lead has a rating; City takes at most 3 characters" == error.message == str(error)
    assert "Phone,City" == error.metadata["fields"]
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" == error.metadata["salesforce_error_code"]
    assert ["fields.Phone", "fields.City", "fields.Phone"] == [violation.field for violation in error.violations]


def test_an_error_that_is_told_twice_is_one():
    """Several rules may have one text."""
    told = Fault("FIELD_CUSTOM_VALIDATION_EXCEPTION", "A lead has a phone", ("Phone",))

    error = faults.from_faults([told, told], metadata={"org": "prod"})

    assert ("A lead has a phone", 1) == (error.message, len(error.violations))


def test_duplicates_are_named():
    """The rule and the records that it found are told, so that the caller may use one of them."""
    matches = [{"record": {"Id": "0012o00002VtyMpAAJ"}}, {"record": {"Id": "no id"}}, {"record": None}, None]
    body = {
        "errorCode": "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
        "duplicateResult": {
            "duplicateRule": "Standard_Lead_Duplicate_Rule",
            "matchResults": [{"matchRecords": matches}],
        },
    }

    error = faults.from_response(answer(400, [body]), org="prod")

    assert errors.DuplicatesDetected is type(error)
    assert "Standard_Lead_Duplicate_Rule" == error.metadata["duplicate_rule"]
    assert "0012o00002VtyMpAAJ" == error.metadata["record_ids"]


def test_many_matches_name_the_records():
    """HTTP 300 is an array of record URLs; what is no id in it is not told."""
    ids = ["001xx0000000001AAA", "001xx0000000002"]
    paths: list[object] = [f"/services/data/v66.0/sobjects/Account/{name}" for name in ids]
    paths += ["/services/data/v66.0/sobjects/Account/Ext__c/private", {"Name": "private"}, None]

    error = faults.from_response(answer(300, paths), org="prod")

    assert errors.AmbiguousExternalId is type(error)
    assert "001xx0000000001AAA,001xx0000000002AAA" == error.metadata["record_ids"]
    assert "001xx0000000001AAA, 001xx0000000002AAA; nothing was written" in error.message


@pytest.mark.parametrize(("may_be_missing", "kind"), [(True, errors.UnknownObject), (False, errors.RecordNotFound)])
def test_what_is_not_found_depends_on_what_was_asked_for(may_be_missing, kind):
    """Salesforce answers the same for an sObject and for a record."""
    response = fault(404, "NOT_FOUND", "The requested resource does not exist")

    error = faults.from_response(response, org="prod", subject={"object": "Foo"}, object_may_be_missing=may_be_missing)

    assert kind is type(error)
    assert ("Foo", "NOT_FOUND") == (error.metadata["object"], error.metadata["salesforce_error_code"])


@pytest.mark.parametrize("escape", ["\\ud83d", "\\ude00"])
def test_a_text_that_was_cut_inside_a_character_is_read(escape):
    """Half a surrogate pair is no reason not to know the code."""
    content = f'[{{"errorCode":"STRING_TOO_LONG","message":"{escape}","fields":["A{escape}"]}}]'.encode()

    error = faults.from_response(Response(400, {}, content), org="prod")

    assert errors.InvalidFieldValue is type(error)
    assert "A?" == error.metadata["fields"]


STATUSES = st.integers(300, 599)
CODES = [
    "APEX_ERROR",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "DUPLICATE_EXTERNAL_ID",
    "DUPLICATE_VALUE",
    "INVALID_FIELD",
    "INVALID_SESSION_ID",
    "INVALID_TYPE",
    "JSON_PARSER_ERROR",
    "MALFORMED_QUERY",
    "NOT_FOUND",
    "REQUEST_LIMIT_EXCEEDED",
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",
    "UNKNOWN_EXCEPTION",
]
SENTENCES = [
    "ERROR at Row:999999999:Column:999999999 ",
    "No such column 'X' on entity 'Y'",
    "Foreign key external ID: ",
    "more than one record found [001xx0000000001AAA]",
    "sObject type 'X'",
    "duplicate value found: X id: 001xx0000000001AAA",
    "data value too large: ",
    " (max length=1)",
]
TEXTS = st.text(st.characters(exclude_categories=()), max_size=30) | st.builds(
    lambda text, count: text * count,
    st.sampled_from(SENTENCES) | st.text(min_size=1, max_size=3),
    st.integers(1, 3_000),
)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(CODES)
MEMBERS = ["errorCode", "statusCode", "message", "fields", "duplicateResult", "duplicateRule", "matchResults"]
DOCUMENTS = st.recursive(
    ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner),
    max_leaves=12,
)
FAULTS = st.lists(
    st.fixed_dictionaries(
        {"errorCode": st.sampled_from(CODES), "message": TEXTS, "fields": st.lists(TEXTS, max_size=3)}
    ),
    max_size=40,
)


def check(response: Response) -> None:
    """Assert that an answer becomes an error that can be told to the caller, alone and as one of many."""
    error = faults.from_response(response, org="prod", subject={"object": "Lead", "external_id_field": "Ext__c"})
    found = (faults.is_throttled(response), faults.is_dead_session(response), faults.is_outage(response))

    assert isinstance(error, errors.SluicegateError)
    assert {bool} == {type(answer) for answer in found}
    assert {str} == {type(value) for value in error.metadata.values()}
    assert "\n" not in error.message
    assert len(to_status(error).SerializeToString()) < _FOUR_KIB
    assert len(to_record_error(error).SerializeToString()) < _FOUR_KIB


@given(STATUSES, DOCUMENTS | FAULTS)
def test_no_document_breaks_the_translation(status, document):
    """Members of any type and length, and text that is none, are read without an exception."""
    check(Response(status, {}, json.dumps(document).encode()))


@given(STATUSES, st.binary(max_size=200))
@example(400, b"[" * 100_000)
@example(400, b'[{"errorCode":' * 10_000)
@example(400, b"[" + b"9" * 10_000 + b"]")
@example(400, b'[{"errorCode":"' + b"X" * 1_000_000 + b'"}]')
@example(400, b"\xff\xfe[\x00]\x00")
def test_no_answer_breaks_the_translation(status, content):
    """Whatever the bytes, the answer becomes an error."""
    check(Response(status, {}, content))


def test_an_error_with_any_number_of_fields_is_told():
    """An answer may name more fields than an error has room for."""
    body = {"errorCode": "REQUIRED_FIELD_MISSING", "message": "x", "fields": [f"Field{n}__c" for n in range(5_000)]}

    check(Response(400, {}, orjson.dumps([body] * 100)))


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ({"object": "Lead", "id": "00Q000000000001AAA"}, "no Lead has that id"),
        ({"object": "Lead", "external_id_field": "Ext__c"}, "no Lead has that Ext__c"),
        ({}, "no such record"),
    ],
)
def test_what_has_no_record_is_named(subject, message):
    """A caller reads what there is no record of, and by which field it was looked for, but not the value."""
    error = faults.from_fault(Fault("NOT_FOUND", "The requested resource does not exist"), metadata=subject)

    assert message == error.message


def test_a_lookup_that_cannot_be_filled_names_what_may_be_wrong():
    """Salesforce says the same of a relationship that is none and of a wrong external id, so the caller reads both."""
    text = "The external foreign key reference does not reference a valid entity: Account"

    error = faults.from_fault(Fault("INVALID_FIELD", text), metadata={"object": "Contact"})

    assert "fields.Account" == error.violations[0].field
    assert "no such external id" in error.message
