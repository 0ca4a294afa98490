"""The client's methods for records, over a real socket: what goes up and what comes back."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any as Anything

import protovalidate
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from sluicegate import (
    Client,
    Create,
    Delete,
    Node,
    NodeId,
    Record,
    RecordError,
    RecordRef,
    Reference,
    SavedRecord,
    SluicegateError,
    Update,
    Upsert,
)
from sluicegate.v1 import record_operation_pb2, record_pb2
from sluicegate.v1.error_reason_pb2 import ERROR_REASON_REQUIRED_FIELD_MISSING
from sluicegate.v1.record_operation_pb2 import RecordResult
from sluicegate.v1.record_operation_pb2 import SavedRecord as Saved
from sluicegate.v1.record_service_pb2 import (
    ApplyRecordsResponse,
    ComposeRecordsResponse,
    CreateRecordResponse,
    DeleteRecordResponse,
    GetRecordResponse,
    UpdateRecordResponse,
    UpsertRecordResponse,
)
from sluicegate.values import encode_values

LEAD_ID = "00Q000000000001AAA"
ACCOUNT_ID = "001000000000001AAA"
BY_ID = RecordRef("Lead", LEAD_ID)
BY_KEY = RecordRef("Lead", external_id_field="Ext__c", external_id="L-1")

WRITES = {
    "upsert_record": (
        UpsertRecordResponse(),
        lambda client, **options: client.upsert_record("Lead", "Ext__c", "L-1", {"Fax": None}, **options),
    ),
    "create_record": (
        CreateRecordResponse(),
        lambda client, **options: client.create_record("Lead", {"Fax": None}, **options),
    ),
    "update_record": (
        UpdateRecordResponse(),
        lambda client, **options: client.update_record(BY_ID, {"Fax": None}, **options),
    ),
    "apply_records": (
        ApplyRecordsResponse(results=[RecordResult(saved=Saved())]),
        lambda client, **options: client.apply_records([Create("Lead", {"Fax": None})], **options),
    ),
    "compose_records": (
        ComposeRecordsResponse(records=[Saved()]),
        lambda client, **options: client.compose_records([Node("lead", Create("Lead", {"Fax": None}))], **options),
    ),
}
"""Each call that takes options, with the least that it answers."""


@pytest.fixture(params=WRITES)
def write(request, script):
    """Each call that takes options, its answer prepared."""
    answer, call = WRITES[request.param]
    script.answers = [answer]
    return call


def kinds(fields) -> dict[str, str]:
    """Name the kind of each field's value."""
    return {name: value.WhichOneof("kind") for name, value in fields.items()}


async def test_create(client, script):
    """A creation sends org, object, typed fields and the request id, and answers the new record's id."""
    script.answers = [CreateRecordResponse(record_id=LEAD_ID)]

    saved = await client.create_record("Lead", {"LastName": "Curie", "Fax": None}, request_id="r-1")

    (request,) = script.requests
    assert SavedRecord(LEAD_ID, created=True) == saved
    assert ("sandbox", "Lead", "r-1") == (request.org, request.object, request.request_id)
    assert {"LastName": "string_value", "Fax": "null_value"} == kinds(request.fields)


async def test_update(client, script):
    """An update names the record by id or by external id, and answers its id as a record that was there."""
    script.answers = [UpdateRecordResponse(record_id=LEAD_ID), UpdateRecordResponse(record_id=LEAD_ID)]

    saved = [await client.update_record(record, {"LastName": "Curie"}) for record in (BY_ID, BY_KEY)]

    by_id, by_key = (request.record for request in script.requests)
    assert [SavedRecord(LEAD_ID)] * 2 == saved
    assert ["sandbox"] * 2 == [request.org for request in script.requests]
    assert ("Lead", LEAD_ID) == (by_id.object, by_id.id)
    assert ("Ext__c", "L-1") == (by_key.external_id.field, by_key.external_id.value)


