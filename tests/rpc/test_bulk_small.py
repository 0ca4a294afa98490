"""Loads of few rows, over a real channel: written by calls, with the same outcome as a job's."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pytest
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub
from sluicegate.v1.org_service_pb2 import GetLimitsRequest
from sluicegate.v1.org_service_pb2_grpc import OrgServiceStub
from structlog.testing import capture_logs

from service.salesforce.ids import to_18
from tests.support.rich_status import failure

COLLECTIONS, JOB = nouns.BULK_WAY_COLLECTIONS, nouns.BULK_WAY_JOB


@dataclass
class Loaded:
    """What a load told."""

    finished: pb.BulkLoadFinished
    rows: dict[int, nouns.BulkRowResult] = field(default_factory=dict)

    @property
    def part(self) -> nouns.BulkLoadPart:
        """Its only part."""
        (part,) = self.finished.load.parts
        return part

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Rows created, updated, deleted and failed."""
        told = self.finished
        return told.rows_created, told.rows_updated, told.rows_deleted, told.rows_failed

    @property
    def outcomes(self) -> dict[int, tuple[object, ...]]:
        """What became of each row, as far as it does not depend on the record's id."""
        return {
            number: (row.outcome, bool(row.record_id), row.error.reason, row.error.message, list(row.error.fields))
            for number, row in sorted(self.rows.items())
        }


def header(operation: nouns.BulkOperation.ValueType, sobject: str = "Lead", **overrides: object) -> pb.BulkLoadHeader:
    """Return the header of a load that wants every result."""
    key = "Ext__c" if operation == nouns.BULK_OPERATION_UPSERT else ""
    values = {"object": sobject, "operation": operation, "external_id_field": key, "results": pb.BULK_RESULTS_ALL}
    return pb.BulkLoadHeader(**{**values, **overrides})  # type: ignore[arg-type]


UPSERT, UPDATE, DELETE = (
    header(operation)
    for operation in (nouns.BULK_OPERATION_UPSERT, nouns.BULK_OPERATION_UPDATE, nouns.BULK_OPERATION_DELETE)
)


def kept(head: pb.BulkLoadHeader) -> pb.BulkLoadHeader:
    """Return the header of a load that is a job."""
    copy = pb.BulkLoadHeader()
    copy.CopyFrom(head)
    copy.keep_results = True
    return copy


async def load(channel: aio.Channel, head: pb.BulkLoadHeader, data: str, *, caller: str = "tests") -> Loaded:
    """Run a load that its end commits."""

    async def messages() -> AsyncIterator[pb.BulkLoadRequest]:
        yield pb.BulkLoadRequest(header=head)
        yield pb.BulkLoadRequest(data=data.encode())

    call = BulkServiceStub(channel).BulkLoad(messages(), metadata=[("sluicegate-caller", caller)])
    responses = [response async for response in call]
    rows = {row.row: row for response in responses for row in response.results.rows}
    return Loaded(responses[-1].finished, rows)


def table(columns: str, rows: Iterable[str]) -> str:
    """Return CSV."""
    return "\n".join([columns, *rows, ""])


OPPORTUNITIES = "Ext__c,Name,StageName,CloseDate,Amount,Probability,IsPrivate,Description,Account.Ext__c"
FORMS = [
    "{key}-1,One,Prospecting,2026-03-01,1234.50,10,true,plain,{account}",
    "{key}-2,Two,Prospecting,2026-03-01,0,0,FALSE,,",
    "{key}-3,Three,Prospecting,2026-03-01,-12,12.5,false,#N/A,{account}",
    '{key}-4,"Four, ""quoted""",Prospecting,2026-03-01,,,,"two\nlines",',
    "{key}-5,Ünal 😀,Prospecting,2026-03-01,#N/A,#N/A,,<b>,",
    "{key}-6,,Prospecting,2026-03-01,1,,,,",
    "{key}-7,Seven,Prospecting,2026-03-01,1,,,,nobody",
    "{key}-8,Eight,Prospecting,,1,,,,{account}",
]
SELECT = (
    "SELECT Name, StageName, CloseDate, Amount, Probability, IsPrivate, Description, Account.Ext__c FROM Opportunity "
    "WHERE Ext__c LIKE '{}-%' ORDER BY Ext__c"
)


