"""The reading of one query into its output."""

import asyncio
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from sluicegate import Client, QueryOptions, SluicegateError, Value

from service.cli.query.display import Display, can_show
from service.cli.query.parquet import ParquetWriter
from service.cli.query.places import Place, Progress, read_progress, write_progress
from service.cli.query.tables import TableWriter
from service.cli.query.writers import BatchWriter, CsvWriter, JsonWriter, Unwritable

RESUMABLE = frozenset({"csv", "json", "jsonl"})
"""The forms that can be gone on with: a table is for the eye, and what stands at its end closes a Parquet file."""
_SIGNALLED = 128
"""Status of a command that a signal ended, less the signal's number."""
_ENDING = ("SIGTERM", "SIGINT", "SIGHUP")
_SIGPIPE = 13
_COUNT = re.compile(r"\s*SELECT\s+COUNT\s*\(\s*\)\s+FROM\b", re.IGNORECASE)
_FINAL = frozenset({"INVALID_TOKEN", "QUERY_NOT_RESUMABLE"})
"""Reasons after which nothing goes on behind the last row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read, and where it goes."""

    soql: str
    parameters: Mapping[str, Value]
    options: QueryOptions
    form: str
    """`table`, `csv`, `json`, `jsonl` or `parquet`."""
    output: Path | None
    """A file; None for the standard output."""
    progress: Path | None
    """The file that holds how far the query came; None if it is to be kept only when the query is stopped."""
    shows_progress: bool | None
    """Whether the terminal shows how far the reading is; None where that cannot get between the rows of others."""


