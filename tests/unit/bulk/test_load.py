"""A load from the first byte to the last result, whatever the caller, Salesforce and the network do."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk import report
from service.bulk.data import Format
from service.bulk.events import Accepted, Finished, PartDone, Prepared, Progress, Results
from service.bulk.job import LoadRequest, LoadState, Operation, WantedResults
from service.bulk.mapping import FieldMapping
from service.bulk.outcomes import RowCounts, RowOutcome
from service.bulk.parts import PartLimits
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import load, loader, new_ledger, stream

ERROR = "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
INSERT = LoadRequest("Lead", Operation.INSERT)
UPSERT = LoadRequest("Lead", Operation.UPSERT, "Ext__c", results=WantedResults.ALL)
DATA = b"Ext__c,LastName\nL-1,Curie\nL-2,\nL-3,Meitner\n"


async def run(request, org, messages, clock=None):
    async with aclosing(loader(org, clock).run(request, new_ledger(request), messages)) as events:
        async for event in events:
            yield event


def rows_of(events):
    return sorted((row.row, row.outcome.value) for event in events if isinstance(event, Results) for row in event.rows)


def counts_of(finished):
    return finished.counts.by_outcome


def without_name(row):
    return "" if row["LastName"] else ERROR


async def test_a_load_tells_everything_in_order():
    """Accepted comes first, then progress, then results by row number, then the counts."""
    org = FakeBulkOrg(judge=without_name, creates=lambda row: row["Ext__c"] == "L-1")

    events = await load(UPSERT, org, DATA[:20], DATA[20:])

    assert isinstance(events[0], Accepted)
    assert events[0].load.state is LoadState.OPEN
    assert events[0].load.created_at == 1_800_000_000.0
    states = [event.load.state for event in events if isinstance(event, Progress)]
    wanted = [LoadState.OPEN, LoadState.UPLOADED, LoadState.PROCESSING, LoadState.COMPLETE]
    assert wanted == list(dict.fromkeys(states))
    assert rows_of(events) == [(1, "created"), (2, "failed"), (3, "updated")]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.rows_received == 3
    assert counts_of(finished) == (1, 1, 0, 1, 0, 0)
    assert org.jobs[0].uploaded == DATA
    assert not any(isinstance(event, Prepared) for event in events)
    assert isinstance(events[-2], PartDone)


async def test_a_result_carries_the_record_or_the_reason():
    """A written row has its id, a refused one Salesforce's code, words and fields."""
    events = await load(UPSERT, FakeBulkOrg(judge=without_name), DATA)

    rows = {row.row: row for event in events if isinstance(event, Results) for row in event.rows}
    assert len(rows[1].record_id) == 18
    assert rows[1].error is None
    assert rows[2].record_id == ""
    assert rows[2].error is not None
    assert (rows[2].error.code, rows[2].error.fields) == ("REQUIRED_FIELD_MISSING", ("LastName",))


async def test_json_lines_load_alike():
    """Keys that come late make columns, and results still find their rows."""
    request = LoadRequest("Lead", Operation.INSERT, format=Format.JSON_LINES, results=WantedResults.ALL)
    data = b'{"LastName": "Curie"}\n{"FirstName": "Lise", "LastName": null}\n'
    org = FakeBulkOrg(judge=lambda row: "X:no:LastName --" if row["LastName"] == "#N/A" else "")

    events = await load(request, org, data)

    assert org.jobs[0].rows == [{"LastName": "Curie", "FirstName": ""}, {"LastName": "#N/A", "FirstName": "Lise"}]
    assert rows_of(events) == [(1, "created"), (2, "failed")]


