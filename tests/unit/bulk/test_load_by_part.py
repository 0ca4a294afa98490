"""A load whose caller commits each part: whatever dies, and wherever, every row is written once."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import errors
from service.bulk import ledger
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.cutting.splitting import splitter_of
from service.bulk.data.batches import CellColumn, CellKind, RowColumns
from service.bulk.data.formats import Format
from service.bulk.desk import Desk, Slots
from service.bulk.failpoints import Failpoint, pass_by
from service.bulk.job import JobState
from service.bulk.ledger import Ledger
from service.bulk.part_upload import add_part, only_part
from service.bulk.request import Commit, LoadRequest, Operation, WantedResults
from service.bulk.results.outcomes import RowCounts
from service.bulk.standing import StandingLoad
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Accepted, Finished, PartDone, Prepared, Progress, Results
from service.bulk.ways.allowance import Allowance
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.support.scale import examples
from tests.unit.bulk.loading import SIGNER, Caller, Killed, Process, by_part, loader, new_ledger, queued, stream

INSERT = by_part(LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL, key_column="LastName"))
NAMES = [f"N{number:02}" for number in range(60)]
DATA = b"LastName\n" + "".join(f"{name}\n" for name in NAMES).encode()
SMALL = PartLimits(100, 10)
LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
RETRIES = {Failpoint.RETRY_CREATED, Failpoint.RETRY_UPLOADED}


def names(org):
    return sorted(row["LastName"] for row in org.written)


async def call(caller, process):
    await asyncio.wait_for(caller.call(process.loader() if isinstance(process, Process) else process), 30)


async def call_until_finished(caller, org):
    """Go on with a load until it has finished, as often as it breaks off."""
    while caller.finished is None:
        with suppress(Killed):
            await call(caller, Process(org))


async def test_each_part_is_prepared_committed_and_done():
    """The parts are those that the data makes, and their counts add up."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts
    assert {number + 1: ("created", name) for number, name in enumerate(NAMES)} == caller.told
    assert list(range(1, 7)) == sorted(event.part.number for event in caller.events if isinstance(event, Prepared))
    assert [RowCounts(created=10)] * 6 == [event.part.counts for event in caller.events if isinstance(event, PartDone)]


async def test_nothing_is_written_before_its_commit():
    """A part that is prepared waits, whatever becomes of the others."""
    org = FakeBulkOrg()
    running = loader(org).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA, then=ConnectionResetError()))

    async with aclosing(running) as events:
        with pytest.raises(ConnectionResetError):
            assert [event async for event in events]

    assert [] == org.written
    assert {JobState.OPEN, JobState.ABORTED} >= {job.state for job in org.jobs}


@pytest.mark.parametrize("passage", [1, 2, 5])
@pytest.mark.parametrize("point", [point for point in Failpoint if point not in RETRIES])
async def test_another_replica_goes_on_wherever_one_dies(point, passage):
    """An insert that was killed at any place is finished by the last token: none lost, none doubled, counts exact."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    process = Process(org, point, passage)

    with suppress(Killed):
        await call(caller, process)
    assert process.is_dead or (passage > 1 and point in {Failpoint.BEGUN, Failpoint.ACCEPTED, Failpoint.FINISHING})
    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts
    assert 60 == len(caller.told)


async def test_without_its_token_an_insert_is_doubled():
    """What shows that the token is what counts: a caller that begins anew writes its rows again."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.ENDED, 2))

    caller.stored = ""
    await call_until_finished(caller, org)

    assert len(names(org)) > 60


