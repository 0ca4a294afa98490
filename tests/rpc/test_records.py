"""RecordService over a real channel."""

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue, FieldValueList, RecordReference
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest, UpsertRecordResponse
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from tests.support.rich_status import Failure, failure


def text(value: str) -> FieldValue:
    """Return a text value."""
    return FieldValue(string_value=value)


async def upsert(channel: aio.Channel, ext: str, sobject: str = "Lead", **fields: FieldValue) -> UpsertRecordResponse:
    """Upsert by Ext__c."""
    request = UpsertRecordRequest(object=sobject, external_id=ExternalId(field="Ext__c", value=ext), fields=fields)
    return await RecordServiceStub(channel).UpsertRecord(request)


async def refused(channel: aio.Channel, request: UpsertRecordRequest) -> Failure:
    """Upsert and return how it failed."""
    with pytest.raises(aio.AioRpcError) as raised:
        await RecordServiceStub(channel).UpsertRecord(request)
    return failure(raised.value)


async def stored(channel: aio.Channel, ext: str, field: str, sobject: str = "Lead") -> tuple[str, bool]:
    """Return a text field of a record and whether it is null."""
    soql = f"SELECT {field} FROM {sobject} WHERE Ext__c = :ext"
    request = QueryRequest(soql=soql, parameters={"ext": text(ext)})
    (response,) = [message async for message in QueryServiceStub(channel).Query(request)]
    (column,) = response.batch.columns
    return column.string_values[0], bool(column.null_rows)


async def test_the_first_upsert_creates_and_the_second_updates(channel, unique):
    """The same external id names the same record."""
    first = await upsert(channel, unique("L"), LastName=text("Curie"), Company=text("Radium"))
    second = await upsert(channel, unique("L"), LastName=text("Skłodowska"), Company=text("Radium"))

    assert (first.created, second.created) == (True, False)
    assert first.record_id == second.record_id
    assert len(first.record_id) == 18
    assert await stored(channel, unique("L"), "LastName") == ("Skłodowska", False)


@pytest.mark.parametrize(
    "value", ["a/b", "50% off", "dot.json", "plus+plus", "ü 漢字 😀", "a?b#c&d=e", "..", "'quoted\\'", "@{ref.id}"]
)
async def test_an_external_id_holds_any_character(channel, unique, value):
    """What would break a URL is encoded, and finds its record again."""
    await upsert(channel, unique(value), LastName=text("Curie"), Company=text("Radium"))
    again = await upsert(channel, unique(value), LastName=text("Joliot"), Company=text("Radium"))

    assert not again.created
    assert await stored(channel, unique(value), "LastName") == ("Joliot", False)


@pytest.mark.parametrize("value", [".", ".."])
async def test_an_external_id_never_leads_elsewhere(channel, value):
    """The two names that are steps within a path find their records like others: they stand in no path."""
    first = await upsert(channel, value, LastName=text("Curie"), Company=text("Radium"))
    again = await upsert(channel, value, LastName=text("Joliot"), Company=text("Radium"))

    assert (True, False) == (first.created, again.created)
    assert first.record_id == again.record_id
    assert await stored(channel, value, "LastName") == ("Joliot", False)


async def test_null_writes_null_and_absent_leaves_alone(channel, unique):
    """The two are told apart."""
    await upsert(channel, unique("L"), LastName=text("C"), Company=text("R"), Title=text("Dr"), City=text("Paris"))

    await upsert(channel, unique("L"), LastName=text("C"), Company=text("R"), Title=FieldValue(null_value=NULL_VALUE))

    assert await stored(channel, unique("L"), "Title") == ("", True)
    assert await stored(channel, unique("L"), "City") == ("Paris", False)