@given(
    verdicts=st.lists(st.sampled_from(["", "A:x:--", None]), min_size=1, max_size=30),
    names=st.integers(1, 30),
    results=st.sampled_from(WantedResults),
    operation=st.sampled_from(Operation),
    final=st.sampled_from([LoadState.COMPLETE, LoadState.FAILED, LoadState.ABORTED]),
)
def test_the_counts_add_up(verdicts, names, results, operation, final):
    """Whatever becomes of whichever rows, equal ones too, each is counted once and told as wanted."""
    request = LoadRequest("Lead", operation, "Ext__c" if operation is Operation.UPSERT else "", results=results)
    table = [(f"N{number % names}", number % names) for number in range(len(verdicts))]
    data = "Id,Ext__c\n" + "".join(f"{name},{number}\n" for name, number in table)
    org = FakeBulkOrg(
        judge=lambda row: verdicts[int(row["Ext__c"])], creates=lambda row: int(row["Ext__c"]) % 2 == 0, final=final
    )

    events = asyncio.run(load(request, org, data.encode()))

    finished = events[-1]
    assert isinstance(finished, Finished)
    assert len(verdicts) == finished.rows_received == sum(counts_of(finished))
    expected = Counter(
        "failed" if verdict else "not_processed" if verdict is None else written_as(operation, number)
        for verdict, number in ((verdicts[number], number) for _, number in table)
    )
    counted = dict(zip((outcome.value for outcome in RowOutcome), counts_of(finished), strict=True))
    assert dict(expected) == {outcome: count for outcome, count in counted.items() if count}
    told = rows_of(events)
    assert len({row for row, _ in told}) == len(told)
    wanted = {
        WantedResults.ALL: set(counted),
        WantedResults.FAILURES: {"failed", "not_processed", "unknown"},
        WantedResults.NONE: set[str](),
    }[results]
    assert {name: count for name, count in expected.items() if name in wanted} == Counter(name for _, name in told)


def written_as(operation, number):
    if operation is Operation.UPSERT:
        return "created" if number % 2 == 0 else "updated"
    return {Operation.INSERT: "created", Operation.UPDATE: "updated"}.get(operation, "deleted")


@pytest.mark.parametrize(
    ("request_", "judge", "files"),
    [
        (INSERT, lambda row: "", []),
        (INSERT, without_name, ["failedResults"]),
        (LoadRequest("Lead", Operation.INSERT, results=WantedResults.NONE), lambda row: "", []),
        (LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL), lambda row: "", ["successfulResults"]),
        (LoadRequest("Lead", Operation.UPSERT, "Ext__c"), lambda row: "", ["successfulResults"]),
        (LoadRequest("Lead", Operation.UPSERT, "Ext__c"), lambda row: ERROR, ["failedResults"]),
        (INSERT, lambda row: None, ["successfulResults", "failedResults", "unprocessedrecords"]),
    ],
)
async def test_only_files_that_say_more_are_fetched(request_, judge, files):
    """A file that can only repeat the job's own counts costs no call."""
    org = FakeBulkOrg(judge=judge)

    await load(request_, org, DATA)

    assert files == [call for call in org.calls if call.endswith(("Results", "records"))]


async def test_results_come_in_batches_of_a_thousand(monkeypatch):
    """No message holds more results than its limit."""
    request = LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL)
    data = b"LastName\n" + b"".join(b"N%d\n" % number for number in range(2500))

    events = await load(request, FakeBulkOrg(), data)

    sizes = [len(event.rows) for event in events if isinstance(event, Results)]
    assert sizes == [1000, 1000, 500]
    assert report.ROWS_A_BATCH == 1000


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

    assert org.jobs[0].state is LoadState.ABORTED


async def test_a_commit_that_ran_out_of_time_is_left_alone():
    """After the deadline it is unknown whether the commit arrived: the job is not aborted."""
    org = FakeBulkOrg(faults_after={"complete": [errors.DeadlineExceeded("late")]})

    with pytest.raises(errors.DeadlineExceeded):
        await load(INSERT, org, DATA)

    assert org.jobs[0].state is LoadState.UPLOADED


async def test_a_commit_of_which_nobody_can_be_asked_is_left_alone():
    """Where its answer is lost and the job cannot be asked for either, it may be committed: it is not aborted."""
    org = FakeBulkOrg(
        faults={"job_info": [errors.AccessDenied("no")]}, faults_after={"complete": [errors.OutcomeUnknown("lost")]}
    )

    with pytest.raises(errors.AccessDenied):
        await load(INSERT, org, DATA)

    assert "abort" not in org.calls
    assert LoadState.UPLOADED is org.jobs[0].state


