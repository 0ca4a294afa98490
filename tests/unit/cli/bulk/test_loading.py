"""A load that a file of its own, or the org, ends early."""

import errno
import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sluicegate import (
    Accepted,
    BulkLoad,
    BulkPart,
    Event,
    Finished,
    Prepared,
    Progress,
    Results,
    RowResult,
    SluicegateError,
    TokenFile,
)

from service.cli.bulk.loading import Loading
from service.cli.bulk.notes import Note, NoteFile

LOAD = BulkLoad("t", "Lead", "insert", "open", "", 0, 0, datetime(2026, 1, 1, tzinfo=UTC), "")
PART = BulkPart(1, 1, 1, "prepared", ("750",))
ROW = RowResult(1, "failed", "", "FIELD_TOO_LONG", "too long", (), "STRING_TOO_LONG")


class Telling:
    """A client whose load tells some events, and then fails."""

    def __init__(self, *events: Event, error: Exception | None = None) -> None:
        self._events = events
        self._error = error

    async def bulk_load(self, *_arguments: object, **_options: object) -> AsyncGenerator[Event, None]:
        """Tell them."""
        for event in self._events:
            yield event
        if self._error is not None:
            raise self._error


async def run(client: Telling, folder: Path, operation: str = "insert") -> int:
    """Load a file by that client, and return the command's status."""
    data, failures, path = folder / "a.csv", folder / "f.csv", folder / "a.csv.load"
    data.write_text("A\n1\n", encoding="utf-8")
    note = Note(str(data), "Lead", operation, "", "csv", cast("Any", {}), str(failures), "", "here:1")
    with TokenFile(path) as file:
        return await Loading(NoteFile(file, note), path).run(cast("Any", client))


async def test_a_full_disk_breaks_a_load_off(tmp_path, monkeypatch, capsys):
    """Rows are written by then: the file that has no room is named, and how to go on."""

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    status = await run(Telling(Accepted(LOAD), Prepared(PART, 1), Results((ROW,))), tmp_path)

    assert 3 == status
    told = capsys.readouterr().err
    assert f"sluicegate: {tmp_path / 'f.csv'}: No space left on device\n" in told
    assert f"go on with: sluicegate bulk load --resume {tmp_path / 'a.csv.load'}\n" in told


@pytest.mark.parametrize(
    ("code", "status"),
    [("INVALID_ARGUMENT", 2), ("PERMISSION_DENIED", 2), ("UNAVAILABLE", 3), ("RESOURCE_EXHAUSTED", 3)],
)
async def test_the_status_tells_whether_a_repeat_may_do(tmp_path, capsys, code, status):
    """Before anything is written, what will be refused again is another failure than what passes."""
    found = await run(Telling(error=SluicegateError(code, "", "no")), tmp_path)

    assert status == found
    told = capsys.readouterr().err
    assert told.startswith(f"sluicegate: {code}: no\n")
    assert told.endswith("sluicegate: nothing was written\n")


async def test_data_that_is_wrong_further_on_is_to_be_corrected(tmp_path, capsys):
    """Parts before it are written, so the load goes on once it is right."""
    error = SluicegateError("INVALID_ARGUMENT", "INVALID_DATA", "row 9 has 1 cells and the header 3")

    status = await run(Telling(Prepared(PART, 1), error=error), tmp_path)

    assert 3 == status
    assert "not all rows were loaded; correct the data, then go on with: " in capsys.readouterr().err


async def test_a_token_that_is_refused_is_to_be_put_back(tmp_path, capsys):
    """The same file would be refused again: somebody has changed it, or the service's keys."""
    error = SluicegateError("INVALID_ARGUMENT", "INVALID_TOKEN", "the resume token was altered")

    status = await run(Telling(Prepared(PART, 1), error=error), tmp_path)

    assert 3 == status
    told = capsys.readouterr().err
    assert "not all rows were loaded; put back the file as it was written, and the service's token_keys of " in told


async def test_a_load_that_breaks_off_says_how_far_it_came(tmp_path, capsys):
    """Nothing is half loaded without a word."""
    far = Progress(replace(LOAD, rows_processed=10_000), 12_000, 400_000, "")
    error = SluicegateError("UNAVAILABLE", "", "no")

    status = await run(Telling(Prepared(PART, 1), far, error=error), tmp_path)

    assert 3 == status
    assert "not all rows were loaded, 10,000 were tried so far; go on with: " in capsys.readouterr().err


async def test_what_a_load_waits_for_is_told(tmp_path, capsys):
    """Who looks at a load that stands still learns why; rows of which nobody knows are not taken for written."""
    waiting = Progress(LOAD, 1, 4, "room on this replica's disk")
    finished = Finished(LOAD, 1, 0, 0, 0, 0, 0, rows_unknown=1)

    status = await run(Telling(Accepted(LOAD), waiting, finished), tmp_path)

    assert 1 == status
    assert "sluicegate: waiting for room on this replica's disk\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("operation", "words"),
    [("insert", "would be inserted twice: take them out of the data"), ("upsert", "are written again")],
)
async def test_a_load_that_salesforce_gave_up_can_be_gone_on_with_or_begun_anew(tmp_path, capsys, operation, words):
    """Going on takes the mapping as it was, so what is wrong with that needs another load."""
    error = SluicegateError("FAILED_PRECONDITION", "LOAD_FAILED", "Salesforce ended the bulk job: Field name not found")

    status = await run(Telling(Accepted(LOAD), Prepared(PART, 1), error=error), tmp_path, operation)

    assert 3 == status
    path = tmp_path / "a.csv.load"
    told = capsys.readouterr().err
    assert f"mend what the message names in the org, then go on with: sluicegate bulk load --resume {path}\n" in told
    assert f"sluicegate: for other columns or options end it by sluicegate bulk cancel {path}, remove that " in told
    assert f"rows that it has written {words}\n" in told
