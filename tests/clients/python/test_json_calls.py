"""Calls by name with JSON: what goes up, and what a person is told who mistypes."""

import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from sluicegate import SluicegateError
from sluicegate.json_calls import InvalidCall, call
from sluicegate.json_requests import read_requests
from sluicegate.v1 import bulk_service_pb2 as bulk
from sluicegate.v1 import deep_link_service_pb2 as links
from sluicegate.v1.error_reason_pb2 import ERROR_REASON_RECORD_NOT_FOUND
from sluicegate.v1.query_service_pb2 import QueryResponse
from sluicegate.v1.record_batch_pb2 import RecordBatch
from sluicegate.v1.record_operation_pb2 import RecordResult, SavedRecord
from sluicegate.v1.record_pb2 import RecordError
from sluicegate.v1.record_service_pb2 import (
    ApplyRecordsRequest,
    ApplyRecordsResponse,
    ComposeRecordsRequest,
    UpsertRecordRequest,
    UpsertRecordResponse,
)

LEAD = '{"object": "Lead", "externalId": {"field": "Ext__c", "value": "L-1"}}'


async def collect(*arguments, **options) -> list[Any]:
    """Call and read every response."""
    return [json.loads(text) async for text in call(*arguments, **options)]


async def test_one_answer(target, script):
    """A request goes up as its message, and the answer comes as JSON."""
    script.answers = [UpsertRecordResponse(record_id="00Q", created=True)]

    answers = await collect(target, "RecordService/UpsertRecord", [LEAD])

    assert [{"recordId": "00Q", "created": True}] == answers
    assert ["Lead"] == [request.object for request in script.requests]


async def test_several_operations_in_one_request(target, script):
    """Operations go up in their order, each as its kind, and every result comes back."""
    script.answers = [
        ApplyRecordsResponse(
            results=[
                RecordResult(saved=SavedRecord(record_id="001", created=True)),
                RecordResult(error=RecordError(reason=ERROR_REASON_RECORD_NOT_FOUND, message="no")),
            ]
        )
    ]
    document = {
        "operations": [
            {"create": {"object": "Account", "fields": {"Name": {"stringValue": "Acme"}}}},
            {"delete": {"record": {"object": "Lead", "id": "00Q000000000001AAA"}}},
        ],
        "options": {"skipAssignmentRule": True, "maxWait": "0.5s"},
        "requestId": "r-1",
    }

    answers = await collect(target, "RecordService/ApplyRecords", [json.dumps(document)])

    (request,) = script.requests
    results = [
        {"saved": {"recordId": "001", "created": True}},
        {"error": {"reason": "ERROR_REASON_RECORD_NOT_FOUND", "message": "no"}},
    ]
    assert [{"results": results}] == answers
    assert ["create", "delete"] == [operation.WhichOneof("operation") for operation in request.operations]
    assert request.options.max_wait.nanos == 500_000_000


async def test_a_stream_of_answers(target, script):
    """Each message of a stream is a JSON document of its own."""
    script.answers = [QueryResponse(batch=RecordBatch(row_count=n), total_size=3) for n in (2, 1)]

    answers = await collect(target, "sluicegate.v1.QueryService/Query", ['{"soql": "SELECT Id FROM Lead"}'])

    assert [2, 1] == [answer["batch"]["rowCount"] for answer in answers]


async def test_several_requests_in_one_document(target, script):
    """A document may hold several requests one after another, as a file of JSON lines does."""
    script.answers = [bulk.BulkLoadResponse(finished=bulk.BulkLoadFinished(rows_received=1))]

    await collect(
        target, "BulkService/BulkLoad", ['{"header": {"object": "Lead"}}\n{"data": "YQ=="}', '{"data": "Yg"}']
    )

    assert [b"", b"a", b"b"] == [request.data for request in script.requests]


async def test_a_refusal_while_data_goes_up(target, script):
    """A load that is refused while it is sent fails with the service's status, every time."""
    script.answers_before_data = True
    script.answers = [Status(code=StatusCode.INVALID_ARGUMENT.value[0], message="no")]
    documents = ['{"header": {"object": "Lead"}}', *['{"data": "YQ=="}'] * 200]

    for _ in range(20):
        script.answers = script.answers[:1]
        with pytest.raises(SluicegateError) as raised:
            await collect(target, "BulkService/BulkLoad", documents)
        assert "INVALID_ARGUMENT" == raised.value.code


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:50051", "https://sluicegate:443"])
async def test_targets_that_are_none(address):
    """A target is host:port, and a URL is refused before anything is looked up."""
    with pytest.raises(InvalidCall, match="host:port"):
        await collect(address, "OrgService/GetLimits", ["{}"])


async def test_one_request_where_one_is_taken(target):
    """A method that takes one request takes no second one."""
    with pytest.raises(InvalidCall, match="takes one request, not 2"):
        await collect(target, "RecordService/UpsertRecord", [LEAD, LEAD])


