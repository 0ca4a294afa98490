"""Limits, as callers of a real service see them."""

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import aio
from sluicegate.v1.field_value_pb2 import ExternalId, FieldValue
from sluicegate.v1.governor_pb2 import PRIORITY_BATCH, PRIORITY_INTERACTIVE, PRIORITY_STANDARD
from sluicegate.v1.org_service_pb2 import GetLimitsRequest, WatchLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest
from sluicegate.v1.record_service_pb2_grpc import RecordServiceStub

from service.app import App
from tests.support.rich_status import failure
from tests.support.service import free_ports


@pytest.fixture
def orgs(channel) -> Any:
    """The stub of OrgService."""
    return OrgServiceStub(channel)


async def test_a_callers_calls_are_counted(channel, orgs, unique):
    """Who made a call, how urgent it was, and what Salesforce told of its limit stand in the next answer."""
    records: Any = RecordServiceStub(channel)
    name = unique("counted")
    values = {"LastName": FieldValue(string_value="Curie"), "Company": FieldValue(string_value="Radium")}
    request = UpsertRecordRequest(object="Lead", external_id=ExternalId(field="Ext__c", value=name), fields=values)
    await records.UpsertRecord(request, metadata=[("sluicegate-caller", name), ("sluicegate-priority", "interactive")])

    limits = (await orgs.GetLimits(GetLimitsRequest(known_only=True))).limits

    [share] = [caller for caller in limits.governor.callers if caller.caller == name]
    assert share.used_calls >= 1
    assert limits.governor.own_calls >= 1
    assert limits.governor.usage.maximum == limits.api_requests.maximum > 0
    assert [PRIORITY_INTERACTIVE, PRIORITY_STANDARD, PRIORITY_BATCH] == [
        each.priority for each in limits.governor.classes
    ]
    stops = [each.stops_at_calls / limits.governor.usage.maximum for each in limits.governor.classes]
    assert [0.97, 0.85, 0.70] == pytest.approx(stops)


async def test_knowing_costs_nothing_and_asking_costs_one_call(orgs):
    """The org's own count says who was asked."""
    await orgs.GetLimits(GetLimitsRequest())
    before = (await orgs.GetLimits(GetLimitsRequest())).limits
    known = (await orgs.GetLimits(GetLimitsRequest(known_only=True))).limits
    after = (await orgs.GetLimits(GetLimitsRequest())).limits

    assert before.api_requests.remaining - 1 == after.api_requests.remaining
    assert not known.limits
    assert len(before.limits) > 1
    assert known.governor.permits == before.governor.permits


async def test_a_watch_goes_on_until_the_caller_leaves(orgs):
    """The first answer is there at once and the second after the interval."""
    stream = orgs.WatchLimits(WatchLimitsRequest(interval=Duration(seconds=1)))

    async with asyncio.timeout(20):
        answers = [await stream.read(), await stream.read()]
    stream.cancel()

    assert answers[0].limits.observe_time.ToMilliseconds() < answers[1].limits.observe_time.ToMilliseconds()
    assert {"emulator"} == {answer.limits.org for answer in answers}


@pytest.mark.parametrize(
    "interval", [Duration(), Duration(nanos=999_999_999), Duration(seconds=60, nanos=1), Duration(seconds=-1)]
)
async def test_an_interval_out_of_bounds_is_refused(orgs, interval):
    """The violation names the field and the bounds."""
    with pytest.raises(aio.AioRpcError) as raised:
        await orgs.WatchLimits(WatchLimitsRequest(interval=interval)).read()

    refusal = failure(raised.value)
    assert ("INVALID_REQUEST", ["interval"]) == (refusal.reason, [*refusal.violations])


async def test_a_watch_does_not_hold_up_the_end():
    """A service that stops ends those who watch before its time to drain is over."""
    async with App(free_ports()) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            stub: Any = OrgServiceStub(channel)
            stream = stub.WatchLimits(WatchLimitsRequest(interval=Duration(seconds=60)))
            await stream.read()
            closing = asyncio.ensure_future(app.__aexit__(None, None, None))

            with pytest.raises(aio.AioRpcError) as raised:
                await stream.read()
            await closing

    assert failure(raised.value).reason == "SHUTTING_DOWN"
