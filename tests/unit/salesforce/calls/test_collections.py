"""Calls that write up to 200 rows, and their answers."""

from decimal import Decimal

import orjson
import pytest

from service.errors import (
    DuplicateValue,
    InvalidFieldValue,
    OutcomeUnknown,
    RequiredFieldMissing,
    RowLocked,
    SalesforceRejected,
    SluicegateError,
    UpstreamProtocolError,
)
from service.salesforce.calls import collections
from service.salesforce.calls.writes import (
    DEFAULT_OPTIONS,
    ExternalKey,
    JsonValue,
    Operation,
    Row,
    Saved,
    Write,
    WriteOptions,
)
from service.salesforce.transport.base import Request, Response
from tests.support.transport import answer, fault

_BASE = "/services/data/v66.0"
_ID = "00Q000000000001AAA"
_OTHER = "00Q000000000002AAA"


def row(operation: Operation, *, numeric_key: bool = False, repeated: str = "", **values: JsonValue) -> Row:
    key = ExternalKey("Ext__c", "7") if operation is Operation.UPSERT else None
    record_id = _ID if operation in {Operation.UPDATE, Operation.DELETE} else ""
    return Row(Write(operation, "lead", values, record_id, key), "Lead", 1, numeric_key, repeated)


def request(operation: Operation, *rows: Row, options: WriteOptions = DEFAULT_OPTIONS) -> Request:
    field = "Ext__c" if operation is Operation.UPSERT else ""
    return collections.request(_BASE, operation, rows, options, field=field)


def body(made: Request) -> object:
    assert isinstance(made.body, bytes)
    return orjson.loads(made.body)


def read(response: Response, operation: Operation, count: int = 1) -> list[Saved | SluicegateError]:
    return collections.read(response, operation, [row(operation)] * count, org="prod")


@pytest.mark.parametrize(
    ("operation", "method", "path", "record"),
    [
        (Operation.CREATE, "POST", "composite/sobjects", {"LastName": "Gray"}),
        (Operation.UPDATE, "PATCH", "composite/sobjects", {"id": _ID, "LastName": "Gray"}),
        (Operation.UPSERT, "PATCH", "composite/sobjects/Lead/Ext__c", {"Ext__c": "7", "LastName": "Gray"}),
    ],
)
def test_rows_travel_in_one_request(operation: Operation, method: str, path: str, record: dict[str, str]) -> None:
    """Each row names its sObject as Salesforce spells it, and none may take the others down."""
    made = request(operation, *[row(operation, LastName="Gray")] * 2)

    assert (method, f"{_BASE}/{path}") == (made.method, made.path)
    assert {"allOrNone": False, "records": [{"attributes": {"type": "Lead"}, **record}] * 2} == body(made)


def test_deletions_name_ids_in_the_url() -> None:
    """A deletion has no body."""
    made = request(Operation.DELETE, *[row(Operation.DELETE)] * 2)

    assert "DELETE" == made.method
    assert f"{_BASE}/composite/sobjects?ids={_ID},{_ID}&allOrNone=false" == made.path
    assert b"" == made.body


def test_two_hundred_deletions_fit_into_a_url() -> None:
    """Salesforce refuses request lines of more than 16 KiB."""
    made = request(Operation.DELETE, *[row(Operation.DELETE)] * collections.MOST_ROWS)

    assert len(made.path) < 4_096


@pytest.mark.parametrize(
    ("operation", "repeatable"),
    [(Operation.CREATE, False), (Operation.UPDATE, True), (Operation.UPSERT, True), (Operation.DELETE, True)],
)
def test_only_creations_must_not_be_repeated(operation: Operation, *, repeatable: bool) -> None:
    """Sending anything else twice has the effect of sending it once."""
    assert repeatable == request(operation, row(operation)).repeatable


def test_numbers_are_written_digit_for_digit() -> None:
    """Eighteen digits would not survive a binary number."""
    made = request(Operation.CREATE, row(Operation.CREATE, Amount=Decimal("12345678901234.5678")))

    assert isinstance(made.body, bytes)
    assert b'"Amount":12345678901234.5678}' in made.body


def test_a_numeric_external_id_is_a_number() -> None:
    """Its field takes no text."""
    made = request(Operation.UPSERT, row(Operation.UPSERT, numeric_key=True))

    assert isinstance(made.body, bytes)
    assert b'"Ext__c":7' in made.body


def test_the_external_id_stands_once_however_the_caller_spells_it() -> None:
    """Two names that differ in case are one field to Salesforce."""
    made = request(Operation.UPSERT, row(Operation.UPSERT, EXT__C="7", LastName="Gray", repeated="EXT__C"))

    assert {"allOrNone": False, "records": [{"attributes": {"type": "Lead"}, "Ext__c": "7", "LastName": "Gray"}]} == (
        body(made)
    )


def test_a_row_without_values_is_a_record_still() -> None:
    """Salesforce's defaults fill it."""
    assert {"allOrNone": False, "records": [{"attributes": {"type": "Lead"}}]} == body(
        request(Operation.CREATE, row(Operation.CREATE))
    )


