"""A load of few rows is written by calls: the same protocol, no job, and nothing told that does not stay true."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from service import errors
from service.bulk import room
from service.bulk.cutting.parts import PartLimits
from service.bulk.failpoints import Failpoint
from service.bulk.job import JobState
from service.bulk.ledger import Ledger
from service.bulk.load import Loader
from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.results.outcomes import RowCounts
from service.bulk.room import DiskRoom
from service.bulk.running import call_run
from service.bulk.running.call_run import MAX_TRIES
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Accepted, Event, Finished, PartDone, Prepared, Progress, Results
from service.bulk.telling.load_view import PartState
from service.bulk.ways.part_ways import Ways
from service.bulk.ways.small_loads import Prices
from service.bulk.ways.way import Way
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.support.row_calls import FakeRowCalls
from tests.unit.bulk.loading import SIGNER, Caller, Killed, by_part, loader, new_ledger, queued, stream

AT_END = LoadRequest("Lead", Operation.UPSERT, "Ext__c", results=WantedResults.ALL, key_column="Ext__c")
UPSERT = by_part(AT_END)


def data_of(rows: int) -> bytes:
    """Return so many rows."""
    return b"Ext__c,LastName\n" + b"".join(b"E%d,N%d\n" % (number, number) for number in range(1, rows + 1))


class Org:
    """An org that knows both ways.

    Args:
        calls: The one without a job.
        batches: How many batches its jobs may still use; None for any number.

    """

    def __init__(self, calls: FakeRowCalls | None = None, batches: int | None = None) -> None:
        self.calls = calls or FakeRowCalls()
        self.jobs = FakeBulkOrg(batches=batches)
        self.clock = FakeClock()

    def loader(self, reach=None) -> Loader:
        """Return what runs loads."""
        ways = Ways(self.calls)
        return (
            loader(self.jobs, self.clock, ways=ways)
            if reach is None
            else loader(self.jobs, self.clock, reach, ways=ways)
        )

    async def at_end(self, request: LoadRequest, *chunks: bytes) -> list[Event]:
        """Run a load that its end commits."""
        return [event async for event in self.loader().run(request, new_ledger(request), stream(*chunks))]


def kinds(events: list[Event]) -> list[type[Event]]:
    """Return what happened, without how far it was."""
    return [type(event) for event in events if not isinstance(event, Progress)]


def last(events: list[Event]) -> Finished:
    """Return the end of a load."""
    assert isinstance(events[-1], Finished)
    return events[-1]


async def test_a_small_load_by_part_has_no_job():
    """It is prepared, committed, told and counted like any other, and Salesforce hears of no job."""
    org = Org(FakeRowCalls(judge=lambda row: "" if row[0] != "E2" else "REQUIRED_FIELD_MISSING:no name"))
    org.calls.records["E3"] = ("E3", "before")
    caller = Caller(UPSERT, data_of(3))

    await caller.call(org.loader())

    assert [] == org.jobs.calls
    assert [Accepted, Prepared, Results, PartDone, Finished] == kinds(caller.events)
    assert {1: ("created", "E1"), 2: ("failed", "E2"), 3: ("updated", "E3")} == caller.told
    assert RowCounts(1, 1, 0, 1, 0) == caller.counts
    load = last(caller.events).load
    assert (JobState.COMPLETE, "", 3, 1) == (load.state, load.job_id, load.rows_processed, load.rows_failed)
    assert (Way.COLLECTIONS, PartState.DONE, ()) == (load.parts[0].way, load.parts[0].state, load.parts[0].job_ids)
    assert "few rows" in load.parts[0].way_reason


async def test_a_small_load_that_its_end_commits_has_no_job():
    """ACCEPTED comes with the first row, before anybody knows whether there will be a job."""
    org = Org()

    events = await org.at_end(AT_END, data_of(2)[:25], data_of(2)[25:])

    assert [] == org.jobs.calls
    assert [Accepted, Results, PartDone, Finished] == kinds(events)
    assert isinstance(events[0], Accepted)
    assert JobState.OPEN is events[0].load.state
    assert RowCounts(created=2) == last(events).counts


async def test_too_many_rows_have_their_job_before_the_end():
    """As soon as a load has 2,001 rows its job is opened, and tokens name it."""
    org = Org()
    chunks = [data_of(2_001)[start : start + 9_000] for start in range(0, 40_000, 9_000)]

    events = await org.at_end(AT_END, *chunks)

    assert ["batches_left", "create_job"] == org.jobs.calls[:2]
    assert [] == org.calls.calls
    assert RowCounts(created=2_001) == last(events).counts
    assert (Way.JOB, "2,000 rows") == (last(events).load.parts[0].way, last(events).load.parts[0].way_reason[10:20])


@pytest.mark.parametrize(
    ("request_", "calls", "rows", "reason"),
    [
        (UPSERT, FakeRowCalls(unsure="row 1 is for a job"), 3, "row 1 is for a job"),
        (UPSERT, FakeRowCalls(), 1_801, "10 calls"),
        (replace(UPSERT, results=WantedResults.NONE), FakeRowCalls(), 3, "only a job keeps"),
        (replace(UPSERT, keeps_results=True), FakeRowCalls(), 3, "are to be kept"),
        (by_part(LoadRequest("Lead", Operation.INSERT)), FakeRowCalls(), 3, "insert cannot be repeated"),
        (AT_END, FakeRowCalls(unsure="row 1 is for a job"), 3, "row 1 is for a job"),
    ],
)
async def test_what_a_job_is_for_goes_as_a_job(request_, calls, rows, reason):
    """The part says why, and no row is written by a call."""
    org = Org(calls)
    caller = Caller(request_, data_of(rows))

    await caller.call(org.loader()) if request_ is not AT_END else None
    events = await org.at_end(AT_END, caller.data) if request_ is AT_END else caller.events

    (part,) = last(events).load.parts
    assert (Way.JOB, 1) == (part.way, len(part.job_ids))
    assert reason in part.way_reason
    assert [] == calls.calls
    assert rows == len(org.jobs.written)


async def test_without_the_setting_all_loads_are_jobs():
    """An org whose settings say so has no calls for rows."""
    org = Org()
    caller = Caller(UPSERT, data_of(1))

    await caller.call(loader(org.jobs, org.clock))

    assert "settings" in last(caller.events).load.parts[0].way_reason


@pytest.mark.parametrize("request_", [UPSERT, AT_END, replace(UPSERT, results=WantedResults.NONE)])
async def test_an_org_without_batches_still_takes_small_loads(request_):
    """What would be refused as a job is written by calls, whatever they cost."""
    org = Org(FakeRowCalls(given=Prices(call_seconds=99.0)), batches=0)
    caller = Caller(request_, data_of(2_000))

    if request_ is AT_END:
        events = await org.at_end(AT_END, caller.data)
    else:
        await caller.call(org.loader())
        events = caller.events

    assert ["batches_left"] == org.jobs.calls
    assert "no batch is left today" == last(events).load.parts[0].way_reason
    assert RowCounts(created=2_000) == last(events).counts


async def test_a_load_of_several_parts_is_jobs():
    """Only a part that is all of the data goes by calls."""
    org = Org()
    caller = Caller(UPSERT, data_of(5), limits=PartLimits(rows=2))

    await caller.call(org.loader())

    assert [Way.JOB] * 3 == [part.way for part in last(caller.events).load.parts]
    assert [] == org.calls.calls


async def test_the_caller_hears_how_far_it_is():
    """Between some calls and the next, progress tells the rows tried and refused."""
    org = Org(FakeRowCalls(judge=lambda row: "" if row[0] != "E7" else "X:no"))
    caller = Caller(UPSERT, data_of(1_700), chunk=4_000)

    await caller.call(org.loader())

    told = [
        (event.load.rows_processed, event.load.rows_failed) for event in caller.events if isinstance(event, Progress)
    ]
    assert [(800, 1), (1_600, 1), (1_700, 1)] == told[-3:]
    assert [(800, False), (800, True), (100, True)] == org.calls.calls


async def test_a_token_tells_whether_the_part_is_committed():
    """That is all anybody can tell of a part without a job but the call that writes it."""
    org = Org()
    caller = Caller(UPSERT, data_of(1_000), chunk=4_000)

    await caller.call(org.loader())

    (prepared,) = [event for event in caller.events if isinstance(event, Prepared)]
    written = [event for event in caller.events if isinstance(event, Progress) and event.load.rows_processed]
    known = [Ledger.of(SIGNER.read(event.resume_token, org="prod")).load() for event in (prepared, written[0])]
    assert [PartState.PREPARED, PartState.COMMITTED] == [load.parts[0].state for load in known]
    assert [JobState.OPEN, JobState.PROCESSING] == [load.state for load in known]
    assert [Way.COLLECTIONS] * 2 == [load.parts[0].way for load in known]


UNAVAILABLE = errors.UpstreamUnavailable("away")
FULL = errors.QueueFull("full", retry_after_seconds=1.0)
FAILURE = errors.UpstreamUnavailable("failed", metadata={"salesforce_error_code": "UNKNOWN_EXCEPTION"})


async def test_outages_are_waited_out():
    """Rows that nobody tried, or of which nobody knows, are written again; those that have an outcome are not."""
    org = Org(FakeRowCalls(faults=[FULL, {0: UNAVAILABLE, 1: errors.OutcomeUnknown("lost")}]))
    caller = Caller(UPSERT, data_of(3))

    await caller.call(org.loader())

    assert [3, 3, 2] == [rows for rows, _ in org.calls.calls]
    assert RowCounts(created=3) == caller.counts
    assert set(caller.told) == {1, 2, 3}


async def test_a_row_that_salesforce_fails_on_is_given_up():
    """The org is well then; one row must not keep the others from being told."""
    org = Org(FakeRowCalls(faults=[{1: FAILURE}] * MAX_TRIES))
    caller = Caller(UPSERT, data_of(3))

    await caller.call(org.loader())

    assert RowCounts(created=2, failed=1) == caller.counts
    assert ("failed", "E2") == caller.told[2]


async def test_an_outage_that_lasts_ends_the_load_and_its_token_goes_on():
    """After ten minutes the caller is told, and writes all rows again when it comes back."""
    org = Org(FakeRowCalls(faults=[{1: UNAVAILABLE}]))
    org.calls.faults += [{0: UNAVAILABLE, 1: UNAVAILABLE}] * 500
    caller = Caller(UPSERT, data_of(2))

    with pytest.raises(errors.UpstreamUnavailable):
        await caller.call(org.loader())
    org.calls.faults.clear()
    await caller.call(org.loader())

    assert RowCounts(created=1, updated=1) == caller.counts
    assert Ledger.of(SIGNER.read(caller.stored, org="prod")).load().parts[0].state is PartState.DONE


async def test_what_the_governor_refuses_ends_the_load():
    """Waiting would not help, and what was written is written."""
    org = Org(FakeRowCalls(faults=[{0: errors.DailyLimitExceeded("used up")}]))
    caller = Caller(UPSERT, data_of(2))

    with pytest.raises(errors.DailyLimitExceeded):
        await caller.call(org.loader())


@pytest.mark.parametrize("passage", [1, 2])
@pytest.mark.parametrize("point", Failpoint, ids=lambda point: point.value)
async def test_a_dead_process_loses_and_contradicts_nothing(point, passage):
    """Wherever it dies, whoever goes on has every row written, and what the caller was told stays true."""
    left = passage

    async def die(reached: Failpoint) -> None:
        nonlocal left
        left -= reached is point
        if left == 0 and reached is point:
            raise Killed

    org = Org(FakeRowCalls(judge=lambda row: "" if row[0] != "E2" else "X:no"))
    caller = Caller(UPSERT, data_of(1_000), chunk=4_000)
    with suppress(Killed):
        await caller.call(org.loader(die))
    if caller.finished is None:
        await caller.call(org.loader())

    assert {f"E{number}" for number in range(1, 1_001)} - {"E2"} == set(org.calls.records)
    assert 999 == caller.counts.created + caller.counts.updated
    assert 1 == caller.counts.failed
    assert set(range(1, 1_001)) == set(caller.told)
    assert sum(outcome == "created" for outcome, _ in caller.told.values()) == caller.counts.created
    assert [] == org.jobs.calls


async def test_results_and_the_end_of_their_part_share_a_token():
    """Whoever goes on by the token of the results writes nothing again."""
    org = Org()
    caller = Caller(UPSERT, data_of(2))
    await caller.call(org.loader())
    (results,) = [event for event in caller.events if isinstance(event, Results)]
    again = Caller(UPSERT, data_of(2), stored=results.resume_token)

    await again.call(org.loader())

    assert [Accepted, Finished] == kinds(again.events)
    assert caller.counts == again.counts
    assert 1 == len(org.calls.calls)


async def test_a_part_that_was_to_have_no_job_may_get_one():
    """Who goes on with it decides anew: a replica whose settings say jobs gives it one."""
    org = Org()
    caller = Caller(UPSERT, data_of(2))

    def leave(_event: Event) -> None:
        raise Killed

    caller.after_commit = leave
    with pytest.raises(Killed):
        await caller.call(org.loader())
    caller.after_commit = lambda event: None
    await caller.call(loader(org.jobs, org.clock))

    assert 2 == len(org.jobs.written)
    assert Way.JOB is last(caller.events).load.parts[0].way


async def test_what_is_committed_is_written_though_the_caller_leaves():
    """The rest of the rows follow, as those of a job would."""
    org = Org()
    caller = Caller(UPSERT, data_of(1_700), chunk=4_000)

    def leave(event: Event) -> None:
        if isinstance(event, Progress) and event.load.rows_processed:
            raise Killed

    caller.on_event = leave
    with pytest.raises(Killed):
        await caller.call(org.loader())

    assert 1_700 == len(org.calls.records)


async def test_nobody_is_waited_for_without_end(monkeypatch):
    """What an org does not take in time is left to whoever goes on with the load."""
    monkeypatch.setattr(call_run, "AFTERWARDS_SECONDS", 0.01)
    org = Org()
    org.calls.after = lambda: org.calls.faults.append(asyncio.Event())
    caller = Caller(UPSERT, data_of(1_700), chunk=4_000)

    def leave(event: Event) -> None:
        if isinstance(event, Progress) and event.load.rows_processed:
            raise Killed

    caller.on_event = leave
    with pytest.raises(Killed):
        await caller.call(org.loader())

    assert 800 == len(org.calls.records)


async def test_what_is_not_committed_is_not_written():
    """A caller that leaves before leaves nothing behind."""
    org = Org()
    caller = Caller(UPSERT, data_of(3))

    def leave(_event: Event) -> None:
        raise Killed

    caller.before_commit = leave
    with pytest.raises(Killed):
        await caller.call(org.loader())

    assert [] == org.calls.calls


async def test_a_commit_may_be_sent_twice():
    """The second one changes nothing, as with a job."""
    org = Org()
    messages: asyncio.Queue[object] = asyncio.Queue()
    messages.put_nowait(data_of(2))
    messages.put_nowait(DataEnd())

    async def said():
        while True:
            yield await messages.get()

    events = []
    async for event in org.loader().run(UPSERT, new_ledger(UPSERT), said()):
        events.append(event)
        if isinstance(event, Prepared):
            messages.put_nowait(PartCommit(1, event.resume_token))
            messages.put_nowait(PartCommit(1, event.resume_token))

    assert RowCounts(created=2) == last(events).counts
    assert [(2, False)] == org.calls.calls


async def test_a_commit_needs_a_token_that_knows_the_way():
    """One from before the part was prepared is refused, and nothing is written."""
    org = Org()
    caller = Caller(UPSERT, data_of(2))
    accepted = ""

    def forget(event: Event) -> None:
        nonlocal accepted
        accepted = accepted or event.resume_token

    caller.on_event = forget

    def old(_event: Event) -> None:
        caller.stored = accepted

    caller.before_commit = old
    with pytest.raises(errors.InvalidRequest):
        await caller.call(org.loader())

    assert [] == org.calls.calls


async def test_unwanted_results_are_counted_and_not_sent():
    """A caller of failures hears of failures."""
    org = Org(FakeRowCalls(judge=lambda row: "" if row[0] != "E2" else "X:no"))
    caller = Caller(replace(UPSERT, results=WantedResults.FAILURES), data_of(3))

    await caller.call(org.loader())

    assert {2: ("failed", "E2")} == caller.told
    assert RowCounts(created=2, failed=1) == caller.counts


async def test_long_keys_are_for_a_job():
    """All results come in one message, which must not be too long."""
    org = Org()
    keys = b"".join(b"%s%d,N\n" % (b"K" * 1_000, number) for number in range(300))
    caller = Caller(UPSERT, b"Ext__c,LastName\n" + keys, chunk=100_000)

    await caller.call(org.loader())

    assert "keys of the rows" in last(caller.events).load.parts[0].way_reason


async def test_rows_of_many_cells_have_a_job():
    """Few rows of few bytes may be a million values, which would take hundreds of megabytes."""
    org = Org()
    columns = [f"C{number}__c" for number in range(150)]
    row = ",".join("1" * len(columns))
    rows = [f"E{number},{row}" for number in range(1_400)]
    data = "\n".join([",".join(["Ext__c", *columns]), *rows, ""]).encode()

    events = await org.at_end(AT_END, data)

    (part,) = last(events).load.parts
    assert (Way.JOB, "more than 200,000 cells") == (part.way, part.way_reason)


async def test_rows_that_find_no_memory_have_a_job(monkeypatch):
    """Small loads that wait for their commits hold their rows in memory, all together no more than there is."""
    org, disk = Org(), DiskRoom()
    monkeypatch.setattr(room, "MOST_HELD_BYTES", 5_000)
    waiting = [asyncio.Event() for _ in range(4)]
    tasks = []

    async def held(prepared: asyncio.Event) -> str:
        outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
        outgoing.put_nowait(data_of(6))
        outgoing.put_nowait(DataEnd())
        running = replace(org.loader(), disk=disk).run(UPSERT, new_ledger(UPSERT), queued(outgoing))
        way = ""
        async for event in running:
            if isinstance(event, Prepared):
                way = f"{event.part.way}: {event.part.way_reason}"
                prepared.set()
        return way

    for prepared in waiting:
        tasks.append(asyncio.create_task(held(prepared)))
        await prepared.wait()
    most = disk.held
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert 0 < most <= 5_000
    assert 2 == len(org.jobs.jobs)
    assert 0 == disk.held