async def test_a_lost_upload_is_given_to_another_job():
    """What arrived of it is unknown, and a job takes data once; the first one is aborted and writes nothing."""
    org = FakeBulkOrg(faults_after={"upload": [errors.OutcomeUnknown("lost")]})

    events = await load(INSERT, org, DATA)

    assert isinstance(events[-1], Finished)
    assert [LoadState.ABORTED, LoadState.COMPLETE] == [job.state for job in org.jobs]
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


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (b"", 0, "empty"),
        (b"LastName\n", 0, "no row"),
        (b"LastName\n\n\n", 0, "no row"),
        (b"LastName\n1,2\n", 1, "cells"),
    ],
)
async def test_data_that_is_wrong_from_the_start_costs_nothing(data, row, words):
    """Without one row that can be read no job is created."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData, match=words) as caught:
        await load(INSERT, org, data)

    assert row == caught.value.row
    assert org.calls == []


@pytest.mark.parametrize(
    ("request_", "column"),
    [
        (LoadRequest("Lead", Operation.UPDATE), "Id"),
        (LoadRequest("Lead", Operation.DELETE), "Id"),
        (LoadRequest("Lead", Operation.UPSERT, "Key__c"), "Key__c"),
        (LoadRequest("Lead", Operation.UPSERT, "Key__c", format=Format.JSON_LINES), "Key__c"),
    ],
)
async def test_a_missing_key_column_is_named(request_, column):
    """Salesforce would fail every row, so the load is refused before a job is committed."""
    org = FakeBulkOrg()
    data = DATA if request_.format is Format.CSV else b'{"LastName": "Curie"}\n'

    with pytest.raises(errors.InvalidData, match=column) as caught:
        await load(request_, org, data)

    assert caught.value.row == 0
    assert "complete" not in org.calls


@pytest.mark.parametrize("operation", [Operation.DELETE, Operation.HARD_DELETE])
@pytest.mark.parametrize(
    ("mapping", "data"),
    [
        (FieldMapping(), b"LastName,Id\nCurie,003000000000001AAA\n"),
        (FieldMapping(constants={"LastName": "Curie"}), b"Id\n003000000000001AAA\n"),
    ],
)
async def test_a_deletion_takes_nothing_but_ids(operation, mapping, data):
    """Salesforce fails the whole job over another column, so the load is refused before there is one."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData, match="the column Id alone; leave 'LastName' out") as caught:
        await load(LoadRequest("Lead", operation, mapping=mapping), org, data)

    assert 0 == caught.value.row
    assert [] == org.calls


async def test_a_deletion_may_leave_columns_out():
    """What is mapped to nothing does not reach Salesforce."""
    request = LoadRequest("Lead", Operation.DELETE, mapping=FieldMapping(ignored=frozenset(["LastName"])))

    events = await load(request, FakeBulkOrg(), b"LastName,ID\nCurie,003000000000001AAA\n")

    assert isinstance(events[-1], Finished)


async def test_the_key_column_ignores_case():
    """Salesforce's names do not distinguish case."""
    request = LoadRequest("Lead", Operation.UPSERT, "EXT__C")

    events = await load(request, FakeBulkOrg(), DATA)

    assert isinstance(events[-1], Finished)


async def test_bad_data_after_the_begin_aborts():
    """A row that cannot be read aborts the job, and the caller learns its number."""
    org = FakeBulkOrg()
    good = b"LastName\n" + b"Curie\n" * 20_000

    with pytest.raises(errors.InvalidData) as caught:
        await load(INSERT, org, good, b'"\n')

    assert caught.value.row == 20_001
    assert ["batches_left", "create_job", "abort"] == org.calls


async def test_too_much_data_is_refused():
    """What does not fit in one part is refused with the limit, and nothing is written."""
    org = FakeBulkOrg()
    part = b"Curie\n" * 15_000

    with pytest.raises(errors.MessageTooLarge) as caught:
        await load(INSERT, org, b"LastName\n" + part, part, limits=PartLimits(100_000, 1_000_000))

    assert caught.value.metadata["limit_bytes"] == "100000"
    assert {LoadState.ABORTED} >= {job.state for job in org.jobs}