async def test_either_way_writes_and_tells_the_same(channel, org, unique):
    """The same cells make the same records, counts, and reasons of failures."""
    account, ways = unique("A"), {}
    await load(channel, header(nouns.BULK_OPERATION_UPSERT, "Account"), f"Ext__c,Name\n{account},Radium\n")
    head = header(nouns.BULK_OPERATION_UPSERT, "Opportunity")

    for way, each in ((COLLECTIONS, head), (JOB, kept(head))):
        key = unique(f"W{way}")
        rows = [row.format(key=key, account=account) for row in FORMS]
        ways[way] = (key, await load(channel, each, table(OPPORTUNITIES, rows)))

    (key, calls), (other, job) = ways[COLLECTIONS], ways[JOB]
    assert (COLLECTIONS, JOB) == (calls.part.way, job.part.way), calls.part.way_reason
    assert (5, 0, 0, 3) == calls.counts == job.counts
    assert job.outcomes == calls.outcomes
    records = [[dict(row, attributes=None) for row in org.query(SELECT.format(each)).rows] for each in (key, other)]
    assert 5 == len(records[0])
    assert records[0] == records[1]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("One,Prospecting,01.03.2026,1,,,", "CloseDate is written in a form"),
        ("One,Prospecting,2026-02-30,1,,,", "CloseDate is written in a form"),
        ('One,Prospecting,2026-03-01,"1,000",,,', "Amount is written in a form"),
        ("One,Prospecting,2026-03-01,1,10%,,", "Probability is written in a form"),
        ("One,Prospecting,2026-03-01,1,1e1,,", "Probability is written in a form"),
        ("One,Prospecting,2026-03-01,1,,1,", "IsPrivate is written in a form"),
        ("One,Prospecting,2026-03-01,1,,#N/A,", "IsPrivate is blank, or #N/A"),
        ("One,Prospecting,2026-03-01,1,,,  ", "Description is blank"),
        ("#N/A,Prospecting,2026-03-01,1,,,x", "Salesforce would refuse it"),
    ],
)
async def test_a_cell_that_may_mean_something_else_is_for_a_job(channel, unique, cells, reason):
    """JSON has fewer forms of a value than a job reads, and a job is what the caller asked for."""
    head = header(nouns.BULK_OPERATION_UPSERT, "Opportunity")
    columns = "Ext__c,Name,StageName,CloseDate,Amount,Probability,IsPrivate,Description"

    loaded = await load(channel, head, table(columns, [f"{unique('U')},{cells}"]))

    assert JOB == loaded.part.way
    assert reason in loaded.part.way_reason
    assert 1 == len(loaded.part.job_ids)


async def test_equal_keys_are_for_a_job(channel, unique):
    """A job refuses both rows; calls would write one after the other."""
    key = unique("E")

    loaded = await load(channel, UPSERT, table("Ext__c,LastName,Company", [f"{key},A,R", f"{key.lower()},B,R"]))

    assert (0, 0, 0, 2) == loaded.counts
    assert "one key" in loaded.part.way_reason


async def test_rows_are_updated_and_deleted_by_id(channel, org, unique):
    """A row of another object, or of nobody, fails alone."""
    key = unique("D")
    made = await load(channel, UPSERT, table("Ext__c,LastName,Company", [f"{key}-{n},N{n},R" for n in range(3)]))
    ids = [made.rows[number].record_id for number in (1, 2, 3)]
    gone = to_18("00Q000000000999")

    updated = await load(channel, UPDATE, table("Id,Title", [f"{ids[0]},Dr.", f"{ids[1][:15]},#N/A", f"{gone},x"]))
    deleted = await load(channel, DELETE, table("Id", [*ids, gone]))
    again = await load(channel, DELETE, table("Id", ids[:1]))

    assert [COLLECTIONS] * 3 == [loaded.part.way for loaded in (updated, deleted, again)]
    assert (0, 2, 0, 1) == updated.counts
    assert (0, 0, 3, 1) == deleted.counts
    assert nouns.BULK_ROW_OUTCOME_FAILED == deleted.rows[4].outcome
    assert (0, 0, 1, 0) == again.counts
    assert 0 == org.query(f"SELECT COUNT() FROM Lead WHERE Ext__c LIKE '{key}-%'").total_size


