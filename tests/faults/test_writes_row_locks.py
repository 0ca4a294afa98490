"""Rows that other transactions have locked: they are tried again, alone and not for ever."""

import asyncio
from typing import Any

import pytest
from sluicegate.v1.record_service_pb2 import ApplyRecordsRequest, UpsertRecordRequest

from service.batching.policy import Policy
from service.orgs import config
from tests.support.record_messages import by_id, by_key, create, delete, key, text, update, upsert
from tests.support.stage import SAVED, Stage, StageFactory, result, told

ROWS = 1000
FIELDS = {"LastName": text("Curie"), "Company": text("Radium")}
UPSERTS = "PATCH composite/sobjects/{sobject}/{field}"
ONCE = {f"L-{number}": 1 for number in range(ROWS)}


def locks(*, in_trigger: bool) -> dict[str, Any]:
    """Return a rule that locks one row in ten: hardly ever one as often as rows are tried."""
    return {"effect": {"row_lock": {"sobject": "Lead", "in_trigger": in_trigger}}, "probability": 0.1}


async def upserted(stage: Stage) -> list[str]:
    """Write all rows at the same time, each by a caller of its own, and return what they hear."""
    requests = [
        UpsertRecordRequest(object="Lead", external_id=key(f"L-{number}"), fields=FIELDS) for number in range(ROWS)
    ]
    return await asyncio.gather(*(told(stage.records.UpsertRecord(request, timeout=60)) for request in requests))


@pytest.mark.parametrize("in_trigger", [False, True])
async def test_locked_rows_are_written_in_the_end(stage: StageFactory, in_trigger):
    """A thousand callers meet a lock in one row of ten, plain or in a trigger's words, and none of them notices."""
    async with stage() as running:
        await told(running.records.UpsertRecord(UpsertRecordRequest(object="Lead", external_id=key("first"))))
        await running.forget_calls()

        heard, (rule,) = await running.all_at_once(upserted(running), ROWS, locks(in_trigger=in_trigger))

        assert [SAVED] * ROWS == heard
        assert ONCE == running.writes()
        assert ROWS + rule.hits == rule.matched
        assert (await running.calls())[UPSERTS] < ROWS / 5


async def test_locked_rows_of_one_request_are_tried_again_in_few_calls(stage: StageFactory):
    """Rows that are tried again share calls, too."""
    async with stage() as running:
        running.script(locks(in_trigger=False))
        operations = [upsert("Lead", f"L-{number}", **FIELDS) for number in range(ROWS)]

        answer = await running.records.ApplyRecords(ApplyRecordsRequest(operations=operations), timeout=60)

        assert [SAVED] * ROWS == [result(each) for each in answer.results]
        assert ONCE == running.writes()
        assert (await running.calls())[UPSERTS] < ROWS / 25


async def test_every_kind_of_write_is_tried_again(stage: StageFactory):
    """Creations, updates and deletions, by id and by external id, each have their effect once."""
    async with stage() as running:
        org = running.org.org
        values = {"LastName": "Curie", "Company": "Radium"}
        ids = [org.create("Lead", {**values, "Ext__c": f"L-{n}"}, user_id=org.admin_id) for n in range(200)]
        org.writes.forget()
        running.script(locks(in_trigger=True))
        operations = [create("Lead", **FIELDS) for _ in range(50)]
        operations += [update(by_id("Lead", ids[number]), Title=text("Dr")) for number in range(50)]
        operations += [update(by_key("Lead", f"L-{number}"), Title=text("Dr")) for number in range(50, 100)]
        operations += [delete(by_id("Lead", ids[number])) for number in range(100, 150)]
        operations += [delete(by_key("Lead", f"L-{number}")) for number in range(150, 200)]

        answer = await running.records.ApplyRecords(ApplyRecordsRequest(operations=operations), timeout=60)

        assert [SAVED] * 250 == [result(each) for each in answer.results]
        assert {"inserted": 50, "updated": 100, "deleted": 100} == org.writes.totals()["Lead"]
        assert not any(each.saved.already_deleted for each in answer.results)


async def test_without_another_attempt_one_caller_in_ten_fails(stage: StageFactory, monkeypatch):
    """Every lock reaches a caller where rows are tried once."""
    monkeypatch.setattr(config, "policy_of", lambda _settings: Policy(attempts=1))
    async with stage() as running:
        (rule,) = running.script(locks(in_trigger=False))

        heard = await upserted(running)

        assert rule.hits == heard.count("ROW_LOCKED")
        assert 50 < rule.hits < 150
        assert ROWS - rule.hits == heard.count(SAVED) == len(running.writes())
