"""The steps of a job, when Salesforce is away, refuses, or loses its answers."""

import pytest

from service import errors
from service.bulk.job import JobState
from service.bulk.telling.events import Finished
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import load
from tests.unit.bulk.three_rows import DATA, INSERT


async def test_polling_slows_down_and_never_gives_up():
    """A job of hours is asked for after 0.2 seconds at first, every 5 in the end, until it is over."""
    clock = FakeClock()
    org = FakeBulkOrg(polls=2000)

    events = await load(INSERT, org, DATA, clock=clock)

    assert isinstance(events[-1], Finished)
    assert clock.sleeps[0] == 0.2
    assert clock.sleeps == sorted(clock.sleeps)
    assert set(clock.sleeps[-1900:]) == {5.0}
    assert len(clock.sleeps) == 2000


async def test_an_outage_while_polling_is_waited_out():
    """A committed load does not fail because Salesforce cannot be asked for a while."""
    clock = FakeClock()
    faults = [errors.UpstreamUnavailable("down", retry_after_seconds=60), errors.ConcurrencyLimitExceeded("busy")]
    org = FakeBulkOrg(faults={"job_info": [*faults]})

    events = await load(INSERT, org, DATA, clock=clock)

    assert isinstance(events[-1], Finished)
    assert 60 in clock.sleeps


async def test_a_lost_answer_to_the_commit_is_looked_up():
    """When it is unknown whether the commit arrived, the job's state tells; it is not sent again."""
    org = FakeBulkOrg(faults_after={"complete": [errors.OutcomeUnknown("lost")]})

    events = await load(INSERT, org, DATA)

    assert isinstance(events[-1], Finished)
    assert org.calls.count("complete") == 1
    assert "abort" not in org.calls


async def test_a_commit_that_never_arrived_is_sent_again():
    """A job that is still open is completed again."""
    org = FakeBulkOrg(faults={"complete": [errors.UpstreamUnavailable("down")]})

    events = await load(INSERT, org, DATA)

    assert isinstance(events[-1], Finished)
    assert org.calls.count("complete") == 2


async def test_a_commit_that_is_refused_aborts():
    """A refusal says that nothing was committed, so the job is aborted and the refusal told."""
    org = FakeBulkOrg(faults={"complete": [errors.AccessDenied("no")]})

    with pytest.raises(errors.AccessDenied):
        await load(INSERT, org, DATA)

    assert org.jobs[0].state is JobState.ABORTED


async def test_a_commit_that_ran_out_of_time_is_left_alone():
    """After the deadline it is unknown whether the commit arrived: the job is not aborted."""
    org = FakeBulkOrg(faults_after={"complete": [errors.DeadlineExceeded("late")]})

    with pytest.raises(errors.DeadlineExceeded):
        await load(INSERT, org, DATA)

    assert org.jobs[0].state is JobState.UPLOADED


async def test_a_commit_of_which_nobody_can_be_asked_is_left_alone():
    """Where its answer is lost and the job cannot be asked for either, it may be committed: it is not aborted."""
    org = FakeBulkOrg(
        faults={"job_info": [errors.AccessDenied("no")]}, faults_after={"complete": [errors.OutcomeUnknown("lost")]}
    )

    with pytest.raises(errors.AccessDenied):
        await load(INSERT, org, DATA)

    assert "abort" not in org.calls
    assert JobState.UPLOADED is org.jobs[0].state


async def test_a_lost_upload_is_given_to_another_job():
    """What arrived of it is unknown, and a job takes data once; the first one is aborted and writes nothing."""
    org = FakeBulkOrg(faults_after={"upload": [errors.OutcomeUnknown("lost")]})

    events = await load(INSERT, org, DATA)

    assert isinstance(events[-1], Finished)
    assert [JobState.ABORTED, JobState.COMPLETE] == [job.state for job in org.jobs]
    assert 3 == len(org.written)
    assert org.jobs[1].id == events[-1].load.job_id


async def test_an_outage_that_lasts_is_told():
    """After ten minutes the load is refused, with the word that nothing was written."""
    clock = FakeClock()
    outage: list[BaseException | None] = [errors.UpstreamUnavailable("down")] * 1000
    org = FakeBulkOrg(faults={"upload": outage})

    with pytest.raises(errors.UpstreamUnavailable, match="nothing"):
        await load(INSERT, org, DATA, clock=clock)

    assert 500 < sum(clock.sleeps) < 600
    assert not org.open_jobs


async def test_an_abort_that_fails_hides_nothing():
    """The caller learns why its load was refused, not that the abort failed too."""
    org = FakeBulkOrg(faults={"complete": [errors.AccessDenied("no")], "abort": [errors.UpstreamUnavailable("down")]})

    with pytest.raises(errors.AccessDenied):
        await load(INSERT, org, DATA)

    assert "abort" in org.calls
