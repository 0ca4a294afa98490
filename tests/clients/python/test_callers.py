"""The client says who calls and how urgently."""

import pytest
from sluicegate import Client, RecordRef
from sluicegate.json_calls import InvalidCall
from sluicegate.json_calls import call as json_call
from sluicegate.v1.bulk_service_pb2 import GetBulkLoadResponse
from sluicegate.v1.deep_link_service_pb2 import CreateDeepLinkResponse
from sluicegate.v1.org_service_pb2 import GetLimitsResponse
from sluicegate.v1.query_service_pb2 import QueryResponse
from sluicegate.v1.record_service_pb2 import ApplyRecordsResponse, UpsertRecordResponse

KEYS = ("sluicegate-caller", "sluicegate-priority")


async def test_every_call_says_who_calls_and_how_urgently(target, script):
    """Calls of every service and kind, those that are repeated by the client among them."""
    lead = RecordRef("Lead", "00Q000000000001AAA")
    async with Client(target, caller="web.shop", priority="interactive", timeout_seconds=60) as client:
        for answer, call in (
            (UpsertRecordResponse(), lambda: client.upsert_record("Lead", "Ext__c", "1", {})),
            (ApplyRecordsResponse(), lambda: client.apply_records([], request_id="r")),
            (GetBulkLoadResponse(), lambda: client.get_bulk_load("token")),
            (CreateDeepLinkResponse(), lambda: client.create_deep_link(lead)),
            (GetLimitsResponse(), client.get_limits),
        ):
            script.answers = [answer]
            await call()
        script.answers = [QueryResponse()]
        _ = [row async for row in client.query("SELECT Id FROM Lead")]
        script.answers = []
        _ = [event async for event in client.bulk_load("Lead", "insert", b"LastName\nCurie\n")]

    said = [tuple(metadata.get(key) for key in KEYS) for metadata in script.metadata]
    assert [("web.shop", "interactive")] * 7 == said


async def test_nothing_is_said_of_what_nobody_gave(target, script):
    """The service has its own defaults; an empty name would be refused."""
    script.answers = [UpsertRecordResponse(), UpsertRecordResponse(), UpsertRecordResponse()]
    for client in (Client(target), Client(target, caller="web"), Client(target, priority="batch")):
        async with client:
            await client.upsert_record("Lead", "Ext__c", "1", {})

    said = [tuple(metadata.get(key) for key in KEYS) for metadata in script.metadata]
    assert [(None, None), ("web", None), (None, "batch")] == said


async def test_calls_by_name_say_it_too(target, script):
    """What a command line gives goes along, and a name that is none is refused before anything is sent."""
    script.answers = [UpsertRecordResponse()]
    method, request = "RecordService/UpsertRecord", ['{"object": "Lead"}']

    _ = [text async for text in json_call(target, method, request, caller="nightly", priority="batch")]
    with pytest.raises(InvalidCall, match="caller is 'a b'"):
        _ = [text async for text in json_call(target, method, request, caller="a b")]

    said = [tuple(metadata.get(key) for key in KEYS) for metadata in script.metadata]
    assert [("nightly", "batch")] == said


@pytest.mark.parametrize("name", [" ", "-a", "a b", "a\n", "ä", "(others)", "a" * 64])
def test_a_name_that_is_none_is_refused(name):
    """Before anything is sent, and with what is wanted."""
    with pytest.raises(ValueError, match=r"caller is .*1 to 63 letters"):
        Client("127.0.0.1:1", caller=name)


@pytest.mark.parametrize("priority", ["", "urgent", "BATCH", "unspecified"])
def test_a_priority_that_is_none_is_refused(priority):
    """With those that there are."""
    with pytest.raises(ValueError, match="interactive, standard, batch"):
        Client("127.0.0.1:1", priority=priority)