async def test_locked_rows_are_tried_again(channel, disturbances, unique):
    """A lock that another transaction gives up costs nobody a row."""
    disturbances.lock_rows(2)

    loaded = await load(channel, UPSERT, table("Ext__c,LastName,Company", [f"{unique('L')}-{n},N,R" for n in range(5)]))

    assert COLLECTIONS == loaded.part.way
    assert (5, 0, 0, 0) == loaded.counts


async def test_a_load_without_a_job_says_what_cannot_be_asked(channel, unique):
    """GetBulkLoad and WatchBulkLoad tell what its token says; nobody lists results that nobody kept."""
    loads = BulkServiceStub(channel)
    loaded = await load(channel, UPSERT, table("Ext__c,LastName,Company", [f"{unique('T')},N,R"]))
    token = loaded.finished.load.resume_token

    found = (await loads.GetBulkLoad(pb.GetBulkLoadRequest(resume_token=token))).load
    watched = [each.load async for each in loads.WatchBulkLoad(pb.WatchBulkLoadRequest(resume_token=token))]
    cancelled = (await loads.CancelBulkLoad(pb.CancelBulkLoadRequest(resume_token=token))).load
    with pytest.raises(aio.AioRpcError) as raised:
        [each async for each in loads.ListBulkLoadResults(pb.ListBulkLoadResultsRequest(resume_token=token))]

    assert [found] == watched
    assert nouns.BULK_LOAD_STATE_COMPLETE == found.state == cancelled.state
    assert (COLLECTIONS, 1, "") == (found.parts[0].way, found.parts[0].counts.rows_created, found.job_id)
    refused = failure(raised.value)
    assert ("FAILED_PRECONDITION", "LOAD_WITHOUT_JOB") == (raised.value.code().name, refused.reason)
    assert "keep_results" in (raised.value.details() or "")


async def test_a_load_that_may_become_a_job_cannot_be_aborted_before(channel, unique):
    """Its first token names none, whatever it becomes; nobody is told that it was aborted."""
    call = BulkServiceStub(channel).BulkLoad()
    await call.write(pb.BulkLoadRequest(header=UPSERT))
    rows = [f"{unique('M')}-{number},N,{'R' * 200}" for number in range(1_900)]
    await call.write(pb.BulkLoadRequest(data=table("Ext__c,LastName,Company", rows).encode()))
    accepted = await call.read()

    with pytest.raises(aio.AioRpcError) as raised:
        await BulkServiceStub(channel).CancelBulkLoad(pb.CancelBulkLoadRequest(resume_token=accepted.resume_token))
    with pytest.raises(aio.AioRpcError) as untold:
        await BulkServiceStub(channel).GetBulkLoad(pb.GetBulkLoadRequest(resume_token=accepted.resume_token))
    call.cancel()

    assert "LOAD_WITHOUT_JOB" == failure(untold.value).reason
    assert ("LOAD_WITHOUT_JOB", "") == (failure(raised.value).reason, accepted.accepted.load.job_id)
    assert nouns.BULK_LOAD_STATE_OPEN == accepted.accepted.load.state


async def test_lines_of_json_are_cells_too(channel, org, unique):
    """Null clears a field, an absent key leaves it alone, and numbers and checkboxes stay what they are."""
    key = unique("J")
    head = header(nouns.BULK_OPERATION_UPSERT, "Opportunity", format=pb.BULK_FORMAT_JSON_LINES)
    first = (
        f'{{"Ext__c": "{key}", "Name": "One", "StageName": "Prospecting", "CloseDate": "2026-03-01", "Amount": 12.5}}\n'
    )
    second = f'{{"Ext__c": "{key}", "Amount": null, "IsPrivate": true}}\n'

    loaded = [await load(channel, head, each) for each in (first, second)]

    assert [COLLECTIONS] * 2 == [each.part.way for each in loaded], loaded[0].part.way_reason
    assert [(1, 0, 0, 0), (0, 1, 0, 0)] == [each.counts for each in loaded]
    [row] = org.query(f"SELECT Name, Amount, IsPrivate FROM Opportunity WHERE Ext__c = '{key}'").rows
    assert ("One", None, True) == (row["Name"], row["Amount"], row["IsPrivate"])


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28"])
async def test_bytes_that_are_no_text_are_refused(channel, bad):
    """As they are on their way to a job."""
    call = BulkServiceStub(channel).BulkLoad()
    await call.write(pb.BulkLoadRequest(header=UPSERT))
    await call.write(pb.BulkLoadRequest(data=b"Ext__c,LastName,Company\nK,N" + bad + b",R\n"))
    await call.done_writing()

    with pytest.raises(aio.AioRpcError) as raised:
        await call.read()

    assert "INVALID_DATA" == failure(raised.value).reason


