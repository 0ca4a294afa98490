"""Rows of small loads travel like everyone's writes, with a job's options; a row's failure is told from the org's."""

from typing import Any

import pytest
from msgspec.structs import replace

from service.batching.coalescer import Prepared
from service.bulk.request import LoadRequest, Operation
from service.bulk.results.outcomes import RowOutcome
from service.bulk.ways.row_calls import NeedsJob, Tried
from service.context import CallContext
from service.errors import (
    AllocationExceeded,
    ConcurrencyLimitExceeded,
    DailyLimitExceeded,
    InternalError,
    InvalidFieldValue,
    OrgAuthenticationFailed,
    OutcomeUnknown,
    RecordNotFound,
    RowLocked,
    SluicegateError,
    UpstreamUnavailable,
    ValidationRuleFailed,
)
from service.orgs.descriptions import Descriptions
from service.orgs.load_prices import LoadPrices
from service.orgs.row_calls import OrgRowCalls
from service.salesforce.calls.writes import Saved
from service.salesforce.client import SalesforceClient
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call

UPSERT = LoadRequest("Lead", Operation.UPSERT, "Ext__c")
LEAD: dict[str, Any] = {
    "name": "Lead",
    "keyPrefix": "00Q",
    "fields": [
        {"name": "Id", "type": "id"},
        {"name": "LastName", "type": "string", "length": 10},
        {"name": "Ext__c", "type": "string", "length": 255, "externalId": True, "unique": True},
        {"name": "Amount__c", "type": "double", "precision": 4, "scale": 2},
    ],
}
ROWS = [["E-1", "Curie", "1.50"], ["E-2", "", "#N/A"]]


class Sent:
    """Stands for the lanes: notes what would be sent, and answers what it is told.

    Args:
        outcomes: For each row; empty for all of them saved.
        clock: Time passes on it while calls are open.

    """

    def __init__(self, clock: FakeClock, *outcomes: Saved | SluicegateError) -> None:
        self.clock = clock
        self.outcomes = outcomes
        self.prepared: list[Prepared] = []
        self.contexts: list[CallContext] = []

    async def write_all(self, prepared: list[Prepared], context: CallContext) -> list[Saved | SluicegateError]:
        """Note and answer."""
        self.prepared.extend(prepared)
        self.contexts.append(context)
        self.clock.advance(3.0)
        return [*self.outcomes] or [Saved("00Q000000000001AAA", created=True) for _ in prepared]


class Stage:
    """An org of leads.

    Args:
        outcomes: What becomes of rows.

    """

    def __init__(self, *outcomes: Saved | SluicegateError) -> None:
        self.clock = FakeClock()
        self.sent = Sent(self.clock, *outcomes)
        self.context = replace(call(self.clock), deadline=self.clock.monotonic() + 1)
        self.prices = LoadPrices()
        described = Descriptions(SalesforceClient(ScriptedTransport(answer(200, LEAD)), org="prod", api_version="66.0"))
        sent: Any = self.sent
        self.calls = OrgRowCalls(sent, described, self.prices, self.context)

    async def typed(self, request: LoadRequest = UPSERT, rows: list[list[str]] = ROWS) -> Any:
        """Return rows as values, or why they are for a job."""
        columns = ["Ext__c", "LastName", "Amount__c"] if request is UPSERT else ["Id"]
        return await self.calls.typed(request, columns, rows)


async def test_rows_travel_by_key_without_assignment():
    """Decimals keep their digits, an empty cell is absent, and no assignment rule runs, as in a job."""
    stage = Stage()
    typed = await stage.typed()

    found = await typed.write([1, 0], is_begun=False)

    assert [Tried(RowOutcome.CREATED, "00Q000000000001AAA")] * 2 == found
    writes = [prepared.row.write for prepared in stage.sent.prepared]
    assert ["E-2", "E-1"] == [write.key.value for write in writes if write.key is not None]
    assert [{"Amount__c": None}, {"LastName": "Curie", "Amount__c": "1.50"}] == [
        {name: value if value is None else str(value) for name, value in write.values.items()} for write in writes
    ]
    assert {"Sforce-Auto-Assign": "FALSE"} == stage.sent.prepared[0].route.options.headers()
    assert ("lead", "ext__c") == (stage.sent.prepared[0].route.sobject, stage.sent.prepared[0].route.field)


