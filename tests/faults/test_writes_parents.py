"""Children of one parent from many callers: their transactions would lock the parent against each other."""

import asyncio
from typing import Any

from sluicegate.v1.field_value_pb2 import FieldValue
from sluicegate.v1.record_service_pb2 import UpsertRecordRequest

from service.batching.locks import Locks
from service.batching.policy import Policy
from service.orgs import config
from tests.support.record_messages import key, parent, text
from tests.support.stage import SAVED, Stage, StageFactory, told

CALLERS = 500
PARENT_LOCKS = {"effect": {"parent_locks": {"hold": 0.02}}}


def child(number: int, account: dict[str, FieldValue]) -> UpsertRecordRequest:
    """Return an upsert of a contact, an opportunity or a case under an account."""
    sobject, fields = (
        ("Contact", {"LastName": text("Curie")}),
        ("Opportunity", {"Name": text("Radium"), "StageName": text("Prospecting"), "CloseDate": text("2027-01-01")}),
        ("Case", {"Subject": text("Radium")}),
    )[number % 3]
    return UpsertRecordRequest(object=sobject, external_id=key(f"C-{number}"), fields={**fields, **account})


async def upserted(stage: Stage, *accounts: dict[str, FieldValue]) -> list[str]:
    """Write children, each by a caller of its own, and return what they hear."""
    requests = [child(number, accounts[number % len(accounts)]) for number in range(CALLERS)]
    return await asyncio.gather(*(told(stage.records.UpsertRecord(request, timeout=60)) for request in requests))


def acme(stage: Stage) -> str:
    """Make the account."""
    org = stage.org.org
    return org.create("Account", {"Name": "Acme", "Ext__c": "A-1"}, user_id=org.admin_id)


BY_KEY = {"Account": parent("A-1")}


async def test_children_of_one_parent_never_meet(stage: StageFactory):
    """No two calls under the parent are in flight at a time, of whatever sObjects their records are."""
    async with stage() as running:
        acme(running)
        (rule,) = running.script(PARENT_LOCKS)

        heard = await upserted(running, BY_KEY)

        assert [SAVED] * CALLERS == heard
        assert (0, 0) == (rule.matched, running.coalescer.statistics().retried)


async def test_a_parent_that_is_named_in_two_ways_is_met_and_waited_for(stage: StageFactory):
    """An id and an external id may be one record's: what they meet is tried again, and nobody notices."""
    async with stage() as running:
        by_id = {"AccountId": text(acme(running))}
        for number in range(3):
            await running.records.UpsertRecord(child(number, BY_KEY))

        # All have come before the first is written: few calls meet, so that none meets others all the time.
        heard, _ = await running.all_at_once(upserted(running, BY_KEY, by_id), CALLERS, PARENT_LOCKS)

        assert [SAVED] * CALLERS == heard


async def test_without_locks_children_fail_each_other(stage: StageFactory, monkeypatch):
    """Where calls do not wait for each other and nothing is tried again, callers hear of locks."""

    def take(_locks: Locks, *_args: Any) -> bool:
        return True

    monkeypatch.setattr(Locks, "take", take)
    monkeypatch.setattr(config, "policy_of", lambda _settings: Policy(attempts=1))
    async with stage() as running:
        acme(running)
        for number in range(3):
            await running.records.UpsertRecord(child(number, BY_KEY))

        heard, _ = await running.all_at_once(
            upserted(running, BY_KEY), CALLERS, {"effect": {"parent_locks": {"hold": 0.2}}}
        )

        assert {SAVED, "ROW_LOCKED"} == {*heard}
