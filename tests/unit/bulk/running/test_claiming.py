"""Two calls that go on with one load at the same time: what must not be written twice is not."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from service.bulk.cutting.splitting import splitter_of
from service.bulk.desk import Desk, Slots
from service.bulk.failpoints import Failpoint, pass_by
from service.bulk.job import JobState
from service.bulk.part_upload import add_part, only_part
from service.bulk.request import Commit, LoadRequest, Operation, WantedResults
from service.bulk.results.outcomes import RowCounts
from service.bulk.standing import StandingLoad
from service.bulk.ways import part_claims
from service.bulk.ways.allowance import Allowance
from service.bulk.ways.part_claims import ClaimsOfProcess
from service.errors import InvalidToken, UpstreamUnavailable
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import SIGNER, Caller, Killed, Process, by_part, loader, new_ledger
from tests.unit.bulk.sixty_names import DATA, INSERT, LOCKED, NAMES, SMALL, call, names

DELETE = by_part(LoadRequest("Lead", Operation.DELETE, results=WantedResults.ALL))
UPSERT = by_part(LoadRequest("Lead", Operation.UPSERT, "LastName", results=WantedResults.ALL))


async def uploaded(request, org, claims):
    """Return a load by calls whose only part was uploaded by a call of its own."""
    known, clock = new_ledger(request), FakeClock()
    slots = Slots(asyncio.Semaphore(1))
    desk = Desk(request, org, clock, known, SIGNER, pass_by, Allowance(org, org="prod"), slots)
    splitter = splitter_of(request, known.limits, known.end)
    part = only_part([*splitter.feed(DATA), *splitter.finish()])
    with part.content:
        await add_part(desk, part)
    return StandingLoad(known, org, clock, claims)


async def race(request, data, org, *claims):
    """Have callers go on with one token, one for each of some claims; return them and what they ended with."""
    stored = SIGNER.write(new_ledger(request, SMALL).token())
    callers = [Caller(request, data, SMALL, stored=stored) for _ in claims]
    loaders = [replace(loader(org), claims=each) for each in claims]
    calls = (call(caller, running) for caller, running in zip(callers, loaders, strict=True))
    return callers, await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize(("request_", "data"), [(INSERT, DATA), (DELETE, DATA.replace(b"LastName", b"Id"))])
async def test_two_callers_with_one_token_write_each_row_once(request_, data):
    """Each part is written by the job that is committed first, and both callers learn what became of its rows."""
    org, claims = FakeBulkOrg(polls=30), ClaimsOfProcess()

    callers, ends = await race(request_, data, org, claims, claims)

    assert [None, None] == ends
    assert NAMES == sorted(next(iter(row.values())) for row in org.written)
    assert [60, 60] == [len(caller.told) for caller in callers]
    assert callers[0].counts == callers[1].counts
    assert 60 == callers[0].counts.created + callers[0].counts.deleted
    ours, theirs = ([part.jobs for part in SIGNER.read(caller.stored, org="prod").parts] for caller in callers)
    assert ours == theirs


async def test_callers_with_one_token_and_other_rows_do_not_mix():
    """A part is written once, also where the second caller has other rows for it: that one is told, by which job."""
    org, claims = FakeBulkOrg(polls=30), ClaimsOfProcess()
    stored = SIGNER.write(new_ledger(INSERT, SMALL).token())
    first, second = Caller(INSERT, DATA, SMALL, stored=stored), Caller(INSERT, DATA, SMALL, stored=stored)
    second.data = DATA.replace(b"N0", b"M0")
    await call(first, replace(loader(org), claims=claims))

    with pytest.raises(InvalidToken, match="other rows written as part 1, by job 750") as caught:
        await call(second, replace(loader(org), claims=claims))

    assert ["resume_token"] == [each.field for each in caught.value.violations]
    assert NAMES == names(org)
    assert [JobState.ABORTED] == [job.state for job in org.jobs if b"M01" in (job.uploaded or b"")]


async def test_without_claims_two_callers_double_their_rows():
    """What shows that the claims are what keeps them from it."""
    org = FakeBulkOrg(polls=30)

    _, ends = await race(INSERT, DATA, org, ClaimsOfProcess(), ClaimsOfProcess())

    assert [None, None] == ends
    assert sorted(NAMES * 2) == names(org)


async def test_what_may_be_written_twice_is_not_claimed():
    """Two callers that upsert the same rows both come to their end, as they always have."""
    org, claims = FakeBulkOrg(), ClaimsOfProcess()

    callers, ends = await race(UPSERT, DATA, org, claims, claims)

    assert [None, None] == ends
    assert [60, 60] == [caller.counts.total for caller in callers]


async def test_a_job_that_is_behind_is_aborted():
    """Another job has its rows, so it does not stay open."""
    org, claims = FakeBulkOrg(polls=30), ClaimsOfProcess()

    await race(INSERT, DATA, org, claims, claims)

    states = Counter(job.state for job in org.jobs)
    assert states[JobState.COMPLETE] == states[JobState.ABORTED] == len(org.jobs) / 2


async def test_a_job_that_wrote_nothing_gives_its_claim_up():
    """Somebody aborts a job that was committed, before a row of it was tried: another one may have its rows."""
    org, caller, claims = FakeBulkOrg(polls=1_000, unchanged_seconds=86_400), Caller(INSERT, DATA), ClaimsOfProcess()
    with pytest.raises(Killed):
        await call(caller, replace(Process(org, Failpoint.COMMITTED).loader(), claims=claims))
    org.end(org.jobs[0], JobState.ABORTED, tried=0)
    org.polls = 3

    await call(caller, replace(loader(org), claims=claims))

    assert RowCounts(created=60) == caller.counts
    assert NAMES == names(org)


async def test_an_outage_while_the_other_job_is_asked_for_is_waited_out():
    """Nothing ends a load that only one answer keeps from going on, here as anywhere else."""
    org, claims = FakeBulkOrg(polls=3), ClaimsOfProcess()
    first, second = Caller(INSERT, DATA), Caller(INSERT, DATA)
    first.stored = second.stored = SIGNER.write(new_ledger(INSERT).token())
    await call(first, replace(loader(org), claims=claims))
    org.faults["job_info"] = [UpstreamUnavailable("down")]

    await call(second, replace(loader(org), claims=claims))

    assert [] == org.faults["job_info"]
    assert RowCounts(created=60) == second.counts
    assert NAMES == names(org)


@pytest.mark.parametrize("tried", [1, 60])
async def test_a_job_that_wrote_keeps_its_claim_though_it_was_aborted(tried):
    """Its rows are in the org, whatever an older token says, and whoever has that learns what became of them."""
    org, claims = FakeBulkOrg(polls=1_000, unchanged_seconds=86_400), ClaimsOfProcess()
    first, second = Caller(INSERT, DATA), Caller(INSERT, DATA)
    first.stored = second.stored = SIGNER.write(new_ledger(INSERT).token())
    with pytest.raises(Killed):
        await call(first, replace(Process(org, Failpoint.COMMITTED).loader(), claims=claims))
    org.end(org.jobs[0], JobState.ABORTED, tried=tried)

    await call(second, replace(loader(org), claims=claims))

    assert RowCounts(created=tried, not_processed=60 - tried) == second.counts
    assert NAMES[:tried] == names(org)


async def test_a_job_keeps_its_claim_while_a_batch_of_it_may_run():
    """It was aborted a moment ago and counts no row yet: no other job is given its rows."""
    org, claims = FakeBulkOrg(polls=1_000, unchanged_seconds=10), ClaimsOfProcess()
    first, second = Caller(INSERT, DATA), Caller(INSERT, DATA)
    first.stored = second.stored = SIGNER.write(new_ledger(INSERT).token())
    with pytest.raises(Killed):
        await call(first, replace(Process(org, Failpoint.COMMITTED).loader(), claims=claims))
    org.end(org.jobs[0], JobState.ABORTED, tried=0)

    await call(second, replace(loader(org), claims=claims))

    assert RowCounts(not_processed=60) == second.counts
    assert [] == org.written


@pytest.mark.parametrize("point", [Failpoint.COMMIT_RECEIVED, Failpoint.COMMITTED, Failpoint.ENDED, Failpoint.REPORTED])
async def test_an_older_token_doubles_nothing_while_the_claim_is_known(point):
    """A caller that committed by a newer token and goes on by an older one finds its rows written, or writes them."""
    org, caller, claims = FakeBulkOrg(), Caller(INSERT, DATA, SMALL), ClaimsOfProcess()
    older = SIGNER.write(new_ledger(INSERT, SMALL).token())
    with pytest.raises(Killed):
        await call(caller, replace(Process(org, point, 3).loader(), claims=claims))

    caller.stored = older
    caller.told.clear()
    await call(caller, replace(loader(org), claims=claims))

    assert RowCounts(created=60) == caller.counts
    assert NAMES == names(org)


async def test_rows_that_are_tried_again_are_claimed_anew():
    """The job that tries locked rows again is not taken for a second job of the part."""
    locked = {"N07", "N31"}
    org, caller = FakeBulkOrg(judge=lambda row: LOCKED if row["LastName"] in locked else ""), Caller(INSERT, DATA)

    def give_free(_event):
        if len(org.jobs) > 1:
            locked.clear()

    caller.before_commit = give_free

    await call(caller, replace(loader(org), claims=ClaimsOfProcess()))

    assert RowCounts(created=60) == caller.counts
    assert 2 == len(org.jobs)
    assert NAMES == names(org)


async def test_one_of_two_uploads_of_a_part_by_calls_is_committed():
    """Two uploads on one token are two jobs for part 1; whichever is committed, and however often, one is written."""
    org, claims = FakeBulkOrg(polls=30), ClaimsOfProcess()
    request = replace(INSERT, commit=Commit.BY_CALL)
    first, second = [await uploaded(request, org, claims) for _ in range(2)]

    await first.commit()
    await first.commit()
    told = await second.commit()

    assert JobState.ABORTED is org.jobs[1].state
    assert (org.jobs[0].id,) == told.parts[0].job_ids == second.ledger.token().parts[0].jobs


async def test_a_process_remembers_a_bounded_number_of_claims(monkeypatch):
    """The oldest claim is pushed out; all others stay."""
    monkeypatch.setattr(part_claims, "MOST_REMEMBERED", 2)
    claims = ClaimsOfProcess()

    for name in ("a", "b", "c"):
        await claims.take(name, f"{name}-1")

    assert ["b-1", "c-1", "a-2"] == [await claims.take(name, f"{name}-2") for name in ("b", "c", "a")]