@pytest.mark.parametrize("when", ["on_event", "before_commit", "after_commit"])
@pytest.mark.parametrize("number", range(1, 14, 3))
async def test_a_caller_that_dies_goes_on(when, number):
    """Before it stored a token, between that and the commit, and after it: its file of the token is enough."""
    org = FakeBulkOrg()
    seen = 0

    def die(_event):
        nonlocal seen
        seen += 1
        if seen == number:
            raise Killed

    caller = Caller(INSERT, DATA, SMALL)
    setattr(caller, when, die)
    await call_until_finished(caller, org)

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_a_commit_without_storing_its_token_is_what_doubles():
    """The rule that a token is stored before its commit is needed: who breaks it, and dies, writes a part twice."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    forgotten = []

    def forget(event):
        forgotten.append(caller.stored)

    def die(event):
        if isinstance(event, PartDone):
            raise Killed

    caller.on_event, caller.after_commit = die, forget
    with pytest.raises(Killed):
        await call(caller, Process(org))
    caller.on_event = lambda event: None
    caller.stored = caller.accepted[0].resume_token
    caller.told.clear()
    await call_until_finished(caller, org)

    assert len(names(org)) > 60


@given(
    repeated=st.integers(1, 40),
    rows=st.integers(1, 60),
    part_rows=st.integers(1, 25),
    polls=st.integers(1, 4),
    deaths=st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.integers(0, 60)),
            st.tuples(st.just("event"), st.integers(1, 40)),
            st.tuples(st.just("commit"), st.integers(1, 8)),
            st.tuples(st.sampled_from([point.value for point in Failpoint]), st.integers(1, 6)),
        ),
        max_size=6,
    ),
    locks=st.floats(0, 0.6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=examples(150), deadline=None)
def test_every_row_is_written_once(repeated, rows, part_rows, polls, deaths, locks, seed):
    """Whichever ends die how often, with equal rows and locks: each row is written once or told why not."""
    chance = random.Random(seed)
    org = FakeBulkOrg(
        polls=polls, judge=lambda row: LOCKED if chance.random() < locks else "" if chance.random() < 0.9 else "X:no:--"
    )
    table = [f"N{number % repeated:02}" for number in range(rows)]
    data = "LastName\n" + "".join(f"{name}\n" for name in table)
    caller = Caller(INSERT, data.encode(), PartLimits(100_000, part_rows))

    asyncio.run(asyncio.wait_for(_live_and_die(caller, org, deaths), 60))

    told = Counter(name for outcome, name in caller.told.values() if outcome == "created")
    assert Counter(names(org)) == told
    assert set(range(1, rows + 1)) == set(caller.told)
    assert [table[row - 1] for row in caller.told] == [name for _, name in caller.told.values()]
    assert rows == caller.counts.total
    assert len(org.written) == caller.counts.created


async def _live_and_die(caller, org, deaths):
    for kind, number in deaths:
        if caller.finished is not None:
            return
        left = number

        def die(_event):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        caller.on_event = caller.before_commit = lambda event: None
        if kind == "event":
            caller.on_event = die
        elif kind == "commit":
            caller.before_commit = die
        process = Process(org, calls=number) if kind == "call" else Process(org)
        if kind in {point.value for point in Failpoint}:
            process = Process(org, Failpoint(kind), number)
        with suppress(Killed):
            await caller.call(process.loader())
    caller.on_event = caller.before_commit = lambda event: None
    while caller.finished is None:
        with suppress(Killed):
            await caller.call(Process(org).loader())


async def test_two_replicas_at_one_load_write_each_row_once():
    """A call whose caller believes it dead, and which is not, does no harm beside the one that goes on."""
    org = FakeBulkOrg(polls=30)
    first, second = Caller(INSERT, DATA, SMALL), Caller(INSERT, DATA, SMALL)
    seen = []

    def leave(event):
        seen.append(event)
        if len(seen) == 3:
            second.stored = first.stored
            raise ConnectionResetError

    first.after_commit = leave
    left = asyncio.Event()

    async def zombie():
        """Go on in the replica that the caller has left, with the commits that have reached it."""
        running = Process(org).loader()
        ledger = new_ledger(INSERT, SMALL)
        messages: asyncio.Queue[PartCommit] = asyncio.Queue()

        async def incoming():
            yield DATA
            yield DataEnd()
            while True:
                yield await messages.get()

        async with aclosing(running.run(INSERT, ledger, incoming())) as events:
            async for event in events:
                if isinstance(event, Prepared) and len(seen) < 3:
                    seen.append(event)
                    second.stored = event.resume_token
                    messages.put_nowait(PartCommit(event.part.number, event.resume_token))
                    if len(seen) == 3:
                        left.set()

    task = asyncio.ensure_future(zombie())
    await left.wait()
    await call(second, Process(org))
    task.cancel()
    await asyncio.wait([task])

    assert NAMES == names(org)
    assert 60 == second.counts.total


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


async def test_a_job_that_somebody_aborts_before_its_commit_is_told():
    """Its rows were not processed; nobody overrules an abort while the load runs."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA)
    caller.before_commit = lambda event: org.end(org.jobs[-1], JobState.ABORTED, tried=0)

    await call(caller, loader(org))

    assert RowCounts(not_processed=60) == caller.counts
    assert [] == org.written


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


