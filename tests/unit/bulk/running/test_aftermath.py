"""Jobs that ended without their load: whether another job may be given their rows."""

from contextlib import suppress

import pytest

from service.bulk.failpoints import Failpoint
from service.bulk.job import JobState
from service.bulk.results.outcomes import RowCounts
from service.bulk.telling.events import Progress
from service.errors import LoadFailed
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import Caller, Killed, Process, loader
from tests.unit.bulk.sixty_names import DATA, INSERT, NAMES, SMALL, call, call_until_finished, names


async def test_a_job_that_somebody_aborts_before_its_commit_is_told():
    """Its rows were not processed; nobody overrules an abort while the load runs."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA)
    caller.before_commit = lambda event: org.end(org.jobs[-1], JobState.ABORTED, tried=0)

    await call(caller, loader(org))

    assert RowCounts(not_processed=60) == caller.counts
    assert [] == org.written


async def test_a_job_that_somebody_aborts_half_way_is_told_exactly():
    """Rows written before stay written, and the others are told as not processed; nobody overrules an abort."""
    org, caller = FakeBulkOrg(polls=1_000_000), Caller(INSERT, DATA)

    class Meddling(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            if seconds >= 5.0 and org.jobs[0].state is JobState.PROCESSING:
                org.end(org.jobs[0], JobState.ABORTED, tried=25)

    await caller.call(loader(org, Meddling()))

    assert RowCounts(created=25, not_processed=35) == caller.counts
    assert caller.finished is not None
    assert caller.finished.load.state is JobState.ABORTED
    assert NAMES[:25] == names(org)


async def test_a_batch_that_runs_while_its_job_is_aborted_is_waited_for():
    """A job is aborted before it counts a row, and writes some a moment later: no other job is given them."""
    org, caller = FakeBulkOrg(polls=1_000_000), Caller(INSERT, DATA)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.POLLED))
    (job,) = org.jobs
    org.end(job, JobState.ABORTED, tried=0)

    class Late(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            if seconds >= 60 and len(org.jobs) == 1:
                job.verdicts.clear()
                org.end(job, JobState.ABORTED, tried=25)

    await caller.call(loader(org, Late()))

    assert RowCounts(created=25, not_processed=35) == caller.counts
    assert NAMES[:25] == names(org)
    assert 1 == len(org.jobs)


@pytest.mark.parametrize(("unchanged", "waits"), [(0, [300.0]), (120, [180.0]), (300, []), (86_400, [])])
async def test_rows_of_an_aborted_job_wait_only_while_a_batch_may_run(unchanged, waits):
    """Salesforce tells when a job ended: five minutes later nothing runs. The caller is told why it waits before."""
    org, caller, clock = FakeBulkOrg(unchanged_seconds=unchanged), Caller(INSERT, DATA), FakeClock()
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.PREPARED))
    org.end(org.jobs[0], JobState.ABORTED, tried=0)

    await caller.call(loader(org, clock))

    assert NAMES == names(org)
    assert waits == [seconds for seconds in clock.sleeps if seconds > 60]
    told = [event.waiting_for for event in caller.events if isinstance(event, Progress) and event.waiting_for]
    assert len(waits) == len(told)
    assert all("the job of part 1, which is Aborted" in reason for reason in told)


@pytest.mark.parametrize("state", [JobState.ABORTED, JobState.FAILED])
async def test_a_job_that_ended_while_nobody_was_there_is_sent_again(state):
    """Salesforce gives up jobs that stay open; of one that tried no row, another job takes all of them."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.PREPARED, 2))
    for job in org.jobs:
        if job.state is JobState.OPEN:
            org.end(job, state, tried=0)

    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_results_that_were_told_stay_true():
    """A replica that dies between the results of an aborted job and the end of its part has nobody write its rows."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA)
    caller.before_commit = lambda event: org.end(org.jobs[-1], JobState.ABORTED, tried=0)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.REPORTING))
    assert {("not_processed", name) for name in NAMES} == set(caller.told.values())

    await call_until_finished(caller, org)

    assert RowCounts(not_processed=60) == caller.counts
    assert [] == org.written


@pytest.mark.parametrize("state", [JobState.COMPLETE, JobState.FAILED])
async def test_results_that_stay_broken_do_not_keep_a_load_from_its_end(state):
    """A resumed load whose job tried its rows and tells of none finishes: nothing is written again, counts add up."""
    org, caller = FakeBulkOrg(final=state, edit=lambda file, lines: lines[:1]), Caller(INSERT, DATA)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.ENDED))

    await call(caller, loader(org))

    assert RowCounts(unknown=60) == caller.counts
    assert {("unknown", "")} == set(caller.told.values())
    assert (NAMES, 1) == (names(org), len(org.jobs))


async def test_a_job_whose_results_cannot_be_read_is_not_replaced():
    """It counts no row, and what it tells of rows is broken: nobody knows, so no other job is given them."""

    def broken(file, lines):
        return [*lines, ["half a", "page", "of", "something", "else"]]

    org, caller = FakeBulkOrg(unchanged_seconds=86_400, edit=broken), Caller(INSERT, DATA)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.PREPARED))
    org.end(org.jobs[0], JobState.ABORTED, tried=0)

    with suppress(LoadFailed):
        await call(caller, loader(org))

    assert 1 == len(org.jobs)
    assert [] == org.written