async def test_what_is_committed_knows_no_deadline():
    """The first call is refused like any write; what follows finishes what is begun."""
    stage = Stage()
    typed = await stage.typed()

    await typed.write([0], is_begun=False)
    await typed.write([1], is_begun=True)

    assert [(None, False), (None, True)] == [(context.deadline, context.begun) for context in stage.sent.contexts]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["E-1", "C", "1"], ["E-2", "C", "one"]], "row 2 is for a job to judge: Amount__c is written in a form"),
        ([["E-1", "C" * 11, "1"]], "row 1 is for a job to judge: Salesforce would refuse it"),
        ([["E-1", "C", "100"]], "Salesforce would refuse it"),
        ([["E-1", "C", "1"], ["e-1 ", "D", "1"]], "several rows have one key"),
        ([["", "C", "1"]], "Ext__c is blank"),
    ],
)
async def test_what_may_differ_from_a_job_is_for_one(rows, reason):
    """Also what would be refused here, whose reason would not be Salesforce's own."""
    found = await Stage().typed(rows=rows)

    assert isinstance(found, NeedsJob)
    assert reason in found.reason


@pytest.mark.parametrize("record_id", ["x", "00Q000000000001", "00Q000000000001AAB", "001000000000001EAA"])
async def test_only_ids_of_the_object_are_sent(record_id):
    """A deletion in a call for several would delete any record; ids of 15 characters are made longer."""
    stage = Stage(Saved("00Q000000000001AAA"))

    found = await stage.typed(LoadRequest("Lead", Operation.DELETE), [[record_id]])

    assert (record_id == "00Q000000000001") is not isinstance(found, NeedsJob)
    if not isinstance(found, NeedsJob):
        assert [Tried(RowOutcome.DELETED, "00Q000000000001AAA")] == await found.write([0], is_begun=False)
        assert "00Q000000000001EAA" == stage.sent.prepared[0].row.write.record_id


@pytest.mark.parametrize(
    "error",
    [
        InvalidFieldValue("no", metadata={"salesforce_error_code": "INVALID", "fields": "A,B"}),
        RecordNotFound("gone"),
        RowLocked("held"),
        ValidationRuleFailed("rule"),
        AllocationExceeded("storage"),
    ],
)
async def test_what_fails_on_a_row_is_its_outcome(error):
    """It carries the error itself, whose reason and facts the caller is told."""
    typed = await Stage(error, Saved("00Q000000000001AAA")).typed()

    failed, saved = await typed.write([0, 1], is_begun=False)

    assert (RowOutcome.FAILED, error) == (failed.outcome, failed.error.cause)
    assert Tried(RowOutcome.UPDATED, "00Q000000000001AAA") == saved


@pytest.mark.parametrize(
    "error",
    [
        UpstreamUnavailable("away"),
        ConcurrencyLimitExceeded("busy"),
        OutcomeUnknown("lost"),
        DailyLimitExceeded("used up"),
        OrgAuthenticationFailed("refused"),
        InternalError("bug"),
    ],
)
async def test_what_says_nothing_of_a_row_stays_an_error(error):
    """The row may be written again."""
    typed = await Stage(error).typed(rows=ROWS[:1])

    assert [error] == await typed.write([0], is_begun=False)


async def test_full_calls_are_measured():
    """A call for a few rows tells nothing of one for two hundred."""
    stage = Stage()
    stage.prices.note_job(2, 5.0, stage.clock)
    typed = await stage.typed(rows=[[f"E-{number}", "C", "1"] for number in range(400)])

    await typed.write([0], is_begun=False)
    before = stage.calls.prices().job_seconds
    await typed.write(range(400), is_begun=True)

    assert 15.0 == before
    assert (1.5, 5.0, 2) == (
        stage.calls.prices().call_seconds,
        stage.calls.prices().job_seconds,
        stage.calls.prices().polls,
    )


async def test_a_key_that_is_not_unique_is_for_a_job():
    """Rows that are written again while a call of a replica that died still runs would be created twice."""
    stage = Stage()
    key = {"name": "Key__c", "type": "string", "length": 255, "externalId": True}
    described = {**LEAD, "fields": [*LEAD["fields"], {**key, "unique": False}]}
    client = SalesforceClient(ScriptedTransport(answer(200, described)), org="prod", api_version="66.0")
    sent: Any = stage.sent
    calls = OrgRowCalls(sent, Descriptions(client), stage.prices, stage.context)

    found = await calls.typed(LoadRequest("Lead", Operation.UPSERT, "key__C"), ["Key__c"], [["E-1"]])

    assert isinstance(found, NeedsJob)
    assert "key__C is not unique" in found.reason
