"""A run of several loads, and what it makes of what became of their rows."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sluicegate import Accepted, BulkLoad, BulkLoadStep, BulkPart, Event, Finished, TokenFile

from service.cli.bulk.migrating import Migrating
from service.cli.bulk.notes import NoteFile
from service.cli.bulk.run_file import Counts, Run, RunFile, Step
from service.cli.bulk.run_steps import note_of
from service.cli.bulk.sources import Source

STEP = BulkLoadStep(0, False, "insert", "", ("LastName",), (), "")
PART = BulkPart(1, 1, 3, "done", ("750",), rows_created=2, rows_unknown=1)
LOAD = BulkLoad("t", "Lead", "insert", "complete", "750", 3, 0, datetime(2026, 1, 1, tzinfo=UTC), "", "load", (PART,))
FINISHED = Finished(LOAD, 3, 2, 0, 0, 0, 0, rows_unknown=1)


class Telling:
    """A client of one load, which tells some events and stands as it stands."""

    def __init__(self, *events: Event) -> None:
        self._events = events

    async def bulk_load(self, *_arguments: object, **_options: object) -> AsyncGenerator[Event, None]:
        """Tell them."""
        for event in self._events:
            yield event

    async def get_bulk_load(self, _token: str) -> BulkLoad:
        """Tell how it stands."""
        return LOAD


def run_of(folder: Path) -> Run:
    """Return a run of one file."""
    data = folder / "leads.csv"
    data.write_text("LastName\nCurie\nMeitner\nNoether\n", encoding="utf-8")
    return Run("run", [Source(file=str(data), object="Lead")], [Step(STEP)], "", "here:1")


async def migrate(run: Run, folder: Path, *events: Event) -> tuple[int, list[str], Counts | None]:
    """Go on with a run; return the command's status, what it told, and what it noted of the load."""
    told: list[str] = []
    with TokenFile(folder / "run") as file:
        kept = RunFile(file, run)
        status = await Migrating(kept, folder / "run", told.append, tells_json=False).run(cast("Any", Telling(*events)))
    return status, told, kept.run.steps[0].counts


async def test_rows_of_which_nobody_knows_are_not_taken_for_written(tmp_path):
    """They are counted and told, and the command says that not all is well."""
    status, told, counts = await migrate(run_of(tmp_path), tmp_path, Accepted(LOAD), FINISHED)

    assert (1, Counts(received=3, created=2, unknown=1)) == (status, counts)
    assert told[0].startswith("1/1 leads.csv")
    assert "3 rows: 2 created, 1 unknown" in told[0]


async def test_a_load_that_was_over_before_is_counted_alike(tmp_path):
    """Its parts tell what the end of the load did, when the run was killed between the two."""
    run = run_of(tmp_path)
    with TokenFile(tmp_path / "leads.csv.load") as file:
        note = NoteFile(file, note_of(run, 0))
        note.keep("t")
        note.finish()

    status, _, counts = await migrate(run, tmp_path)

    assert (1, Counts(received=3, created=2, unknown=1)) == (status, counts)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(), "0 rows"),
        (Counts(received=2, created=1, updated=1), "2 rows: 1 created, 1 updated"),
        (
            Counts(received=2003, failed=2000, not_processed=2, unknown=1, orphans=7),
            "2,003 rows: 2,000 failed, 7 of them because their parents did, 2 not processed, 1 unknown",
        ),
    ],
)
def test_counts_are_told_in_words(counts, words):
    """Outcomes that no row had are left out."""
    assert words == counts.told()