def test_data_of_several_parts_tells_how_much_one_takes():
    """A call that brings too much is told what would fit."""
    splitter = splitter_of(INSERT, PartLimits(rows=25), Position())

    with pytest.raises(errors.MessageTooLarge, match="of which the first takes 25 rows") as caught:
        only_part([*splitter.feed(DATA), *splitter.finish()])

    assert 0 < int(caught.value.metadata["limit_bytes"]) < int(caught.value.metadata["size_bytes"])


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


async def test_locked_rows_that_the_results_contradict_are_not_tried_again():
    """Where nobody knows which rows failed for a lock, none is given to another job."""

    def cut(file, lines):
        return lines[:-1] if file == "failedResults" else lines

    org = FakeBulkOrg(judge=lambda row: LOCKED if row["LastName"] < "N03" else "", edit=cut)
    caller = Caller(INSERT, DATA)

    await call(caller, loader(org))

    assert RowCounts(created=57, failed=2, unknown=1) == caller.counts
    assert (57, 1) == (len(org.written), len(org.jobs))


async def test_a_bad_row_ends_the_load_after_the_parts_before_it():
    """What was loaded before the row at fault is told of, and then the row."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA + b'"cut in the mid', SMALL)

    with pytest.raises(errors.InvalidData) as caught:
        await call(caller, loader(org))

    assert 61 == caught.value.row
    done = [event.part.rows for event in caller.events if isinstance(event, PartDone)]
    assert len(org.written) == sum(done) == 50


async def test_a_load_goes_on_behind_a_row_that_was_mended():
    """The token of a load that a bad row ended takes the rest of the data, once it can be read."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA + b'"cut in the mid', SMALL)
    with pytest.raises(errors.InvalidData):
        await call(caller, loader(org))

    caller.data = DATA + b"N60\n"
    await call_until_finished(caller, org)

    assert [*NAMES, "N60"] == names(org)
    assert RowCounts(created=61) == caller.counts


@pytest.mark.parametrize("change", [lambda data: data.replace(b"N4", b"M4"), lambda data: data[:-20]])
async def test_other_data_is_refused(change):
    """Rows that are not those which the token tells of are refused before they are written."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.COMMIT_RECEIVED, 6))
    written = len(org.written)

    caller.data = change(DATA)
    with pytest.raises(errors.InvalidData, match="is not the data that this load began with"):
        await call(caller, loader(org))

    assert written <= len(org.written) <= 50


async def test_what_is_done_is_not_sent_again():
    """The load goes on at the first part that is not done."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.DONE, 4))

    await call_until_finished(caller, org)

    again = caller.accepted[1].resume_from
    assert again is not None
    assert again.header_bytes == 9
    assert again.next_row >= 11
    assert again.next_byte == 9 + 4 * (again.next_row - 1)


async def test_results_are_told_again():
    """A load that is over tells its results once more to who sends the data again, with the numbers of the rows."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    await call(caller, loader(org))
    again = Caller(replace(INSERT, repeats_results=True), DATA, SMALL, stored=caller.stored)

    await call(again, loader(org))

    assert caller.told == again.told
    assert caller.counts == again.counts
    assert 6 == len(org.jobs)


async def test_a_load_that_is_over_finishes_at_once():
    """Its token needs no data."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)
    await call(caller, loader(org))
    ledger = Ledger.of(SIGNER.read(caller.stored, org="prod"))

    async with aclosing(loader(org).run(INSERT, ledger, stream(DATA[:9], DataEnd()), is_resumed=True)) as events:
        seen = [event async for event in events]

    assert isinstance(seen[-1], Finished)
    assert RowCounts(created=60) == seen[-1].counts


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ((DATA,), "end"),
        ((DATA, DataEnd()), "commit"),
        ((DATA, DataEnd(), DATA), "data"),
        ((DATA, PartCommit(9, "")), "resume_token"),
        ((DATA, PartCommit(9, SIGNER.write(new_ledger(INSERT).token()))), "commit"),
        ((DATA, PartCommit(1, SIGNER.write(new_ledger(INSERT).token()))), "commit"),
    ],
)
async def test_messages_that_are_not_in_order_are_refused(messages, field):
    """The refusal names what the caller has to say instead."""
    org = FakeBulkOrg()

    async def patient():
        for message in messages:
            yield message
            for _ in range(50):
                await asyncio.sleep(0)

    async with aclosing(loader(org).run(INSERT, new_ledger(INSERT, SMALL), patient())) as events:
        with pytest.raises((errors.InvalidRequest, errors.InvalidToken)) as caught:
            assert [event async for event in events]

    assert field == caught.value.violations[0].field
    assert [] == org.written


