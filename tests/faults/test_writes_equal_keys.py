"""Bursts of writes of the same records: the value that was sent last is the one that stands."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from sluicegate.v1.record_operation_pb2 import RecordOperation
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, UpsertRecordRequest

from service.batching.coalescer import Coalescer, Prepared
from service.context import CallContext
from service.orgs import records
from service.orgs.descriptions import Descriptions
from service.orgs.records import OrgRecords
from service.salesforce.calls.writes import Write
from tests.support.record_messages import text, upsert
from tests.support.stage import SAVED, Stage, StageFactory, result, told, until

KEYS, WRITES = 50, 20
LAST = {f"{number}: {WRITES}" for number in range(KEYS)}


def burst() -> list[RecordOperation]:
    """Return writes of all records in turn, again and again, with external ids in capitals or not."""
    chance = Random(5)
    operations = []
    for write in range(1, WRITES + 1):
        for number in range(KEYS):
            spelled = chance.choice([f"key-{number}", f"KEY-{number}", f"Key-{number}"])
            fields = {"LastName": text(f"{number}: {write}"), "Company": text("Radium")}
            operations.append(upsert("Lead", spelled, **fields))
    return operations


async def upserted(stage: Stage, operations: Sequence[RecordOperation]) -> list[str]:
    """Send every write by a caller of its own, in their order, and return what they hear."""
    rows = [operation.upsert for operation in operations]
    requests = [UpsertRecordRequest(object=r.object, external_id=r.external_id, fields=r.fields) for r in rows]
    return await asyncio.gather(*(told(stage.records.UpsertRecord(request, timeout=60)) for request in requests))


async def connect(stage: Stage) -> None:
    """Open the channel: calls that wait for it would arrive in any order."""
    await OrgServiceStub(stage.channel).GetLimits(GetLimitsRequest())


def last_names(stage: Stage) -> set[str]:
    """Return what stands in the records."""
    return {str(row["LastName"]) for row in stage.org.org.query("SELECT LastName FROM Lead").rows}


async def test_the_last_write_of_a_key_stands(stage: StageFactory):
    """All callers succeed, each record is written as often as it was sent, and ends with the value sent last."""
    async with stage() as running:
        await connect(running)

        heard = await upserted(running, burst())

        assert [SAVED] * KEYS * WRITES == heard
        assert {WRITES} == {*running.writes().values()}
        assert LAST == last_names(running)


async def test_writes_of_a_key_within_one_request_keep_their_order(stage: StageFactory):
    """The same of operations of one caller."""
    async with stage() as running:
        answer = await running.records.ApplyRecords(ApplyRecordsRequest(operations=burst()), timeout=60)

        assert [SAVED] * KEYS * WRITES == [result(each) for each in answer.results]
        assert {WRITES} == {*running.writes().values()}
        assert LAST == last_names(running)


async def test_equal_keys_in_one_call_fail_each_other(stage: StageFactory, monkeypatch):
    """Where they are not kept apart, Salesforce refuses both, and which value stands is a matter of chance."""
    prepare = records._prepared

    def without_key(*args: Any, **how: Any) -> Any:
        return replace(prepare(*args, **how), key="", locks=())

    monkeypatch.setattr(records, "_prepared", without_key)
    async with stage() as running:
        answer = await running.records.ApplyRecords(ApplyRecordsRequest(operations=burst()), timeout=60)

        heard = [result(each) for each in answer.results]
        assert KEYS * WRITES / 2 < heard.count("DUPLICATE_VALUE")
        assert LAST != last_names(running)


async def in_order(cache: Descriptions, sobject: str, context: CallContext) -> Any:
    """Get a description as the cache does."""
    return await GET(cache, sobject, context)


async def overtaking(cache: Descriptions, sobject: str, context: CallContext) -> Any:
    """Get a description as soon as it is known, whoever still waits for it."""
    known = cache._known.get(sobject.lower())
    return known if known is not None else await cache._fetch(sobject, context)


GET = Descriptions._get


@pytest.mark.parametrize(("get", "keeps_order"), [(in_order, True), (overtaking, False)])
async def test_writes_that_wait_for_a_description_keep_their_order(stage, monkeypatch, get, keeps_order):
    """Writes that come as the description does are not gathered before those that waited for it."""
    arrived: list[Write] = []
    gathered: list[Write] = []
    write, gather = OrgRecords.write, Coalescer.write

    def arriving(org: OrgRecords, wanted: Write, *args: Any, **how: Any) -> Any:
        arrived.append(wanted)
        return write(org, wanted, *args, **how)

    def gathering(coalescer: Coalescer, prepared: Prepared, *args: Any) -> Any:
        gathered.append(prepared.row.write)
        return gather(coalescer, prepared, *args)

    monkeypatch.setattr(OrgRecords, "write", arriving)
    monkeypatch.setattr(Coalescer, "write", gathering)
    monkeypatch.setattr(Descriptions, "_get", get)
    async with stage() as running:
        await connect(running)
        running.hold("/describe")
        calls = asyncio.ensure_future(upserted(running, burst()))
        await until(lambda: len(arrived) > KEYS * WRITES / 2)
        running.go_on()

        heard = await calls

        assert [SAVED] * KEYS * WRITES == heard
        assert keeps_order == (arrived == gathered)