async def test_update_only(client, script):
    """An upsert may be told to create nothing."""
    script.answers = [UpsertRecordResponse(record_id=LEAD_ID)] * 2

    await client.upsert_record("Lead", "Ext__c", "L-1", {})
    await client.upsert_record("Lead", "Ext__c", "L-1", {}, update_only=True)

    assert [False, True] == [request.update_only for request in script.requests]


async def test_delete(client, script):
    """A deletion answers whether there was anything left to delete."""
    script.answers = [DeleteRecordResponse(record_id=LEAD_ID), DeleteRecordResponse(already_deleted=True)]

    saved = [await client.delete_record(record) for record in (BY_ID, BY_KEY)]

    assert [SavedRecord(LEAD_ID), SavedRecord("", already_deleted=True)] == saved
    assert ["id", "external_id"] == [request.record.WhichOneof("key") for request in script.requests]


async def test_get(client, script):
    """A record is read with Python's own types, and fields that are null are there."""
    fields: dict[str, Anything] = {
        "LastName": "Curie",
        "IsConverted": False,
        "NumberOfEmployees": 7,
        "AnnualRevenue": Decimal("12345678901234567.80"),
        "Birthdate__c": date(1867, 11, 7),
        "CreatedDate": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "Tags__c": ["a", "b"],
        "Fax": None,
    }
    record = record_pb2.Record(object="Lead", record_id=LEAD_ID, fields=encode_values(fields))
    script.answers = [GetRecordResponse(record=record)]

    found = await client.get_record(BY_ID, ["LastName", "AnnualRevenue"])

    (request,) = script.requests
    assert Record("Lead", LEAD_ID, fields) == found
    assert "12345678901234567.80" == str(found.fields["AnnualRevenue"])
    assert ("sandbox", LEAD_ID) == (request.org, request.record.id)
    assert ["LastName", "AnnualRevenue"] == request.fields


async def test_get_everything(client, script):
    """Naming no fields asks for all of them."""
    script.answers = [GetRecordResponse(record=record_pb2.Record(object="Lead", record_id=LEAD_ID))]

    found = await client.get_record(BY_KEY)

    assert Record("Lead", LEAD_ID, {}) == found
    assert [] == script.requests[0].fields


async def test_fields_as_one_text(client):
    """One text where several names belong is refused before it is taken letter by letter."""
    with pytest.raises(TypeError, match=r"fields is one text; give a list: \['LastName'\]"):
        await client.get_record(BY_ID, "LastName")


async def test_apply(client, script):
    """Operations of every kind go up in their order, and each gets its own result, failures as values."""
    error = record_pb2.RecordError(
        reason=ERROR_REASON_REQUIRED_FIELD_MISSING,
        message="LastName is missing",
        fields=["LastName"],
        salesforce_code="REQUIRED_FIELD_MISSING",
        metadata={"object": "Lead"},
        retry_delay=Duration(seconds=1, nanos=500_000_000),
    )
    script.answers = [
        ApplyRecordsResponse(
            results=[
                RecordResult(saved=Saved(record_id=ACCOUNT_ID, created=True)),
                RecordResult(saved=Saved(record_id=LEAD_ID)),
                RecordResult(error=error),
                RecordResult(saved=Saved(already_deleted=True)),
            ]
        )
    ]
    operations = [
        Create("Account", {"Name": "Acme"}),
        Update(BY_ID, {"Fax": None}),
        Upsert("Lead", "Ext__c", "L-2", {"Account__r": Reference("Ext__c", "A-1")}, update_only=True),
        Delete(BY_KEY),
    ]

    results = await client.apply_records(operations, request_id="r-1")

    (request,) = script.requests
    create, update, upsert, delete = request.operations
    assert [
        SavedRecord(ACCOUNT_ID, created=True),
        SavedRecord(LEAD_ID),
        RecordError(
            "REQUIRED_FIELD_MISSING",
            "LastName is missing",
            ("LastName",),
            "REQUIRED_FIELD_MISSING",
            {"object": "Lead"},
            1.5,
        ),
        SavedRecord("", already_deleted=True),
    ] == results
    assert ("sandbox", "r-1") == (request.org, request.request_id)
    assert ("Account", {"Name": "string_value"}) == (create.create.object, kinds(create.create.fields))
    assert (LEAD_ID, {"Fax": "null_value"}) == (update.update.record.id, kinds(update.update.fields))
    assert ("Ext__c", "L-2", True) == (
        upsert.upsert.external_id.field,
        upsert.upsert.external_id.value,
        upsert.upsert.update_only,
    )
    assert "L-1" == delete.delete.record.external_id.value
    protovalidate.validate(request)