async def test_a_bad_row_behind_a_whole_part_writes_nothing():
    """A load that its end commits is written whole or not at all, however much of it was uploaded before."""
    org = FakeBulkOrg()

    with pytest.raises(errors.InvalidData):
        await load(INSERT, org, b"LastName\n" + b"Curie\n" * 11, b"a,b\n", limits=PartLimits(1_000, 10))

    assert [] == org.written
    assert {LoadState.ABORTED} >= {job.state for job in org.jobs}


async def test_a_caller_whose_stream_breaks_writes_nothing():
    """An error of the caller's stream passes through."""
    org = FakeBulkOrg()
    data = stream(b"LastName\n" + b"Curie\n" * 20_000, then=ConnectionResetError())

    with pytest.raises(ConnectionResetError):
        await consume(data, org)

    assert [LoadState.ABORTED] == [job.state for job in org.jobs]


async def consume(data, org):
    async with aclosing(run(INSERT, org, data)) as events:
        assert [event async for event in events]


class SlowUpload(FakeBulkOrg):
    """An org that never takes data."""

    def __post_init__(self):
        super().__post_init__()
        self.begun = asyncio.Event()

    async def upload(self, job_id, content):
        self.begun.set()
        await asyncio.Event().wait()


async def test_a_caller_that_leaves_aborts():
    """Closing the iterator before the commit aborts the job."""
    org = SlowUpload()

    async with aclosing(run(INSERT, org, stream(DATA))) as events:
        assert isinstance(await anext(events), Accepted)
        await org.begun.wait()

    assert [LoadState.ABORTED] == [job.state for job in org.jobs]


async def test_a_caller_that_leaves_after_the_commit_does_not_abort():
    """A committed load goes on in Salesforce whoever listens."""
    org = FakeBulkOrg(polls=10)

    async with aclosing(run(INSERT, org, stream(DATA))) as events:
        async for event in events:
            if isinstance(event, Progress) and event.load.state is LoadState.PROCESSING:
                break

    assert "abort" not in org.calls
    assert org.jobs[0].state is LoadState.PROCESSING


async def test_a_cancelled_load_aborts():
    """Cancelling the caller while data goes up aborts the job before the cancellation passes on."""
    org = SlowUpload()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is LoadState.ABORTED


class SlowAbort(SlowUpload):
    """An org that takes its time to abort, too."""

    def __post_init__(self):
        super().__post_init__()
        self.aborting = asyncio.Event()
        self.may_end = asyncio.Event()

    async def abort(self, job_id):
        self.aborting.set()
        await self.may_end.wait()
        return await super().abort(job_id)


async def test_a_second_cancellation_does_not_stop_the_abort():
    """An abort under way is finished even when the caller is cancelled again."""
    org = SlowAbort()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    await org.aborting.wait()
    task.cancel()
    await asyncio.sleep(0)
    org.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is LoadState.ABORTED


async def test_an_abort_that_hangs_is_given_up(monkeypatch):
    """Salesforce cannot hold a caller back for longer than the bound."""
    monkeypatch.setattr("service.bulk.job_steps.ABORT_SECONDS", 0.0)
    org = SlowAbort()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is LoadState.OPEN


async def test_an_abort_that_fails_hides_nothing():
    """The caller learns why its load was refused, not that the abort failed too."""
    org = FakeBulkOrg(faults={"complete": [errors.AccessDenied("no")], "abort": [errors.UpstreamUnavailable("down")]})

    with pytest.raises(errors.AccessDenied):
        await load(INSERT, org, DATA)

    assert "abort" in org.calls


async def test_a_load_that_the_day_has_no_room_for_is_refused():
    """Rows beyond the day's batches would be neither written nor told of, so none is sent."""
    org = FakeBulkOrg(batches=1)
    data = b"LastName\n" + b"Curie\n" * 10_001

    with pytest.raises(errors.AllocationExceeded, match="1 more bulk batches"):
        await load(INSERT, org, data)

    assert ["batches_left", "create_job", "batches_left", "abort"] == org.calls


