"""More writes than an org takes: what is above the bounds is refused at once, and what is within them is written."""

import asyncio

import pytest
from grpc import aio
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, UpsertRecordRequest

from service.settings import WriteSettings
from tests.support.record_messages import key, refused, text, upsert
from tests.support.rich_status import Failure, failure
from tests.support.stage import SAVED, Stage, StageFactory, told, until

CALLERS = 300
FIELDS = {"LastName": text("Curie"), "Company": text("Radium")}


def request(number: int, size: int = 1) -> UpsertRecordRequest:
    """Return an upsert of about so many bytes."""
    fields = {**FIELDS, "Description": text("x" * size)}
    return UpsertRecordRequest(object="Lead", external_id=key(f"L-{number}"), fields=fields)


async def heard(call: "aio.UnaryUnaryCall[UpsertRecordRequest, object]") -> Failure | None:
    """Return how a call failed; None if it did not."""
    try:
        await call
    except aio.AioRpcError as error:
        return failure(error)
    return None


async def stop(stage: Stage) -> None:
    """Let the org take every call and answer none, from a description on that is known."""
    await told(stage.records.UpsertRecord(request(0)))
    stage.hold("/composite")


async def fill(stage: Stage, size: int = 1) -> "list[asyncio.Task[Failure | None]]":
    """Send writes of as many callers, and return them when each is refused or waits."""
    calls = [
        asyncio.create_task(heard(stage.records.UpsertRecord(request(n, size), timeout=60))) for n in range(CALLERS)
    ]
    await until(lambda: sum(call.done() for call in calls) + stage.coalescer.statistics().held_records == CALLERS)
    return calls


@pytest.mark.parametrize(
    ("bounds", "size"),
    [(WriteSettings(max_waiting_records=50), 1), (WriteSettings(max_waiting_bytes=1_048_576), 20_000)],
)
async def test_what_is_above_the_bounds_is_refused_at_once(stage: StageFactory, bounds, size):
    """Each refusal says when to come back; the rest is written as if nothing were, and so are later calls."""
    async with stage(writes=bounds) as running:
        await stop(running)
        calls = await fill(running, size)
        held = running.coalescer.statistics()
        too_many = ApplyRecordsRequest(
            operations=[upsert("Lead", f"M-{n}", **request(0, size).fields) for n in range(2)]
        )
        failures = [await refused(running.records.ApplyRecords(too_many))]
        running.go_on()

        outcomes = await asyncio.gather(*calls)
        later = await asyncio.gather(
            *(told(running.records.UpsertRecord(request(n))) for n in range(held.held_records))
        )

        failures += [each for each in outcomes if each is not None]
        assert 0 < held.held_records <= bounds.max_waiting_records
        assert 0 < held.held_bytes <= bounds.max_waiting_bytes
        assert CALLERS + 1 == held.held_records + len(failures)
        assert {("RESOURCE_EXHAUSTED", "QUEUE_FULL", 1.0)} == {
            (each.code, each.reason, each.retry_after_seconds) for each in failures
        }
        assert {str(bounds.max_waiting_records)} == {each.metadata["maximum"] for each in failures}
        assert held.held_records <= len(running.writes())
        assert [SAVED] * held.held_records == later


async def test_without_bounds_an_org_that_does_not_answer_gathers_everything(stage: StageFactory):
    """Whatever callers send is held until the org answers: what bounds are for."""
    async with stage() as running:
        await stop(running)

        await fill(running, 20_000)

        found = running.coalescer.statistics()
        assert CALLERS == found.held_records
        assert 20_000 * CALLERS < found.held_bytes