def test_options_become_headers() -> None:
    """One call has one set of them."""
    options = WriteOptions(allow_duplicates=True, duplicate_rules_as_current_user=True, assignment="FALSE")

    made = request(Operation.CREATE, row(Operation.CREATE), options=options)

    assert {
        "Sforce-Duplicate-Rule-Header": "allowSave=true; runAsCurrentUser=true",
        "Sforce-Auto-Assign": "FALSE",
    } == made.headers


def test_a_row_shows_no_value() -> None:
    """Values stay out of logs, whoever prints a row or a request."""
    made = row(Operation.CREATE, LastName="Secret")

    assert "Secret" not in f"{made!r} {request(Operation.CREATE, made)!r}"


def test_outcomes_keep_the_order_of_the_rows() -> None:
    """Written rows have ids, the others their own refusal."""
    outcomes = read(
        answer(
            200,
            [
                {"id": _ID, "success": True, "errors": [], "created": True},
                {"success": False, "errors": [{"statusCode": "DUPLICATE_VALUE", "message": "taken", "fields": ["A"]}]},
                {"id": _OTHER, "success": True, "errors": [], "created": False},
            ],
        ),
        Operation.UPSERT,
        count=3,
    )

    assert Saved(_ID, created=True) == outcomes[0]
    assert isinstance(outcomes[1], DuplicateValue)
    assert {
        "org": "prod",
        "object": "Lead",
        "external_id_field": "Ext__c",
        "salesforce_error_code": "DUPLICATE_VALUE",
        "fields": "A",
    } == outcomes[1].metadata
    assert Saved(_OTHER) == outcomes[2]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", RowLocked),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: caused by: UNABLE_TO_LOCK_ROW, unable to", RowLocked),
        ("STRING_TOO_LONG", "Name: data value too large: x (max length=255)", InvalidFieldValue),
        ("BRAND_NEW_CODE", "something new", SalesforceRejected),
    ],
)
def test_a_rows_error_is_the_error_of_a_single_write(code: str, message: str, kind: type[SluicegateError]) -> None:
    """Collections say `statusCode` where the rest of Salesforce says `errorCode`; codes of tomorrow pass through."""
    (outcome,) = read(
        answer(200, [{"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}]),
        Operation.UPDATE,
    )

    assert kind is type(outcome)
    assert isinstance(outcome, SluicegateError)
    assert code == outcome.metadata["salesforce_error_code"]


def test_a_record_that_is_not_there_is_named() -> None:
    """The caller learns which of its records it is, by the id that it gave."""
    (outcome,) = read(
        answer(200, [{"success": False, "errors": [{"statusCode": "NOT_FOUND", "message": "no", "fields": []}]}]),
        Operation.UPDATE,
    )

    assert isinstance(outcome, SluicegateError)
    assert ("Lead", _ID) == (outcome.metadata["object"], outcome.metadata["id"])


def test_a_row_with_several_errors_tells_them_all() -> None:
    """The first says what kind of error it is; the fields of all are named."""
    errors = [
        {"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [A]", "fields": ["A"]},
        {"statusCode": "STRING_TOO_LONG", "message": "B: data value too large: x (max length=3)", "fields": ["B"]},
    ]

    (outcome,) = read(answer(200, [{"success": False, "errors": errors}]), Operation.UPDATE)

    assert isinstance(outcome, RequiredFieldMissing)
    assert ["fields.A", "fields.B"] == [violation.field for violation in outcome.violations]


def test_a_deletion_of_what_is_deleted_is_done() -> None:
    """So that deletions may be repeated."""
    error = {"statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": []}

    assert [Saved(_ID, already_deleted=True)] == read(
        answer(200, [{"success": False, "errors": [error]}]), Operation.DELETE
    )


def test_a_refused_call_is_an_error_of_all_rows() -> None:
    """Nothing was written then."""
    with pytest.raises(InvalidFieldValue):
        read(fault(400, "JSON_PARSER_ERROR", "Cannot deserialize"), Operation.UPSERT)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [],
        [{"success": True}],
        [{"id": "../x", "success": True}],
        [{"id": _ID, "success": True}, {"id": _ID, "success": True}],
    ],
    ids=["nothing", "no array", "too few", "no id", "no id's form", "too many"],
)
@pytest.mark.parametrize(
    ("operation", "kind"), [(Operation.UPSERT, UpstreamProtocolError), (Operation.CREATE, OutcomeUnknown)]
)
def test_an_answer_without_an_outcome_for_each_row_is_not_believed(
    document: object, operation: Operation, kind: type[SluicegateError]
) -> None:
    """Outcomes of one caller never go to another; of creations nobody knows then whether they happened."""
    with pytest.raises(kind):
        read(answer(200, document), operation)


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_an_answer_about_other_records_is_not_believed(operation: Operation) -> None:
    """Outcomes that do not stand in the order of the rows are nobody's: each id was sent, and comes back."""
    rows = [row(operation), Row(Write(operation, "lead", {}, _OTHER), "Lead", 1)]
    results = [{"id": _OTHER, "success": True}, {"id": _ID, "success": True}]

    ordered = collections.read(answer(200, results[::-1]), operation, rows, org="prod")

    assert [Saved(_ID), Saved(_OTHER)] == ordered
    with pytest.raises(UpstreamProtocolError):
        collections.read(answer(200, results), operation, rows, org="prod")
