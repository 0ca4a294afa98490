"""A run of several loads, from where it stands to its end."""

import asyncio
import shlex
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from sluicegate import Client, Finished, SluicegateError, TokenFile

from service.cli.bulk.kept import put_back
from service.cli.bulk.loading import BROKEN_OFF, INTERRUPTED, SOME_FAILED, Loading, Setting
from service.cli.bulk.notes import Note, NoteFile, read_note
from service.cli.bulk.orphans import explain_orphans
from service.cli.bulk.plan_view import title
from service.cli.bulk.run_file import Counts, RunFile
from service.cli.bulk.run_steps import files_of, name_of, note_of, parents_of
from service.cli.bulk.second_pass import SecondPass
from service.cli.bulk.sources import delimiter_of, has_rows
from service.cli.failures import report, words
from service.cli.running import cancel_when_stopped

_WRITTEN = frozenset({0, SOME_FAILED})
_AWAY_SECONDS = 300.0
"""How long the service may be away between two loads: as long as within one."""


class Migrating:
    """Runs the loads of a run one after another; at each moment another process can go on.

    Args:
        file: What keeps the run.
        path: Where it does.
        tell: Is told what became of each load.
        tells_json: Whether a failure is told as JSON.

    """

    def __init__(self, file: RunFile, path: Path, tell: Callable[[str], None], *, tells_json: bool) -> None:
        self._file = file
        self._tells_json = tells_json
        self._again = f"sluicegate bulk migrate --resume {shlex.quote(str(path))}"
        self._tell = tell
        self._is_begun = False

    @property
    def has_written(self) -> bool:
        """Whether anything may have been written, here or before: then the run has to be gone on with."""
        return self._is_begun or self._file.run.has_written

    async def run(self, client: Client) -> int:
        """Run what is left, and return the command's status; a signal to stop ends it well.

        Raises:
            OSError: A file cannot be read or written, and nothing was written to the org.
            ValueError: A file is another than the run's, and nothing was.

        """
        cancel_when_stopped()
        try:
            for number, step in enumerate(self._file.run.steps):
                if step.counts is not None:
                    self._say(number, step.counts, "before")
                else:
                    status = await self._step(client, number)
                    if status not in _WRITTEN:
                        return status
        except asyncio.CancelledError:
            # By the signal, between two loads.
            return self._stop(INTERRUPTED)
        except SluicegateError as error:
            sys.stderr.write(f"{report(error, self._file.run.target, as_json=self._tells_json)}\n")
            return self._stop(BROKEN_OFF)
        except (OSError, ValueError) as error:
            if not self.has_written:
                raise
            sys.stderr.write(f"sluicegate: {words(error)}\n")
            return self._stop(BROKEN_OFF)
        run = self._file.run
        return SOME_FAILED if any(step.counts and step.counts.unwritten for step in run.steps) else 0

    async def _step(self, client: Client, number: int) -> int:
        run = self._file.run
        plan = run.steps[number].plan
        files = files_of(run, plan)
        with TokenFile(files.note) as file:
            before = file.read()
            note = read_note(files.note) if before else None
            if note is None or note.run != name_of(run, number):
                if note is not None and not note.is_finished:
                    raise ValueError(f"{files.note} keeps a load that is not over; go on with it, or remove the file")
                note = note_of(run, number)
            note = replace(note, target=run.target)
            numbers = await self._second_data(number, note) if plan.is_second_pass else None
            source = run.sources[plan.load]
            if not (has_rows(Path(note.data), delimiter_of(source)) if numbers is None else numbers):
                # A load without rows would be refused, and nothing is left to do.
                put_back(file, before)
                return await self._finish(number, Counts(), 0.0)
            if note.is_finished:
                return await self._finish(number, await _known(client, note), 0.0)
            setting = Setting(
                f"[{number + 1}/{len(run.steps)}] ",
                self._again,
                run.has_written,
                _AWAY_SECONDS if self._is_begun else 0.0,
                numbers,
            )
            loading = Loading(NoteFile(file, note), files.note, tells_json=self._tells_json, setting=setting)
            try:
                status = await loading.run(client)
            finally:
                self._is_begun |= loading.is_begun
                if not loading.is_begun:
                    put_back(file, before)
            if loading.finished is None:
                return status
        return await self._finish(number, _counts(loading.finished), loading.seconds)

    async def _second_data(self, number: int, note: Note) -> "array[int]":
        """Have the data of a second pass in its file, and return the numbers of its rows."""
        run = self._file.run
        plan = run.steps[number].plan
        source = run.sources[plan.load]
        first = next(each.plan for each in run.steps if each.plan.load == plan.load)
        second = SecondPass(source, plan.columns, files_of(run, first).failures)
        is_begun = bool(note.resume_token)
        await asyncio.to_thread(second.count if is_begun else lambda: second.write(Path(note.data)))
        return second.numbers

    async def _finish(self, number: int, counts: Counts, seconds: float) -> int:
        """Note what became of a step's rows, and say it."""
        run = self._file.run
        plan = run.steps[number].plan
        files, orphans = files_of(run, plan), 0
        if counts.unwritten:
            source = run.sources[plan.load]
            orphans = await asyncio.to_thread(explain_orphans, source, files.failures, parents_of(run, plan))
        counts = replace(counts, orphans=orphans)
        if plan.is_second_pass:
            files.data.unlink(missing_ok=True)
        await asyncio.to_thread(self._file.finish, number, counts)
        self._say(number, counts, f"{seconds:.1f} s" if seconds else "")
        return SOME_FAILED if counts.unwritten else 0

    def _say(self, number: int, counts: Counts, when: str) -> None:
        run = self._file.run
        plan = run.steps[number].plan
        took = f", {when}" if when else ""
        self._tell(f"{number + 1}/{len(run.steps)} {title(run, plan)}: {counts.told()}{took}")
        if counts.unwritten:
            sys.stderr.write(f"sluicegate: the rows that were not written are in {files_of(run, plan).failures}\n")

    def _stop(self, status: int) -> int:
        done = f"not all files were loaded; go on with: {self._again}" if self.has_written else "nothing was written"
        sys.stderr.write(f"sluicegate: {done}\n")
        return status


def _counts(finished: Finished) -> Counts:
    return Counts(
        received=finished.rows_received,
        created=finished.rows_created,
        updated=finished.rows_updated,
        failed=finished.rows_failed,
        not_processed=finished.rows_not_processed,
        unknown=finished.rows_unknown,
    )


async def _known(client: Client, note: Note) -> Counts:
    """Return what became of the rows of a load that is over, as its token tells."""
    load = await client.get_bulk_load(note.resume_token)
    parts = load.parts
    return Counts(
        received=sum(part.row_count for part in parts),
        created=sum(part.rows_created for part in parts),
        updated=sum(part.rows_updated for part in parts),
        failed=sum(part.rows_failed for part in parts),
        not_processed=sum(part.rows_not_processed for part in parts),
        unknown=sum(part.rows_unknown for part in parts),
    )
