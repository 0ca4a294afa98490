"""Result files that contradict their jobs: they are fetched again, and what stays in doubt is told as unknown."""

from dataclasses import replace

import pytest

from service.bulk.job import JobState
from service.bulk.request import WantedResults
from service.bulk.results.outcomes import RowCounts
from service.bulk.telling.events import Finished
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import load
from tests.unit.bulk.three_rows import DATA, INSERT, UPSERT, counts_of, rows_of, without_name


async def test_a_tried_row_without_its_line_is_not_called_untried():
    """When Salesforce says it tried more rows than it tells of, a row may have been written: it is told as unknown."""
    org = FakeBulkOrg(
        final=JobState.FAILED, edit=lambda file, lines: lines[:-1] if file == "successfulResults" else lines
    )

    events = await load(UPSERT, org, DATA)

    assert ["created", "created", "unknown"] == sorted(outcome for _, outcome in rows_of(events))
    assert (2, 0, 0, 0, 0, 1) == counts_of(events[-1])


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


async def test_results_of_a_job_that_ended_early_are_read_again():
    """Of a job that did not come to its end, the lines of both files are held against the rows that it tried."""
    looks = 0

    def late(file, lines):
        nonlocal looks
        looks += file == "successfulResults"
        return lines[:-1] if looks == 1 and file == "successfulResults" else lines

    org = FakeBulkOrg(judge=lambda row: None if row["Ext__c"] == "L-3" else "", final=JobState.FAILED, edit=late)

    events = await load(INSERT, org, DATA)

    assert RowCounts(created=2, not_processed=1).by_outcome == counts_of(events[-1])


async def test_rows_beside_a_line_about_another_row_are_not_called_untried():
    """As many lines as rows were tried, one about a row that was not sent: one without a line may be written."""

    def altered(file, lines):
        return [*lines[:-1], [*lines[-1][:-1], "Altered"]] if file == "successfulResults" else lines

    org = FakeBulkOrg(judge=lambda row: None if row["Ext__c"] == "L-3" else "", final=JobState.FAILED, edit=altered)

    events = await load(INSERT, org, DATA)

    assert RowCounts(created=1, not_processed=1, unknown=1).by_outcome == counts_of(events[-1])
