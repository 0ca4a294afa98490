"""What a load tells of its rows: each one once, with the record or the reason."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import errors
from service.bulk.job import JobState
from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.results import report
from service.bulk.results.outcomes import RowOutcome
from service.bulk.telling.events import Finished, Results
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import load
from tests.unit.bulk.three_rows import DATA, ERROR, INSERT, UPSERT, counts_of, rows_of, without_name


async def test_a_result_carries_the_record_or_the_reason():
    """A written row has its id, a refused one Salesforce's code, words and fields."""
    events = await load(UPSERT, FakeBulkOrg(judge=without_name), DATA)

    rows = {row.row: row for event in events if isinstance(event, Results) for row in event.rows}
    assert len(rows[1].record_id) == 18
    assert rows[1].error is None
    assert rows[2].record_id == ""
    assert rows[2].error is not None
    assert (rows[2].error.code, rows[2].error.fields) == ("REQUIRED_FIELD_MISSING", ("LastName",))


@given(
    verdicts=st.lists(st.sampled_from(["", "A:x:--", None]), min_size=1, max_size=30),
    names=st.integers(1, 30),
    results=st.sampled_from(WantedResults),
    operation=st.sampled_from(Operation),
    final=st.sampled_from([JobState.COMPLETE, JobState.FAILED, JobState.ABORTED]),
)
def test_the_counts_add_up(verdicts, names, results, operation, final):
    """Whatever becomes of whichever rows, equal ones too, each is counted once and told as wanted."""
    request = LoadRequest("Lead", operation, "Ext__c" if operation is Operation.UPSERT else "", results=results)
    table = [(f"N{number % names}", number % names) for number in range(len(verdicts))]
    # A deletion takes ids alone.
    columns = ["Id"] if operation in {Operation.DELETE, Operation.HARD_DELETE} else ["Id", "Ext__c"]
    lines = (",".join([name, str(number)][: len(columns)]) for name, number in table)
    data = "\n".join([",".join(columns), *lines])
    org = FakeBulkOrg(
        judge=lambda row: verdicts[int(row["Id"][1:])], creates=lambda row: int(row["Id"][1:]) % 2 == 0, final=final
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


async def test_a_job_that_fails_half_way_tells_each_row():
    """Rows written before stay written; the others were not tried."""
    org = FakeBulkOrg(
        judge=lambda row: "" if row["Ext__c"] == "L-1" else None, final=JobState.FAILED, error_message="Internal"
    )

    events = await load(UPSERT, org, DATA)

    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.load.state, finished.load.error_message) == (JobState.FAILED, "Internal")
    assert counts_of(finished) == (1, 0, 0, 0, 2, 0)
    assert rows_of(events) == [(1, "created"), (2, "not_processed"), (3, "not_processed")]


async def test_rows_without_any_line_were_not_tried():
    """Batches above the daily allocation leave no line; a failed job's missing rows count as not processed."""
    org = FakeBulkOrg(
        judge=lambda row: "" if row["Ext__c"] == "L-3" else None,
        final=JobState.FAILED,
        edit=lambda file, lines: lines[:1] if file == "unprocessedrecords" else lines,
    )

    events = await load(UPSERT, org, DATA)

    assert rows_of(events) == [(1, "not_processed"), (2, "not_processed"), (3, "created")]


async def test_a_job_without_any_result_is_a_failed_load():
    """A job that Salesforce failed as a whole is an error with its id, state and words."""
    org = FakeBulkOrg(
        judge=lambda row: None,
        final=JobState.FAILED,
        error_message="InvalidBatch : no",
        edit=lambda file, lines: lines[:1],
    )

    with pytest.raises(errors.LoadFailed, match="InvalidBatch : no") as caught:
        await load(UPSERT, org, DATA)

    assert caught.value.metadata == {"job_id": "750000000000001AAA", "state": "Failed"}


async def test_equal_rows_are_told_apart_by_turn():
    """Rows with the same cells get one number each."""
    request = LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL)

    events = await load(request, FakeBulkOrg(), b"LastName\nA\nB\nA\nA\n")

    assert rows_of(events) == [(1, "created"), (2, "created"), (3, "created"), (4, "created")]
