"""A load that is known by its token alone, and cancelled."""

from dataclasses import replace

import pytest

from service import errors
from service.bulk.failpoints import Failpoint
from service.bulk.job import JobState
from service.bulk.ledger import Ledger
from service.bulk.standing import StandingLoad
from service.bulk.telling.events import Prepared
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import SIGNER, Caller, Killed, Process
from tests.unit.bulk.sixty_names import DATA, INSERT, SMALL, call


async def test_a_cancellation_aborts_whatever_it_can():
    """A job that cannot be asked for keeps none of the others from being aborted, and the fault is told."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    prepared = []

    def leave(event):
        prepared.append(event)
        if sum(isinstance(each, Prepared) for each in prepared) == 4:
            raise Killed

    caller.on_event = leave
    with pytest.raises(Killed):
        await call(caller, Process(org))
    known = Ledger.of(SIGNER.read(prepared[-1].resume_token, org="prod"))
    org.faults["job_info"] = [errors.LoadNotFound("gone"), None, None, errors.UpstreamUnavailable("down")]
    named = [job_id for record in known.parts for job_id in record.job_ids]

    with pytest.raises(errors.UpstreamUnavailable):
        await StandingLoad(known, org, FakeClock()).cancel()

    states = {job.id: job.state for job in org.jobs}
    assert 4 <= len(named)
    assert [JobState.OPEN, JobState.ABORTED, JobState.OPEN] == [states[job_id] for job_id in named[:3]]
    assert {JobState.ABORTED} == {states[job_id] for job_id in named[3:]}


async def test_a_cancellation_tells_what_was_tried_before():
    """What aborting answers with may be older than the job's last counts, so the job is asked for once more."""

    class Forgetful(FakeBulkOrg):
        """Answers an abort without counts."""

        async def abort(self, job_id):
            job = self._job(job_id)
            self.end(job, JobState.ABORTED, tried=7)
            return replace(self._info(job), rows_processed=0)

    org, caller = Forgetful(polls=99), Caller(INSERT, DATA)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.POLLED))
    known = Ledger.of(SIGNER.read(caller.stored, org="prod"))

    told = await StandingLoad(known, org, FakeClock()).cancel()

    assert (JobState.ABORTED, 7) == (told.state, told.rows_processed)


async def test_an_abort_that_worked_is_one_though_nothing_more_can_be_asked():
    """The counts are worth a call, and not the answer that the jobs are aborted."""
    org, caller = FakeBulkOrg(polls=99), Caller(INSERT, DATA)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.POLLED))
    known = Ledger.of(SIGNER.read(caller.stored, org="prod"))
    org.faults["job_info"] = [None, errors.UpstreamUnavailable("down")]

    told = await StandingLoad(known, org, FakeClock()).cancel()

    assert JobState.ABORTED == told.state