async def test_a_job_that_fails_half_way_tells_each_row():
    """Rows written before stay written; the others were not tried."""
    org = FakeBulkOrg(
        judge=lambda row: "" if row["Ext__c"] == "L-1" else None, final=LoadState.FAILED, error_message="Internal"
    )

    events = await load(UPSERT, org, DATA)

    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.load.state, finished.load.error_message) == (LoadState.FAILED, "Internal")
    assert counts_of(finished) == (1, 0, 0, 0, 2, 0)
    assert rows_of(events) == [(1, "created"), (2, "not_processed"), (3, "not_processed")]


async def test_rows_without_any_line_were_not_tried():
    """Batches above the daily allocation leave no line; a failed job's missing rows count as not processed."""
    org = FakeBulkOrg(
        judge=lambda row: "" if row["Ext__c"] == "L-3" else None,
        final=LoadState.FAILED,
        edit=lambda file, lines: lines[:1] if file == "unprocessedrecords" else lines,
    )

    events = await load(UPSERT, org, DATA)

    assert rows_of(events) == [(1, "not_processed"), (2, "not_processed"), (3, "created")]


async def test_a_tried_row_without_its_line_is_not_called_untried():
    """When Salesforce says it tried more rows than it tells of, a row may have been written: it is told as unknown."""
    org = FakeBulkOrg(
        final=LoadState.FAILED, edit=lambda file, lines: lines[:-1] if file == "successfulResults" else lines
    )

    events = await load(UPSERT, org, DATA)

    assert ["created", "created", "unknown"] == sorted(outcome for _, outcome in rows_of(events))
    assert (2, 0, 0, 0, 0, 1) == counts_of(events[-1])


async def test_a_job_without_any_result_is_a_failed_load():
    """A job that Salesforce failed as a whole is an error with its id, state and words."""
    org = FakeBulkOrg(
        judge=lambda row: None,
        final=LoadState.FAILED,
        error_message="InvalidBatch : no",
        edit=lambda file, lines: lines[:1],
    )

    with pytest.raises(errors.LoadFailed, match="InvalidBatch : no") as caught:
        await load(UPSERT, org, DATA)

    assert caught.value.metadata == {"job_id": "750000000000001AAA", "state": "Failed"}


@pytest.mark.parametrize(
    ("edit", "outcomes"),
    [
        (lambda file, lines: lines[:-1], ["created", "created", "unknown"]),
        (lambda file, lines: [*lines, lines[-1]], ["created"] * 3),
        (lambda file, lines: [*lines[:-1], [*lines[-1][:-1], "Altered"]], ["created"] * 3),
        (lambda file, lines: [*lines[:-1], lines[-1][:-1]], ["created", "created", "unknown"]),
        (lambda file, lines: [["<html>Bad Gateway</html>"]], ["unknown"] * 3),
        (lambda file, lines: [], ["unknown"] * 3),
    ],
    ids=["few", "many", "altered", "cut", "page", "empty"],
)
async def test_results_that_never_fit_the_rows_are_told_as_far_as_they_go(edit, outcomes):
    """A line too few, too many, cut or about another row ends no load: counts add up, and no outcome is made up."""
    org = FakeBulkOrg(edit=edit)

    events = await load(UPSERT, org, DATA)

    assert outcomes == sorted(outcome for _, outcome in rows_of(events))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert 3 == sum(counts_of(finished)) == finished.rows_received
    assert 3 == len(org.written)


async def test_a_doubt_is_looked_into_three_times():
    """Salesforce is given some time to complete its results, and not for ever."""
    org, clock = FakeBulkOrg(edit=lambda file, lines: lines[:-1]), FakeClock()

    await load(UPSERT, org, DATA, clock=clock)

    assert [2.0, 10.0, 30.0] == clock.sleeps[-3:]
    assert 4 == org.calls.count("successfulResults")


@pytest.mark.parametrize("broken", [1, 3])
async def test_results_that_are_cut_once_are_read_again(broken):
    """A file that a proxy cut is fetched anew before anything of it is told, and nothing is missing then."""
    left = broken

    def cut(file, lines):
        nonlocal left
        left -= 1
        return lines[:-1] if left >= 0 else lines

    events = await load(UPSERT, FakeBulkOrg(edit=cut), DATA)

    assert [(1, "created"), (2, "created"), (3, "created")] == rows_of(events)
    assert (3, 0, 0, 0, 0, 0) == counts_of(events[-1])


