"""An org that answers nothing but outages is left alone, and whoever asks for its limits hears so."""

import asyncio

from sluicegate.v1.governor_pb2 import Governor
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from tests.support.record_messages import key, text
from tests.support.stage import SAVED, Stage, StageFactory, told

OUTAGE = {"effect": {"page": 503}}


async def governor(running: Stage) -> Governor:
    """Return what the service knows of the org."""
    return (await OrgServiceStub(running.channel).GetLimits(GetLimitsRequest(known_only=True))).limits.governor


async def upsert(running: Stage, number: int) -> str:
    """Write a record and return what became of it."""
    fields = {"LastName": text("Curie"), "Company": text("Radium")}
    return await told(
        running.records.UpsertRecord(UpsertRecordRequest(object="Lead", external_id=key(f"L-{number}"), fields=fields))
    )


async def test_limits_tell_that_the_org_is_out_of_order(stage: StageFactory):
    """From when it is left alone until it has answered a probe; the host of logins is another."""
    async with stage() as running:
        assert SAVED == await upsert(running, 0)
        well = await governor(running)
        running.script(OUTAGE)
        for number in range(10):
            await upsert(running, number)
        out_of_order = await governor(running)
        running.go_on()
        heard = ""
        while heard != SAVED:
            await asyncio.sleep(0.05)
            heard = await upsert(running, 0)
        well_again = await governor(running)

    assert [False, True, False] == [each.HasField("out_of_order_for") for each in (well, out_of_order, well_again)]
    assert not out_of_order.HasField("login_out_of_order_for")