async def test_unknown_methods(target):
    """A method that does not exist is answered with those that do."""
    with pytest.raises(InvalidCall, match="RecordService/UpsertRecord"):
        await collect(target, "RecordService/Upsert", [LEAD])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the request is empty; `{}` is the least there is"),
        ("{", "the request is no JSON: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "the request is no JSON: "),
        ("null", "the request must be an object of org, object, externalId, fields"),
        ("[]", "the request must be an object of org, object, externalId, fields"),
        ('{"org": "a", "org": "b"}', "'org' stands twice in one object"),
        ('{"objekt": "Lead"}', "the request has no field 'objekt'; did you mean object? there are: org, object, "),
        ('{"object": 1}', "object must be text"),
        ('{"fields": []}', "fields must be an object"),
        (
            '{"fields": {"LastName": "Curie"}}',
            'listValue, dateValue, datetimeValue, nodeValue, for example {"stringValue": "Curie"}',
        ),
        ('{"fields": {"Age": 3}}', '{"int64Value": 3}'),
        ('{"fields": {"Rate": 0.5}}', '{"doubleValue": 0.5}'),
        ('{"fields": {"Done": true}}', '{"boolValue": true}'),
        ('{"fields": {"A": {"stringvalue": "x"}}}', "fields.A has no field 'stringvalue'; did you mean stringValue?"),
        ('{"fields": {"A": {"boolValue": "yes"}}}', "fields.A.boolValue must be true or false"),
        ('{"fields": {"A": {"bytesValue": "!!!"}}}', "fields.A.bytesValue must be text in base64"),
        ('{"fields": {"A": {"bytesValue": 1}}}', "fields.A.bytesValue must be text in base64"),
        ('{"fields": {"A": {"int64Value": "x"}}}', "the JSON is no UpsertRecordRequest: "),
        ('{"fields": {"A": {"listValue": {"values": {}}}}}', "fields.A.listValue.values must be a list"),
        ('{"fields": {"A": {"listValue": {"values": [1]}}}}', "fields.A.listValue.values[0] must be an object"),
        ('{"fields": {"A": ' + '{"listValue": {"values": [' * 300 + "]}}" * 300 + "}}", "the request nests too deep"),
    ],
)
def test_requests_that_do_not_fit(text, told):
    """What does not fit is refused with its place and what would."""
    with pytest.raises(InvalidCall) as raised:
        read_requests(text, UpsertRecordRequest.DESCRIPTOR)

    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("text", "descriptor", "told"),
    [
        ('{"operations": [{"insert": {}}]}', ApplyRecordsRequest, "operations[0] has no field 'insert'; "),
        ('{"operations": [{}, {"create": []}]}', ApplyRecordsRequest, "operations[1].create must be an object of obj"),
        ('{"operations": {}}', ApplyRecordsRequest, "operations must be a list"),
        ('{"options": {"maxWait": "soon"}}', ApplyRecordsRequest, "the JSON is no ApplyRecordsRequest: "),
        (
            '{"nodes": [{"operation": {"create": {"fields": {"AccountId": {"nodeId": "acc"}}}}}]}',
            ComposeRecordsRequest,
            "nodes[0].operation.create.fields.AccountId has no field 'nodeId'; there are: ",
        ),
        (
            '{"operations": [{"create": {}, "delete": {}}]}',
            ApplyRecordsRequest,
            "the JSON is no ApplyRecordsRequest: ",
        ),
    ],
)
def test_operations_that_do_not_fit(text, descriptor, told):
    """What does not fit in an operation is refused with the operation's place."""
    with pytest.raises(InvalidCall) as raised:
        read_requests(text, descriptor.DESCRIPTOR)

    assert told in str(raised.value)


def test_words_of_an_enum():
    """A word that is no value of an enum is answered with the values, the likely one first."""
    with pytest.raises(InvalidCall) as raised:
        read_requests('{"header": {"operation": "UPSERT"}}', bulk.BulkLoadRequest.DESCRIPTOR)

    assert str(raised.value).startswith(
        "header.operation cannot be 'UPSERT'; did you mean BULK_OPERATION_UPSERT? there are: BULK_OPERATION_INSERT, "
    )


@pytest.mark.parametrize(
    ("text", "descriptor"),
    [
        ('{"fields": {"A": {"nullValue": null}, "B": {"nullValue": "NULL_VALUE"}}}', UpsertRecordRequest.DESCRIPTOR),
        ('{"external_id": {"field": "Ext__c"}, "fields": null}', UpsertRecordRequest.DESCRIPTOR),
        ('{"fields": {"A": {"bytesValue": "-_8"}}}', UpsertRecordRequest.DESCRIPTOR),
        ('{"header": {"operation": 3}}', bulk.BulkLoadRequest.DESCRIPTOR),
        ('{"ttl": "3600s"}', links.CreateDeepLinkRequest.DESCRIPTOR),
    ],
)
def test_what_protojson_allows(text, descriptor):
    """Nulls, names as in the proto file, unpadded and URL-safe base64, numbers of enums and durations are taken."""
    (message,) = read_requests(text, descriptor)

    assert descriptor is message.DESCRIPTOR