async def test_a_caller_that_closes_at_once_is_told_what_it_owes():
    """A part that is prepared only after the stream was closed cannot be committed, and nobody waits for it."""
    org = FakeBulkOrg()

    async with aclosing(loader(org).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA, DataEnd()))) as events:
        with pytest.raises(errors.InvalidRequest, match="closed before"):
            await asyncio.wait_for(anext(event async for event in events if isinstance(event, Finished)), 10)

    assert [] == org.written


async def test_an_end_belongs_to_loads_by_part():
    """A load that its end commits is ended by closing the stream alone."""
    request = LoadRequest("Lead", Operation.INSERT)

    async with aclosing(loader(FakeBulkOrg()).run(request, new_ledger(request), stream(DATA, DataEnd()))) as events:
        with pytest.raises(errors.InvalidRequest) as caught:
            assert [event async for event in events]

    assert "end" == caught.value.violations[0].field


async def test_no_more_parts_are_at_work_than_may_be():
    """Jobs beyond four wait, and with them the reading of data."""
    org = FakeBulkOrg(polls=5)
    most = 0

    class Counting(FakeClock):
        async def sleep(self, seconds):
            nonlocal most
            at_work = sum(job.state in {JobState.UPLOADED, JobState.PROCESSING} for job in org.jobs)
            most = max(most, at_work)
            await super().sleep(seconds)

    caller = Caller(INSERT, DATA, PartLimits(100, 3))

    await caller.call(loader(org, Counting()))

    assert 2 <= most <= 4
    assert NAMES == names(org)


async def test_parts_may_be_written_one_after_another():
    """Rows of one parent in several parts then lock it for nobody."""
    org = FakeBulkOrg(polls=5)
    most = 0

    class Counting(FakeClock):
        async def sleep(self, seconds):
            nonlocal most
            most = max(most, sum(job.state in {JobState.UPLOADED, JobState.PROCESSING} for job in org.jobs))
            await super().sleep(seconds)

    caller = Caller(replace(INSERT, is_serial=True), DATA, SMALL)

    await caller.call(loader(org, Counting()))

    assert 1 == most
    assert NAMES == names(org)


async def test_json_lines_go_on_too():
    """Parts have columns of their own, and are found again all the same."""
    request = replace(INSERT, format=Format.JSON_LINES)
    data = "".join(f'{{"LastName": "{name}", "F{name[1]}__c": 1}}\n' for name in NAMES).encode()
    org, caller = FakeBulkOrg(), Caller(request, data, PartLimits(10_000, 10))
    with pytest.raises(Killed):
        await call(caller, Process(org, Failpoint.COMMITTED, 3))

    await call_until_finished(caller, org)

    assert NAMES == names(org)


async def test_batches_go_on_by_their_rows():
    """Rows that come as columns are sent again from a row on, however they were cut before."""
    request = replace(INSERT, format=Format.BATCHES)
    org, tokens, finished = FakeBulkOrg(), [""], []

    async def listen(process, is_resumed):
        outgoing: asyncio.Queue[RowColumns | PartCommit | DataEnd] = asyncio.Queue()

        async def incoming():
            while True:
                yield await outgoing.get()

        ledger = Ledger.of(SIGNER.read(tokens[-1], org="prod")) if is_resumed else new_ledger(request, SMALL)
        running = process.loader().run(request, ledger, incoming(), is_resumed=is_resumed)
        async with aclosing(running) as events:
            async for event in events:
                tokens.append(event.resume_token)
                if isinstance(event, Accepted):
                    first = event.resume_from.next_row - 1 if event.resume_from else 0
                    for start in range(first, 60, 7):
                        some = NAMES[start : start + 7]
                        outgoing.put_nowait(RowColumns(len(some), (CellColumn("LastName", CellKind.TEXT, some),)))
                    outgoing.put_nowait(DataEnd())
                elif isinstance(event, Prepared):
                    outgoing.put_nowait(PartCommit(event.part.number, event.resume_token))
                elif isinstance(event, Finished):
                    finished.append(event)

    with pytest.raises(Killed):
        await asyncio.wait_for(listen(Process(org, Failpoint.DONE, 2), is_resumed=False), 10)
    await asyncio.wait_for(listen(Process(org), is_resumed=True), 10)

    assert NAMES == names(org)
    assert [RowCounts(created=60)] == [event.counts for event in finished]