async def test_a_reason_that_is_newer_than_the_package(client, script):
    """A reason that this package does not know is told by its number."""
    error = record_pb2.RecordError(reason=4711, message="no")  # type: ignore[arg-type]
    script.answers = [ApplyRecordsResponse(results=[RecordResult(error=error)])]

    (result,) = await client.apply_records([Delete(BY_ID)])

    assert RecordError("4711", "no") == result


async def test_compose(client, script):
    """Nodes go up with their references, and what was written comes back by name in the order of the nodes."""
    script.answers = [ComposeRecordsResponse(records=[Saved(record_id="003"), Saved(record_id="001", created=True)])]
    nodes = [
        Node("con", Create("Contact", {"LastName": "Curie", "AccountId": NodeId("acc")})),
        Node("acc", Upsert("Account", "Ext__c", "A-1", {"Name": "Acme"})),
    ]

    saved = await client.compose_records(iter(nodes), request_id="r-1")

    (request,) = script.requests
    assert [("con", SavedRecord("003")), ("acc", SavedRecord("001", created=True))] == list(saved.items())
    assert ("sandbox", "r-1", ["con", "acc"]) == (request.org, request.request_id, [n.name for n in request.nodes])
    assert "acc" == request.nodes[0].operation.create.fields["AccountId"].node_value
    protovalidate.validate(request)


@pytest.mark.parametrize(
    ("values", "error", "told"),
    [
        ({"AnnualRevenue": float("nan")}, ValueError, "AnnualRevenue: nan is not a number"),
        ({"Tags__c": {"a"}}, TypeError, "Tags__c: set is not a value"),
    ],
)
async def test_values_of_one_of_several(client, script, values, error, told):
    """A value that cannot be sent is refused with its operation or its node, and nothing is sent."""
    with pytest.raises(error, match=rf"^operations\[1\]: {told}"):
        await client.apply_records([Delete(BY_ID), Create("Lead", values)])
    with pytest.raises(error, match=f"^node 'lead': {told}"):
        await client.compose_records([Node("acc", Create("Account")), Node("lead", Create("Lead", values))])

    assert [] == script.requests


async def test_operations_that_are_none(client):
    """Something else where an operation belongs is refused with what would be right."""
    with pytest.raises(TypeError, match=r"operations\[0\]: dict is no operation; give a Create, Update, Upsert or"):
        await client.apply_records([{"object": "Lead"}])


async def test_nodes_that_are_none(client):
    """An operation without a name is refused with how to give it one."""
    with pytest.raises(TypeError, match=r"nodes\[0\] is Create; give it a name: Node"):
        await client.compose_records([Create("Lead")])


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_record(LEAD_ID),
        lambda client: client.update_record(LEAD_ID, {"Fax": None}),
        lambda client: client.delete_record(LEAD_ID),
        lambda client: client.apply_records([Delete(LEAD_ID)]),  # type: ignore[arg-type]
    ],
)
async def test_records_without_an_object(client, call):
    """An id alone does not name a record, and the refusal says what does."""
    with pytest.raises(TypeError, match=r'the record is str; name it as RecordRef\("Lead"'):
        await call(client)


def test_external_ids_of_operations():
    """A number for an external id is refused when the operation is made, where the mistake stands."""
    with pytest.raises(TypeError, match=r"external_id is int; it must be text"):
        Upsert("Lead", "Ext__c", 4711)  # type: ignore[arg-type]