async def test_a_lookup_by_external_id_finds_the_parent(channel, unique):
    """The relationship's name with a reference sets the lookup."""
    await upsert(channel, unique("A"), "Account", Name=text("Acme"))
    reference = RecordReference(external_id=ExternalId(field="Ext__c", value=unique("A")))

    await upsert(channel, unique("C"), "Contact", LastName=text("C"), Account=FieldValue(reference_value=reference))

    assert await stored(channel, unique("C"), "Account.Name", "Contact") == ("Acme", False)


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"Company": text("R")}, "REQUIRED_FIELD_MISSING", "fields.LastName"),
        ({"LastName": text("x" * 81), "Company": text("R")}, "INVALID_FIELD_VALUE", "fields.LastName"),
        ({"LastName": text("C"), "Company": text("R"), "Email": text("nobody")}, "INVALID_FIELD_VALUE", "fields.Email"),
        ({"LastName": text("C"), "Company": text("R"), "Compny": text("x")}, "UNKNOWN_FIELD", "fields.Compny"),
        (
            {"LastName": text("C"), "Company": text("R"), "NumberOfEmployees": text("many")},
            "INVALID_FIELD_VALUE",
            "fields.NumberOfEmployees",
        ),
        (
            {"LastName": text("C"), "Company": text("R"), "CreatedDate": text("2026-01-01T00:00:00Z")},
            "FIELD_NOT_WRITEABLE",
            "fields.CreatedDate",
        ),
        ({"LastName": FieldValue(), "Company": text("R")}, "INVALID_REQUEST", "fields.LastName.kind"),
        (
            {"LastName": text("C"), "Company": text("R"), "AnnualRevenue": FieldValue(double_value=float("nan"))},
            "INVALID_FIELD_VALUE",
            "fields.AnnualRevenue",
        ),
        ({"LastName": text("C"), "LASTNAME": text("D"), "Company": text("R")}, "INVALID_REQUEST", "fields.LastName"),
        ({"LastName": text("C"), "Company": text("R"), "ext__c": text("other")}, "INVALID_REQUEST", "fields.ext__c"),
        (
            {"LastName": text("C"), "Company": FieldValue(list_value=FieldValueList(values=[text("a;b")]))},
            "INVALID_FIELD_VALUE",
            "fields.Company",
        ),
    ],
)
async def test_a_bad_field_is_named(channel, unique, fields, reason, field):
    """Each mistake in a record has its reason and names its field; nothing is written."""
    external_id = ExternalId(field="Ext__c", value=unique("bad"))

    failed = await refused(channel, UpsertRecordRequest(object="Lead", external_id=external_id, fields=fields))

    assert ("INVALID_ARGUMENT", reason, "sluicegate") == (failed.code, failed.reason, failed.domain)
    assert [field] == list(failed.violations)


async def test_a_refusal_does_not_repeat_the_value(channel, unique):
    """Values stay out of errors, which end in logs."""
    external_id = ExternalId(field="Ext__c", value=unique("bad"))
    fields = {"LastName": text("C"), "Company": text("R"), "Email": text("canary-4711")}

    failed = await refused(channel, UpsertRecordRequest(object="Lead", external_id=external_id, fields=fields))

    assert "canary-4711" not in repr(failed)


async def test_a_misspelt_field_gets_the_nearest_name(channel, unique):
    """The error says which field was probably meant."""
    external_id = ExternalId(field="Ext__c", value=unique("bad"))
    fields = {"LastName": text("C"), "Compny": text("R")}

    failed = await refused(channel, UpsertRecordRequest(object="Lead", external_id=external_id, fields=fields))

    assert failed.metadata["nearest"] == "Company"


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (
            UpsertRecordRequest(object="Leed", external_id=ExternalId(field="Ext__c", value="1")),
            "INVALID_ARGUMENT",
            "UNKNOWN_OBJECT",
        ),
        (
            UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Nope__c", value="1")),
            "INVALID_ARGUMENT",
            "UNKNOWN_FIELD",
        ),
        (
            UpsertRecordRequest(org="prd", object="Lead", external_id=ExternalId(field="Ext__c", value="1")),
            "NOT_FOUND",
            "UNKNOWN_ORG",
        ),
        (UpsertRecordRequest(object="Lead"), "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (
            UpsertRecordRequest(object="../query", external_id=ExternalId(field="Ext__c", value="1")),
            "INVALID_ARGUMENT",
            "INVALID_REQUEST",
        ),
        (
            UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value="x" * 256)),
            "INVALID_ARGUMENT",
            "INVALID_REQUEST",
        ),
    ],
)
async def test_a_bad_request_has_its_code(channel, request_, code, reason):
    """What is wrong with the request as a whole has a canonical code and a documented reason."""
    failed = await refused(channel, request_)

    assert (code, reason) == (failed.code, failed.reason)


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (b"\xff\xff\xff\xff", "INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
        (b"\x0a\x05ab", "INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
        (b"\x12\x02\xff\xfe", "INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
        (b"\x00" * 4_194_305, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"),
    ],
)
async def test_bytes_that_are_no_message_are_refused(channel, data, code, reason):
    """Malformed and oversize messages have a code and a reason, never UNKNOWN."""
    call = channel.unary_unary("/sluicegate.v1.RecordService/UpsertRecord")

    with pytest.raises(aio.AioRpcError) as raised:
        await call(data)

    failed = failure(raised.value)
    assert (code, reason) == (failed.code, failed.reason)


@pytest.mark.parametrize("key", ["😀" * 800, "a" * 3000, "\n" * 2000])
async def test_a_refusal_of_any_size_arrives(channel, unique, key):
    """Field names of absurd length are refused with the reason; the trailers do not outgrow what gRPC delivers."""
    request = UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value=unique("L")))
    for number in range(12):
        request.fields[f"{key}{number}"].bool_value = True

    error = await refused(channel, request)

    assert ("INVALID_ARGUMENT", "INVALID_REQUEST") == (error.code, error.reason)
    assert error.violations
