"""What a caller sees when Salesforce is slow, out of order, gone or of another opinion."""

import asyncio

import pytest
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.query_service_pb2 import QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from service.emulator.disturbances import Delay, Disturbances, Drop, Page, Refuse, RevokeSessions
from tests.support.rich_status import failure
from tests.support.service import free_ports


def lead(ext: str) -> UpsertRecordRequest:
    """Return a request that succeeds on a healthy org."""
    fields = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
    return UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value=ext), fields=fields)


@pytest.mark.parametrize(
    "effect",
    [Page(503), Page(502), Drop(), Drop(after_handling=True), Refuse(500, "UNKNOWN_EXCEPTION", "x"), Page(420)],
)
async def test_one_outage_is_ridden_out(channel, unique, disturbances: Disturbances, effect):
    """An upsert is harmless to repeat: one fault of any kind is not seen by the caller, and nothing is doubled."""
    disturbances.add(effect, path=r"/sobjects/Lead/", times=1)

    await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))
    again = await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))

    assert not again.created


async def test_without_retries_the_same_fault_is_seen(channel, unique, disturbances: Disturbances):
    """The fault is real: when every attempt meets it, the call fails with UNAVAILABLE and a time to come back."""
    disturbances.add(Page(503), path=r"/sobjects/Lead/", times=None)

    with pytest.raises(aio.AioRpcError) as raised:
        await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))

    failed = failure(raised.value)
    assert (
        failed.code,
        failed.reason,
        failed.metadata["http_status"],
    ) == ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE", "503")
    assert failed.retry_after_seconds is not None
    assert "html" not in failed.message


async def test_a_revoked_session_is_renewed_unseen(channel, unique, disturbances: Disturbances):
    """The token dies mid-flight; a new one is fetched and the call goes on."""
    disturbances.add(RevokeSessions(), path=r"/sobjects/Lead/", times=1)

    saved = await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))

    assert saved.created


async def test_the_daily_limit_is_told_as_such(unique):
    """REQUEST_LIMIT_EXCEEDED for the day is RESOURCE_EXHAUSTED, and the org is not asked again for a while."""
    refusal = Refuse(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    async with App(free_ports()) as app:
        assert app.emulator is not None
        assert app.addresses is not None
        rule = app.emulator.disturbances.add(refusal, path=r"/sobjects/Lead/", times=None)
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            for _ in range(3):
                with pytest.raises(aio.AioRpcError) as raised:
                    await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))

                failed = failure(raised.value)
                assert (failed.code, failed.reason) == ("RESOURCE_EXHAUSTED", "DAILY_LIMIT_EXCEEDED")
                assert failed.retry_after_seconds is not None

    assert 1 == rule.hits


async def test_a_locked_row_is_tried_again(channel, unique, disturbances: Disturbances):
    """A row lock passes within the call."""
    disturbances.lock_rows(1)

    assert (await RecordServiceStub(channel).UpsertRecord(lead(unique("L")))).created


async def test_the_callers_deadline_holds(channel, unique, disturbances: Disturbances):
    """A slow org does not outlive the caller's patience."""
    disturbances.add(Delay(30), path=r"/sobjects/Lead/", times=1)

    with pytest.raises(aio.AioRpcError) as raised:
        await RecordServiceStub(channel).UpsertRecord(lead(unique("L")), timeout=0.3)

    assert raised.value.code().name == "DEADLINE_EXCEEDED"


async def test_a_cancelled_query_stops_reading(channel, app, unique, disturbances: Disturbances):
    """After the caller leaves no further page is asked for."""
    assert app.emulator is not None
    org = app.emulator.org
    company = unique("Cancel")
    for number in range(6500):
        org.create("Lead", {"LastName": f"N{number}", "Company": company}, user_id=org.admin_id)
    disturbances.add(Delay(300), path=r"/query/", times=None)
    request = QueryRequest(
        soql="SELECT Id FROM Lead WHERE Company = :c", parameters={"c": FieldValue(string_value=company)}
    )

    stream = QueryServiceStub(channel).Query(request)
    first = await stream.read()
    stream.cancel()

    assert first.batch.row_count == 2000
    async with asyncio.timeout(60):
        while any("next_page" in repr(task.get_coro()) for task in asyncio.all_tasks()):  # noqa: ASYNC110 - nothing outside the service tells
            await asyncio.sleep(0)


async def test_an_org_that_goes_away_is_unavailable():
    """When the org's process is gone every RPC answers UNAVAILABLE with a time to come back, and the service lives."""
    async with App(free_ports()) as app:
        assert app.addresses is not None
        assert app.emulator is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            await RecordServiceStub(channel).UpsertRecord(lead("before"))
            await app.emulator.__aexit__(None, None, None)

            for call in (
                RecordServiceStub(channel).UpsertRecord(lead("after")),
                OrgServiceStub(channel).GetLimits(GetLimitsRequest()),
                QueryServiceStub(channel).Query(QueryRequest(soql="SELECT Id FROM Lead")).read(),
            ):
                with pytest.raises(aio.AioRpcError) as raised:
                    await call
                failed = failure(raised.value)
                assert (failed.code, failed.reason) == ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE")
                assert failed.retry_after_seconds is not None