async def test_a_resumed_load_says_so():
    """ACCEPTED of a load that begins names no place to go on from."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    (accepted,) = caller.accepted
    assert isinstance(accepted, Accepted)
    assert accepted.resume_from is None


class Away(FakeBulkOrg):
    """An org that is down for half a minute after some of its calls."""

    def __post_init__(self):
        super().__post_init__()
        self.clock = FakeClock()
        self.down_until = 0.0
        self.first = 10

    def _raise(self, method, faults, *, is_counted=True):
        super()._raise(method, faults, is_counted=is_counted)
        if len(self.calls) == self.first:
            self.down_until = self.clock.monotonic() + 30
        if self.clock.monotonic() < self.down_until:
            raise errors.UpstreamUnavailable("down", retry_after_seconds=2.0)


@pytest.mark.parametrize("first", range(2, 40, 6))
async def test_an_outage_of_half_a_minute_is_waited_out(first):
    """Whatever the load does when Salesforce goes down, it goes on when it is up again, and writes each row once."""
    org, caller = Away(), Caller(INSERT, DATA, SMALL)
    org.first = first

    await caller.call(loader(org, org.clock))

    assert org.down_until
    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts


async def test_an_outage_that_is_not_waited_out_ends_the_load(monkeypatch):
    """Without patience the load breaks off half-way, and nothing is lost or doubled when it is gone on with."""
    monkeypatch.setattr("service.bulk.running.job_steps.OUTAGE_SECONDS", 1.0)
    down: list[BaseException | None] = [None, errors.UpstreamUnavailable("down", retry_after_seconds=2.0)]
    org, caller = FakeBulkOrg(faults={"upload": down}), Caller(INSERT, DATA, SMALL)
    with pytest.raises(errors.UpstreamUnavailable):
        await call(caller, loader(org))

    await call(caller, loader(org))

    assert NAMES == names(org)


async def test_answers_that_are_lost_change_nothing():
    """Each call that changes something happens, and its answer does not arrive."""
    lost: list[BaseException | None] = [errors.OutcomeUnknown("lost")]
    org = FakeBulkOrg(faults_after={method: list(lost) for method in ("create_job", "upload", "complete")})
    caller = Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    assert NAMES == names(org)


async def test_loads_share_the_room_for_parts():
    """Parts of all loads wait for one another, and what a load that ended early took is given back."""
    room = asyncio.Semaphore(1)
    org = FakeBulkOrg()
    broken = replace(loader(org), slots=room).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA))
    async with aclosing(broken) as events:
        with pytest.raises(errors.InvalidRequest):
            assert [event async for event in events]
    callers = [Caller(INSERT, DATA, SMALL) for _ in range(3)]

    await asyncio.gather(*(call(caller, replace(loader(org), slots=room)) for caller in callers))

    assert [60, 60, 60] == [caller.counts.created for caller in callers]
    assert not room.locked()


async def test_a_load_that_has_too_many_parts_ends_after_them(monkeypatch):
    """The parts that its token has room for are loaded and told of, and the refusal names the first row that is not."""
    monkeypatch.setattr(ledger, "MAX_PARTS", 3)
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    with pytest.raises(errors.MessageTooLarge, match="from 31 on"):
        await call(caller, loader(org))

    assert NAMES[:30] == names(org)
    assert 3 == sum(isinstance(event, PartDone) for event in caller.events)


@pytest.mark.parametrize("fault", [errors.AccessDenied("no"), asyncio.CancelledError()])
async def test_a_part_that_a_call_could_not_bring_leaves_no_open_job(fault):
    """Its job is named by no token, so it is aborted whatever ended the call."""
    org = FakeBulkOrg(faults={"upload": [fault]})
    request = replace(INSERT, commit=Commit.BY_CALL)
    known, clock = new_ledger(request), FakeClock()
    slots = Slots(asyncio.Semaphore(1))
    desk = Desk(request, org, clock, known, SIGNER, pass_by, Allowance(org, org="prod"), slots)
    splitter = splitter_of(request, known.limits, known.end)
    part = only_part([*splitter.feed(DATA), *splitter.finish()])

    with part.content, pytest.raises(type(fault)):
        await add_part(desk, part)

    assert [JobState.ABORTED] == [job.state for job in org.jobs]