async def test_no_options(client, script, write):
    """Without options none are sent, so that the org's defaults hold."""
    await write(client)

    assert not script.requests[0].HasField("options")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"allow_duplicates": True}, {"allow_duplicates": True}),
        ({"duplicate_rules_as_current_user": True}, {"duplicate_rules_as_current_user": True}),
        ({"skip_assignment_rule": True}, {"skip_assignment_rule": True}),
        ({"assignment_rule_id": "01Q000000000001"}, {"assignment_rule_id": "01Q000000000001"}),
        ({"max_wait": 0.5}, {"max_wait": Duration(nanos=500_000_000)}),
        ({"max_wait": timedelta(seconds=2)}, {"max_wait": Duration(seconds=2)}),
        ({"max_wait": 0}, {"max_wait": Duration()}),
    ],
)
async def test_options(client, script, write, options, expected):
    """Every write takes every option; a wait of zero is sent, for it is not the same as none."""
    await write(client, **options)

    assert record_operation_pb2.WriteOptions(**expected) == script.requests[0].options
    assert script.requests[0].HasField("options")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"skip_assignment_rule": True, "assignment_rule_id": "01Q"}, ValueError, "and not both"),
        ({"max_wait": float("nan")}, ValueError, "max_wait is nan; it must be a timedelta, or seconds from 0 to 60"),
        ({"max_wait": float("inf")}, ValueError, "max_wait is inf"),
        ({"max_wait": 1e300}, ValueError, "max_wait is 1e"),
        ({"alow_duplicates": True}, TypeError, "alow_duplicates"),
    ],
)
async def test_options_that_are_none(client, script, write, options, error, told):
    """Options that make no sense are refused by name, and nothing is sent."""
    with pytest.raises(error, match=told):
        await write(client, **options)

    assert [] == script.requests


def failed(reason: str, code: StatusCode = StatusCode.UNAVAILABLE, **metadata: str) -> Status:
    """Make a rich status."""
    detail = Any()
    detail.Pack(ErrorInfo(reason=reason, domain="sluicegate", metadata=metadata))
    return Status(code=code.value[0], message="no", details=[detail])


async def test_a_graph_that_fails(client, script):
    """A graph of which a node fails raises that node's error, which names it."""
    script.answers = [failed("DUPLICATE_VALUE", StatusCode.ALREADY_EXISTS, node="acc", node_index="1")]

    with pytest.raises(SluicegateError) as caught:
        await client.compose_records([Node("acc", Create("Account"))])

    assert ("DUPLICATE_VALUE", "acc") == (caught.value.reason, caught.value.metadata["node"])


@pytest.mark.parametrize("name", ["create_record", "apply_records", "compose_records"])
async def test_what_may_create_twice_is_not_repeated(client, script, name):
    """Without a request id a call that may create is made once, whatever became of it."""
    answer, call = WRITES[name]
    script.answers = [failed("SHUTTING_DOWN"), answer]

    with pytest.raises(SluicegateError, match="SHUTTING_DOWN"):
        await call(client)

    assert 1 == len(script.requests)


@pytest.mark.parametrize("name", ["create_record", "apply_records", "compose_records"])
async def test_a_request_id_lets_a_call_be_repeated(client, script, name):
    """With a request id the very same request is sent again until the service is there."""
    answer, call = WRITES[name]
    script.answers = [failed("SHUTTING_DOWN"), failed("UPSTREAM_UNAVAILABLE"), answer]

    await call(client, request_id="r-1")

    first, second, third = script.requests
    assert first == second == third
    assert "r-1" == first.request_id


@pytest.mark.parametrize(
    "call",
    [
        *(call for _, call in WRITES.values()),
        lambda client: client.get_record(BY_ID),
        lambda client: client.delete_record(BY_ID),
        lambda client: client.create_record("Lead", {}, request_id="r-1"),
    ],
    ids=[*WRITES, "get_record", "delete_record", "create_record with a request id"],
)
async def test_timeout(target, script, call):
    """Every call ends as DEADLINE_EXCEEDED when it takes longer than allowed."""
    script.answers = [asyncio.Event()]

    async with Client(target, timeout_seconds=0.2) as client:
        with pytest.raises(SluicegateError) as caught:
            await call(client)

    assert "DEADLINE_EXCEEDED" == caught.value.code
