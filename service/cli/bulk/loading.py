"""One load of a file, from where it stands to its end."""

import asyncio
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sluicegate import Accepted, Client, Event, Finished, PartDone, Prepared, Progress, Results, SluicegateError
from sluicegate.bulk import Format, Operation, ResultsWanted

from service.cli.bulk.failed_rows import FailedRows
from service.cli.bulk.notes import STANDARD_INPUT, NoteFile
from service.cli.bulk.originals import Originals
from service.cli.bulk.piped import Piped
from service.cli.bulk.progress import Display, Extent
from service.cli.failures import naming, report, words
from service.cli.running import cancel_when_stopped

SOME_FAILED = 1
"""Status of a load that is over, and of whose rows some were not written."""
REFUSED = 2
"""Status of a load of which nothing was written, because it cannot be as it is."""
BROKEN_OFF = 3
"""Status of a load that is not over."""
INTERRUPTED = 130
"""Status of a command that Ctrl-C ended (128 and the number of the signal)."""

FINAL = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "FAILED_PRECONDITION", "UNIMPLEMENTED"})
"""Codes of what fails in the same way when it is repeated."""
_FIRST = {
    "INVALID_DATA": "correct the data, then ",
    "INVALID_TOKEN": "put back the file as it was written, and the service's token_keys of that time, then ",
    "LOAD_FAILED": "mend what the message names in the org, then ",
}
"""What has to be done before a load can go on, by the reason that it broke off for."""
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """What a load is among others."""

    place: str = ""
    """What the display shows before its name."""
    again: str = ""
    """The command that goes on with all of them; empty for the load's own."""
    has_written: bool = False
    """Whether loads before it have written rows."""
    waits_seconds: float = 0.0
    """How long the service may be away before the load has begun."""
    row_numbers: Sequence[int] | None = None
    """See `FailedRows`."""