async def by_part(channel: aio.Channel) -> pb.BulkLoadResponse:
    """Begin a load by part, and leave it when something is prepared or it has ended."""
    head = header(nouns.BULK_OPERATION_UPSERT, commit=pb.BULK_COMMIT_BY_PART)
    call = BulkServiceStub(channel).BulkLoad()
    await call.write(pb.BulkLoadRequest(header=head))
    await call.write(pb.BulkLoadRequest(data=b"Ext__c,LastName,Company\nleft,N,R\n"))
    await call.write(pb.BulkLoadRequest(end=pb.BulkLoadEnd()))
    try:
        async for response in call:
            if response.WhichOneof("event") in {"prepared", "finished"}:
                return response
    finally:
        call.cancel()
    raise AssertionError("it ended")


async def test_what_is_prepared_without_a_job_cannot_be_aborted(channel, org):
    """It is not written until it is committed, and nobody is told that it was aborted."""
    prepared = await by_part(channel)

    with pytest.raises(aio.AioRpcError) as raised:
        await BulkServiceStub(channel).CancelBulkLoad(pb.CancelBulkLoadRequest(resume_token=prepared.resume_token))

    assert "LOAD_WITHOUT_JOB" == failure(raised.value).reason
    assert COLLECTIONS == prepared.prepared.part.way
    assert 0 == org.query("SELECT COUNT() FROM Lead WHERE Ext__c = 'left'").total_size


async def test_results_that_nobody_kept_are_not_repeated(channel, unique):
    """A load that is gone on with to have them told again hears why not."""
    head = header(nouns.BULK_OPERATION_UPSERT, commit=pb.BULK_COMMIT_BY_PART)
    call = BulkServiceStub(channel).BulkLoad()
    await call.write(pb.BulkLoadRequest(header=head))
    await call.write(pb.BulkLoadRequest(data=f"Ext__c,LastName,Company\n{unique('R')},N,R\n".encode()))
    await call.write(pb.BulkLoadRequest(end=pb.BulkLoadEnd()))
    token = ""
    async for response in call:
        token = response.resume_token
        if response.HasField("prepared"):
            await call.write(pb.BulkLoadRequest(commit=pb.BulkLoadCommit(part=1, resume_token=token)))
            await call.done_writing()

    head.MergeFrom(pb.BulkLoadHeader(resume_token=token, repeat_results=True))
    again = BulkServiceStub(channel).BulkLoad()
    # Nothing more is said: what is written to a call that has been refused hides why it was.
    await again.write(pb.BulkLoadRequest(header=head))
    with pytest.raises(aio.AioRpcError) as raised:
        await again.read()

    assert "LOAD_WITHOUT_JOB" == failure(raised.value).reason


async def test_a_thousand_rows_cost_five_calls(channel, unique):
    """The same rows as a job cost more, and most of them are questions whether it is over."""
    key = unique("K")
    rows = [f"{key}-{number},N{number},R" for number in range(1_000)]
    spent = {}
    # What the sObject looks like is asked for once in ten minutes.
    await load(channel, UPSERT, table("Ext__c,LastName,Company", rows[:1]))

    for caller, head in ((f"{key}-calls", UPSERT), (f"{key}-job", kept(UPSERT))):
        await load(channel, head, table("Ext__c,LastName,Company", rows), caller=caller)
        limits = (await OrgServiceStub(channel).GetLimits(GetLimitsRequest(known_only=True))).limits
        [spent[caller]] = [each.used_calls for each in limits.governor.callers if each.caller == caller]

    assert 5 == spent[f"{key}-calls"]
    assert 6 <= spent[f"{key}-job"]


async def test_logs_tell_no_value(channel, unique):
    """Neither cells nor keys appear, whatever way the rows went."""
    key = unique("Secret")

    with capture_logs() as logs:
        await load(channel, UPSERT, table("Ext__c,LastName,Company", [f"{key},{key},R"]))
        await asyncio.sleep(0)

    assert logs
    assert key not in str(logs)