class Reading:
    """Reads a query; what is written is whole at each time, and can be gone on with.

    Args:
        wanted: What to read.

    Raises:
        ValueError: The files do not belong together, or the form needs a package that is not installed.
        OSError: A file cannot be opened.

    """

    def __init__(self, wanted: Wanted) -> None:
        before = read_progress(wanted.progress, wanted.form) if wanted.progress else None
        self._wanted = wanted
        self._token = before.resume_token if before else ""
        self._place = Place(wanted.output, before.output_bytes if before and wanted.output else 0)
        try:
            self._writer = _writer(wanted, self._place, goes_on=before is not None)
        except ValueError:
            self._place.leave()
            raise
        self._size = self._place.size
        """Bytes of the output up to the last row, without what ends it."""
        self._rows = self._total = 0
        self._has_begun = False
        is_shown = can_show(sys.stderr) and wanted.shows_progress is not False
        self._is_shown = is_shown and (wanted.shows_progress is True or not self._place.is_pipe)
        self._display = Display(is_shown=self._is_shown, most=wanted.options.get("max_rows", 0))
        self.notes: list[str] = []
        """What the output itself does not say: how to go on, if it ended before the result did."""

    async def run(self, client: Client) -> int:
        """Read to the end, and return the command's status; a signal ends it well, and the next one at once.

        Raises:
            SluicegateError: The query failed; what was written is whole.
            Unwritable: The rows cannot be written; what a file holds is whole.

        """
        signals = _watched_signals()
        try:
            async with self._display:
                await self._read(client)
            self._writer.end()
            self._place.close()
        except asyncio.CancelledError:
            # By the signal: nobody else cancels a command.
            self._stop()
            return _SIGNALLED + signals[0]
        except SluicegateError as error:
            self._stop(can_go_on=error.reason not in _FINAL)
            raise
        except Unwritable:
            self._take_back()
            raise
        except BrokenPipeError:
            # Whoever reads has seen enough, as `head` has. Programs that the system ends then have this status.
            return _SIGNALLED + _SIGPIPE
        except OSError as error:
            self._take_back()
            raise Unwritable(f"{error.filename or self._place.name} cannot be written: {error.strerror}") from error
        if isinstance(self._writer, ParquetWriter):
            self.notes += self._writer.notes()
        if self._wanted.progress is not None:
            self._wanted.progress.unlink(missing_ok=True)
        if self._is_shown and not _COUNT.match(self._wanted.soql):
            of = f" of {self._total:,}" if self._total > self._rows else ""
            sys.stderr.write(f"{self._rows:,}{of} rows\n")
        return 0

    async def _read(self, client: Client) -> None:
        wanted, writer = self._wanted, self._writer
        if isinstance(writer, JsonWriter) and not _COUNT.match(wanted.soql):
            await self._read_lines(client, writer)
            return
        batches = client.query_batches(wanted.soql, wanted.parameters, raw=True, **self._options())
        async with aclosing(batches):
            async for batch in batches:
                self._make_room()
                if isinstance(writer, JsonWriter) or not batch.columns:
                    writer.count(batch.total_size)
                else:
                    writer.batch(batch)
                self._wrote(batch.row_count, batch.first_row, batch.total_size, batch.resume_token)

    async def _read_lines(self, client: Client, writer: JsonWriter) -> None:
        parts = client.query_json_lines(self._wanted.soql, self._wanted.parameters, **self._options())
        async with aclosing(parts):
            async for part in parts:
                self._make_room()
                writer.lines(part.data)
                self._wrote(part.data.count(b"\n"), part.first_row, part.total_size, part.resume_token)

    def _options(self) -> QueryOptions:
        options = self._wanted.options.copy()
        options["resume_token"] = self._token
        return options

    def _make_room(self) -> None:
        self._has_begun = True
        if self._place.is_terminal:
            self._display.clear()

    def _wrote(self, rows: int, first_row: int, total: int, token: str) -> None:
        self._rows += rows
        self._total = total
        self._size = self._place.size
        self._token = token
        if self._wanted.progress is not None:
            write_progress(self._wanted.progress, self._progress())
        self._display.came(first_row + rows, total)

    def _progress(self) -> Progress:
        return Progress(self._token, self._size, self._wanted.form)

    def _stop(self, *, can_go_on: bool = True) -> None:
        """Make the output whole, and find out how to go on."""
        if not self._has_begun:
            self._place.leave()
            return
        self._writer.end()
        self._place.close()
        if can_go_on:
            self._tell_how_to_go_on()

    def _take_back(self) -> None:
        """Take back half a row, and what else makes the output less than whole."""
        is_whole_by_rows = self._wanted.form in RESUMABLE
        with suppress(OSError):
            self._place.cut(self._size if is_whole_by_rows else 0)
            if is_whole_by_rows:
                self._writer.end()
        self._place.leave()
        if is_whole_by_rows and self._has_begun:
            self._tell_how_to_go_on()

    def _tell_how_to_go_on(self) -> None:
        wanted, progress = self._wanted, self._wanted.progress
        stopped = f"stopped after {self._rows:,} rows"
        if wanted.form not in RESUMABLE or not self._token:
            self.notes.append(stopped)
            return
        if progress is None and wanted.output is not None:
            progress = wanted.output.with_name(f"{wanted.output.name}.resume")
            try:
                write_progress(progress, self._progress())
            except OSError as error:
                self.notes.append(f"{stopped}, and {progress} cannot keep how far it came: {error.strerror}")
                return
        way = (
            f"the same command with --resume {progress} goes on behind them"
            if progress is not None
            else "with --resume FILE a query can be gone on with"
        )
        self.notes.append(f"{stopped}; {way}")


def _writer(wanted: Wanted, place: Place, *, goes_on: bool) -> JsonWriter | BatchWriter:
    match wanted.form:
        case "csv":
            return CsvWriter(place, has_head=goes_on if wanted.output is None else place.size > 0)
        case "table":
            return TableWriter(place, Console().width)
        case "parquet":
            return ParquetWriter(place)
        case form:
            return JsonWriter(place, is_array=form == "json")


def _watched_signals() -> list[int]:
    """Let a signal cancel this task, and return the list that its number will be in; the next one ends the process.

    Not by the loop's own handlers: those would wait for a write to a reader who does not read.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    came: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        if came:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        came.append(number)
        loop.call_soon_threadsafe(task.cancel)

    for name in _ENDING:
        if hasattr(signal, name):  # SIGHUP is not everywhere
            signal.signal(getattr(signal, name), stop)
    return came