async def test_failures_that_cannot_be_told_apart_are_not_made_up():
    """A caller that wants failures, and whose file of them lacks some, gets the rest as rows of unknown outcome."""
    org = FakeBulkOrg(judge=without_name, edit=lambda file, lines: lines[:1] if file == "failedResults" else lines)

    events = await load(INSERT, org, DATA)

    assert [(2, "unknown")] == rows_of(events)
    assert (2, 0, 0, 0, 0, 1) == counts_of(events[-1])


async def test_equal_rows_are_told_apart_by_turn():
    """Rows with the same cells get one number each."""
    request = LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL)

    events = await load(request, FakeBulkOrg(), b"LastName\nA\nB\nA\nA\n")

    assert rows_of(events) == [(1, "created"), (2, "created"), (3, "created"), (4, "created")]


async def test_progress_while_data_comes_in_is_at_most_once_a_second():
    """A fast stream does not drown its caller in progress."""
    clock = FakeClock()
    part = b"Curie\n" * 20_000

    async def data():
        # The next message comes in while one is worked on.
        yield b"LastName\n" + part
        yield part
        for _ in range(8):
            clock.advance(0.25)
            yield part

    async with aclosing(run(INSERT, FakeBulkOrg(), data(), clock)) as stream_of_events:
        events = [event async for event in stream_of_events]

    received = [
        event.rows_received for event in events if isinstance(event, Progress) and event.load.state is LoadState.OPEN
    ]
    assert len(set(received)) == 4
    assert received == sorted(received)
    assert received[-1] == 200_000


def test_an_upsert_needs_its_field():
    """An external-id field belongs to an upsert and to nothing else."""
    for operation, field in ((Operation.UPSERT, ""), (Operation.INSERT, "Ext__c")):
        with pytest.raises(errors.InvalidRequest, match="external_id_field"):
            LoadRequest("Lead", operation, field)


def test_an_unknown_state_is_a_protocol_error():
    """A state that is not documented is not taken for one that is."""
    assert LoadState.named("InProgress") is LoadState.PROCESSING
    with pytest.raises(errors.UpstreamProtocolError):
        LoadState.named("Paused")


class Boasting(FakeBulkOrg):
    """An org that counts more failures than rows."""

    def _info(self, job):
        return replace(super()._info(job), rows_failed=5 if job.state.is_final else 0)


@pytest.mark.parametrize("wanted", list(WantedResults))
async def test_more_failures_than_rows_are_not_believed(wanted):
    """Counts that cannot be are held against the result files, and no row is counted below nought."""
    org = Boasting()

    events = await load(replace(INSERT, results=wanted), org, DATA)

    assert isinstance(events[-1], Finished)
    assert RowCounts(created=3) == events[-1].counts


class Telling(FakeBulkOrg):
    """An org that lets know when its results are asked for."""

    def __post_init__(self):
        super().__post_init__()
        self.asked = asyncio.Event()

    async def results(self, job_id, file, begin):
        self.asked.set()
        return await super().results(job_id, file, begin)


async def test_a_caller_that_reads_nothing_gives_its_room_back(monkeypatch):
    """What the load holds is freed while its caller sleeps, which is told so when it wakes."""
    monkeypatch.setattr("service.bulk.outbox.UNREAD_SECONDS", 0.01)
    org, slots = Telling(polls=1), asyncio.Semaphore(1)
    request, data = replace(INSERT, results=WantedResults.ALL), b"LastName\n" + b"Curie\n" * 20_000
    running = replace(loader(org), slots=slots).run(request, new_ledger(request), stream(data))

    async with aclosing(running) as events, asyncio.timeout(20):
        await anext(events)
        await org.asked.wait()
        await slots.acquire()
        with pytest.raises(errors.DeadlineExceeded, match="was read"):
            assert [event async for event in events]

    assert "abort" not in org.calls
