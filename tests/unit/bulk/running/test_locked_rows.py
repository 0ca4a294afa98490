"""Rows that fail for a lock, and what another job may be given of them."""

import asyncio
from collections import Counter
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from service.bulk.cutting.parts import PartLimits
from service.bulk.failpoints import Failpoint
from service.bulk.job import JobState
from service.bulk.request import Operation
from service.bulk.results.outcomes import RowCounts
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Finished, Prepared, Results
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import Caller, Killed, Process, loader, new_ledger, queued
from tests.unit.bulk.sixty_names import DATA, INSERT, LOCKED, NAMES, SMALL, call, call_until_finished, names


async def test_a_part_with_locks_is_tried_again():
    """Rows that fail for a lock are given to another job, which is prepared and committed like the first one."""
    tries = Counter[str]()

    def judge(row):
        tries[row["LastName"]] += 1
        return LOCKED if row["LastName"].endswith("3") and tries[row["LastName"]] < 3 else ""

    org, caller, clock = FakeBulkOrg(judge=judge), Caller(INSERT, DATA, SMALL), FakeClock()

    await caller.call(loader(org, clock))

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts
    prepared = [event for event in caller.events if isinstance(event, Prepared) and event.part.number == 1]
    assert [10, 1, 1] == [event.rows for event in prepared]
    assert 3 == len(prepared[-1].part.job_ids)
    assert {2.0, 10.0} <= set(clock.sleeps)


@pytest.mark.parametrize("point", [Failpoint.RETRY_CREATED, Failpoint.RETRY_UPLOADED])
@pytest.mark.parametrize("passage", [1, 2])
async def test_another_replica_tries_again(point, passage):
    """What is tried again is told by Salesforce's results alone, so that any replica can go on with it."""
    tries = Counter[str]()

    def judge(row):
        tries[row["LastName"]] += 1
        return LOCKED if tries[row["LastName"]] == 1 else ""

    org, caller = FakeBulkOrg(judge=judge), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, point, passage))

    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_locks_that_stay_are_told():
    """After three further jobs a row that is locked has failed, once."""
    org, caller = FakeBulkOrg(judge=lambda row: LOCKED), Caller(INSERT, DATA, PartLimits())

    await call(caller, loader(org))

    assert 4 == len(org.jobs)
    assert RowCounts(failed=60) == caller.counts
    assert 60 == sum(len(event.rows) for event in caller.events if isinstance(event, Results))


async def test_a_job_that_gave_up_for_locks_is_tried_again():
    """The rows that it never tried are given to another job."""
    org = FakeBulkOrg(judge=lambda row: None if len(org.jobs) == 1 else "", error_message="TooManyLockFailure : no")
    org.final = JobState.FAILED
    caller = Caller(INSERT, DATA)

    def heal(event):
        if isinstance(event, Prepared) and len(org.jobs) > 1:
            org.final = JobState.COMPLETE

    caller.on_event = heal
    await call(caller, loader(org))

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


@pytest.mark.parametrize(
    ("operation", "closing", "written"),
    [(Operation.UPSERT, 1, 60), (Operation.UPSERT, 2, 60), (Operation.INSERT, 1, 57)],
)
async def test_locked_rows_of_a_caller_that_has_said_all(operation, closing, written):
    """A caller that closes after its last commit has locked rows tried again where that is harmless, and only there.

    A retry of an insert that no stored token names would double it for whoever goes on by an older one.
    """
    tries = Counter[str]()

    def judge(row):
        tries[row["LastName"]] += 1
        return LOCKED if row["LastName"] < "N03" and tries[row["LastName"]] == 1 else ""

    key = "LastName" if operation is Operation.UPSERT else ""
    request = replace(INSERT, operation=operation, external_id_field=key)
    org, events, outgoing = FakeBulkOrg(judge=judge), [], asyncio.Queue[Message | None]()
    outgoing.put_nowait(DATA)
    outgoing.put_nowait(DataEnd())

    async with (
        asyncio.timeout(20),
        aclosing(loader(org).run(request, new_ledger(request), queued(outgoing))) as running,
    ):
        async for event in running:
            events.append(event)
            prepared = sum(isinstance(each, Prepared) for each in events)
            if isinstance(event, Prepared) and prepared == 1:
                outgoing.put_nowait(PartCommit(1, event.resume_token))
            if isinstance(event, Prepared) and prepared == closing:
                outgoing.put_nowait(None)

    assert isinstance(events[-1], Finished)
    assert written == len(org.written)
    assert 60 - written == events[-1].counts.failed


async def test_locked_rows_that_the_results_contradict_are_not_tried_again():
    """Where nobody knows which rows failed for a lock, none is given to another job."""

    def cut(file, lines):
        return lines[:-1] if file == "failedResults" else lines

    org = FakeBulkOrg(judge=lambda row: LOCKED if row["LastName"] < "N03" else "", edit=cut)
    caller = Caller(INSERT, DATA)

    await call(caller, loader(org))

    assert RowCounts(created=57, failed=2, unknown=1) == caller.counts
    assert (57, 1) == (len(org.written), len(org.jobs))


async def test_locked_rows_that_were_told_are_not_tried_by_whoever_goes_on():
    """A caller that had said all was told that they failed; one that could commit a retry finds that it stays so."""
    org = FakeBulkOrg(judge=lambda row: LOCKED if row["LastName"] < "N03" else "")
    outgoing = asyncio.Queue[Message | None]()
    outgoing.put_nowait(DATA)
    outgoing.put_nowait(DataEnd())
    caller = Caller(INSERT, DATA)
    running = Process(org, Failpoint.REPORTED).loader().run(INSERT, new_ledger(INSERT), queued(outgoing))
    async with asyncio.timeout(20), aclosing(running) as events:
        with suppress(Killed):
            async for event in events:
                caller.stored = event.resume_token
                if isinstance(event, Prepared):
                    outgoing.put_nowait(PartCommit(1, event.resume_token))
                    outgoing.put_nowait(None)

    await call(caller, loader(org))

    assert RowCounts(created=57, failed=3) == caller.counts
    assert 1 == len(org.jobs)


async def test_rows_of_a_job_that_somebody_ended_are_not_tried_again():
    """What it says of locks does not matter: whoever aborts a job is not overruled."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA)

    def end(_event):
        org.end(org.jobs[-1], JobState.ABORTED, tried=25)
        org.jobs[-1].error_message = "TooManyLockFailure : aborted"

    caller.before_commit = end

    await call(caller, loader(org))

    assert RowCounts(created=25, not_processed=35) == caller.counts
    assert 1 == len(org.jobs)
