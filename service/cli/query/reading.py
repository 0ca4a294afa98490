"""The reading of one query into its output."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from sluicegate import Client, QueryOptions, SluicegateError, Value

from service.cli.query.places import Place, Progress, read_progress, write_progress
from service.cli.query.writers import CsvWriter, JsonWriter, TableWriter

_BETWEEN_LOOKS_SECONDS = 0.5
INTERRUPTED = 130
"""Status of a command that Ctrl-C ended (128 and the number of the signal)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read, and where it goes."""

    soql: str
    parameters: Mapping[str, Value]
    options: QueryOptions
    form: str
    """`table`, `csv`, `json` or `jsonl`."""
    output: Path | None
    """A file; None for the standard output."""
    progress: Path | None
    """The file that holds how far the query came; None if it is to be kept only when the query is stopped."""


class Reading:
    """Reads a query; what is written is whole at each time, and can be gone on with.

    Args:
        wanted: What to read.

    Raises:
        ValueError: The files do not belong together.
        OSError: A file cannot be opened.

    """

    def __init__(self, wanted: Wanted) -> None:
        before = read_progress(wanted.progress) if wanted.progress else None
        self._wanted = wanted
        self._goes_on = before is not None
        self._token = before.resume_token if before else ""
        self._place = Place(wanted.output, before.output_bytes if before and wanted.output else 0)
        self._size = self._place.size
        """Bytes of the output up to the last row, without what ends it."""
        self._display = _Display(
            is_shown=sys.stderr.isatty() and (wanted.output is not None or not sys.stdout.isatty())
        )
        self._rows = 0

    async def run(self, client: Client) -> int:
        """Read to the end, and return the command's status; a signal to stop ends it well.

        Raises:
            SluicegateError: The query failed; what was written is whole.

        """
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            if self._wanted.form in {"json", "jsonl"}:
                await self._read_lines(client)
            else:
                await self._read_batches(client)
        except asyncio.CancelledError:
            # By the signal: nobody else cancels a command.
            self._stop()
            return INTERRUPTED
        except SluicegateError:
            self._stop()
            raise
        self._display.end()
        self._place.close()
        if self._wanted.progress is not None:
            self._wanted.progress.unlink(missing_ok=True)
        return 0

    async def _read_batches(self, client: Client) -> None:
        wanted = self._wanted
        writer = (
            CsvWriter(self._place, has_head=self._goes_on)
            if wanted.form == "csv"
            else TableWriter(self._place, Console().width)
        )
        batches = client.query_batches(wanted.soql, wanted.parameters, raw=True, **self._options())
        async with aclosing(batches):
            async for batch in batches:
                writer.batch(batch)
                self._written(batch.row_count, batch.first_row, batch.total_size, batch.resume_token)

    async def _read_lines(self, client: Client) -> None:
        wanted = self._wanted
        writer = JsonWriter(self._place, is_array=wanted.form == "json")
        parts = client.query_json_lines(wanted.soql, wanted.parameters, **self._options())
        try:
            async with aclosing(parts):
                async for part in parts:
                    writer.lines(part.data)
                    rows = part.data.count(b"\n")
                    self._written(rows, part.first_row, part.total_size, part.resume_token)
        except (asyncio.CancelledError, SluicegateError):
            if self._rows:
                writer.end()
            raise
        writer.end()

    def _options(self) -> QueryOptions:
        options = self._wanted.options.copy()
        options["resume_token"] = self._token
        return options

    def _written(self, rows: int, first_row: int, total: int, token: str) -> None:
        self._place.flush()
        self._rows += rows
        self._size = self._place.size
        self._token = token
        if self._wanted.progress is not None:
            write_progress(self._wanted.progress, Progress(token, self._size))
        self._display.show(first_row + rows, self._rows, total)

    def _stop(self) -> None:
        """Make the output whole, and say how to go on."""
        self._display.end()
        self._place.close()
        wanted = self._wanted
        progress = wanted.progress
        if not self._token or wanted.form == "table":
            return
        if progress is None and wanted.output is not None:
            progress = wanted.output.with_name(f"{wanted.output.name}.resume")
            write_progress(progress, Progress(self._token, self._size))
        way = (
            f"the same command with --resume {progress} goes on behind them"
            if progress is not None
            else "with --resume FILE a query can be gone on with"
        )
        sys.stderr.write(f"sluicegate: stopped after {self._rows:,} rows; {way}\n")


class _Display:
    """How far a reading is, on a terminal.

    Args:
        is_shown: Whether there is a terminal that shows nothing else.

    """

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._begun = self._shown_at = time.monotonic()

    def show(self, place: int, rows: int, total: int) -> None:
        """Show it, if the last look is a while ago."""
        now = time.monotonic()
        if not self._is_shown or now - self._shown_at < _BETWEEN_LOOKS_SECONDS:
            return
        self._shown_at = now
        share = f", {100 * place // total} % of {total:,}" if total else ""
        sys.stderr.write(f"\r\x1b[K{place:,} rows, {rows / (now - self._begun):,.0f} rows/s{share}")
        sys.stderr.flush()

    def end(self) -> None:
        """Take it away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