class Loading:
    """Loads a file; at each moment another process can go on.

    Args:
        file: What keeps the load.
        path: Where it does.
        repeats: Whether results of parts that are done are told again.
        tells_json: Whether a failure is told as JSON.
        setting: What the load is among others; None for one of its own.

    """

    def __init__(
        self,
        file: NoteFile,
        path: Path,
        *,
        repeats: bool = False,
        tells_json: bool = False,
        setting: Setting | None = None,
    ) -> None:
        self._file = file
        self._path = path
        self._repeats = repeats
        self._tells_json = tells_json
        self._setting = setting or Setting()
        note = file.note
        self._piped = Piped() if note.data == STANDARD_INPUT else None
        self._failed = FailedRows(Path(note.failures), self._setting.row_numbers)
        self._extent = Extent(Path(note.data).stat().st_size if self._piped is None else None)
        name = Path(note.data).name if self._piped is None else "standard input"
        self._display = Display(f"{self._setting.place}{name}", self._extent)
        self.finished: Finished | None = None
        self.is_begun = bool(note.resume_token)
        """Whether any part was prepared, here or before: then the load has to be gone on with."""
        self.seconds = 0.0
        """How long it took in this process."""

    async def run(self, client: Client) -> int:
        """Load, and return the command's status; a signal to stop ends it well.

        Raises:
            OSError: A file cannot be read or written, and nothing was written to the org.
            ValueError: A file is another than the load's, and nothing was.

        """
        cancel_when_stopped()
        began = time.monotonic()
        try:
            await self._begin(client)
        except asyncio.CancelledError:
            # By the signal: nobody else cancels a command.
            return self._stop(INTERRUPTED)
        except SluicegateError as error:
            self._display.end()
            sys.stderr.write(f"{report(error, self._file.note.target, as_json=self._tells_json)}\n")
            is_refused = error.code in FINAL and not self._has_written
            return self._stop(REFUSED if is_refused else BROKEN_OFF, error.reason)
        except (OSError, ValueError) as error:
            if not self._has_written:
                raise
            self._display.end()
            sys.stderr.write(f"sluicegate: {words(error)}\n")
            return self._stop(BROKEN_OFF)
        finally:
            self._display.end()
        self.seconds = time.monotonic() - began
        finished = self.finished
        if finished is None:
            return SOME_FAILED
        return SOME_FAILED if finished.rows_failed or finished.rows_not_processed or finished.rows_unknown else 0

    @property
    def rate(self) -> float:
        """Rows a second, in this process."""
        return self._extent.rate(time.monotonic())

    @property
    def failures(self) -> Path | None:
        """The file of results; None if there are none."""
        return Path(self._file.note.failures) if self._failed.count else None

    async def _begin(self, client: Client) -> None:
        """Follow the load; one that does not begin since the service is away begins again."""
        end = time.monotonic() + self._setting.waits_seconds
        while True:
            try:
                return await self._follow(client)
            except SluicegateError as error:
                is_away = error.code == "UNAVAILABLE" and not self._file.note.resume_token
                if not is_away or time.monotonic() > end:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self, client: Client) -> None:
        note = self._file.note
        events = client.bulk_load(
            note.object,
            cast("Operation", note.operation),
            Path(note.data) if self._piped is None else self._piped.pieces(),
            external_id_field=note.external_id,
            data_format=cast("Format", note.format),
            results=cast("ResultsWanted", note.results),
            repeat_results=self._repeats,
            token_store=lambda token: asyncio.to_thread(self._keep, token),
            resume_token=note.resume_token,
            **note.options,
        )
        async with aclosing(events):
            async for event in events:
                await self._take(event)
        await asyncio.to_thread(self._finish_results)
        await asyncio.to_thread(self._file.finish)

    def _finish_results(self) -> None:
        """Put the rows beside their results. The load is over, whatever keeps that from being done."""
        try:
            self._failed.finish(None if self._piped is not None else self._originals())
        except (OSError, ValueError) as error:
            self._display.end()
            sys.stderr.write(f"sluicegate: {words(error)}; {self._file.note.failures} lacks the rows' own columns\n")

    def _originals(self) -> Originals:
        note = self._file.note
        return Originals(
            Path(note.data),
            note.format != "csv",
            note.options.get("delimiter"),
            note.options.get("line_end"),
            self._setting.row_numbers,
        )

    def _keep(self, token: str) -> None:
        with naming(self._path):
            self._file.keep(token)

    async def _take(self, event: Event) -> None:
        if self._piped is not None:
            self._extent.data_bytes = self._piped.size
        self._extent.take(event, time.monotonic())
        match event:
            case Prepared():
                self.is_begun = True
            case Accepted():
                self.is_begun |= bool(event.load.parts)
                await asyncio.to_thread(self._failed.begin, () if self._repeats else event.load.parts)
            case Results():
                await asyncio.to_thread(self._failed.add, event.rows)
            case Progress() if event.waiting_for:
                self._display.end()
                sys.stderr.write(f"sluicegate: waiting for {event.waiting_for}\n")
            case PartDone() if event.error_message:
                self._display.end()
                sys.stderr.write(f"sluicegate: part {event.part.number}: {event.error_message}\n")
            case Finished():
                self.finished = event
        self._display.show()

    def _stop(self, status: int, reason: str = "") -> int:
        """Say how to go on."""
        self._display.end()
        if not self._has_written:
            sys.stderr.write("sluicegate: nothing was written\n")
            return status
        again = " --repeat-results" if self._repeats else ""
        command = self._setting.again or f"sluicegate bulk load --resume {shlex.quote(str(self._path))}{again}"
        tried = self._extent.rows_processed
        far = f"not all rows were loaded{f', {tried:,} were tried so far' if tried else ''}"
        if self._piped is None:
            sys.stderr.write(f"sluicegate: {far}; {_FIRST.get(reason, '')}go on with: {command}\n")
        else:
            sys.stderr.write(f"sluicegate: {far}; give the same data again to: {command}\n")
        if reason == "LOAD_FAILED" and not self._setting.again:
            sys.stderr.write(f"sluicegate: for other columns or options {self._anew()}\n")
        return status

    def _anew(self) -> str:
        """Say what it takes to load otherwise, since going on takes the load as it is."""
        is_insert = self._file.note.operation == "insert"
        twice = "would be inserted twice: take them out of the data" if is_insert else "are written again"
        path = shlex.quote(str(self._path))
        return (
            f"end it by sluicegate bulk cancel {path}, remove that file and load anew; rows that it has written {twice}"
        )

    @property
    def _has_written(self) -> bool:
        return self.is_begun or self._setting.has_written
