"""The reading of one query into its output."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from sluicegate import Client, QueryOptions, SluicegateError, Value

from service.cli.query.display import Display, can_show
from service.cli.query.parquet import ParquetWriter
from service.cli.query.places import Place, Progress, read_progress, write_progress
from service.cli.query.tables import TableWriter
from service.cli.query.writers import CsvWriter, JsonWriter, Writer

RESUMABLE = frozenset({"csv", "json", "jsonl"})
"""The forms that can be gone on with: a table is for the eye, and a Parquet file is closed by what stands at its end."""
_SIGNALS = 128
"""Status of a command that a signal ended, less the signal's number."""
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
    """Whether a terminal shows how far the reading is; None where that disturbs nothing else on it."""


class Reading:
    """Reads a query; what is written is whole at each time, and can be gone on with.

    Args:
        wanted: What to read.

    Raises:
        ValueError: The files do not belong together, or a program would be needed that is not installed.
        OSError: A file cannot be opened.

    """

    def __init__(self, wanted: Wanted) -> None:
        before = read_progress(wanted.progress, wanted.form) if wanted.progress else None
        self._wanted = wanted
        self._token = before.resume_token if before else ""
        self._goes_on = before is not None
        self._place = Place(wanted.output, before.output_bytes if before and wanted.output else 0)
        self._size = self._place.size
        """Bytes of the output up to the last row, without what ends it."""
        self._rows = 0
        self._has_begun = False
        self._display = Display(is_shown=self._shows_progress(), most=wanted.options.get("max_rows", 0))
        self.hint = ""
        """How to go on, if it ended before the result did."""

    async def run(self, client: Client) -> int:
        """Read to the end, and return the command's status; a signal to stop ends it well, and a second one at once.

        Raises:
            SluicegateError: The query failed; what was written is whole.
            OSError: The rows cannot be written; what a file holds is whole.

        """
        signals = _stopped_by_signals()
        try:
            async with self._display:
                await self._read(client)
        except asyncio.CancelledError:
            # By the signal: nobody else cancels a command.
            self._stop()
            return _SIGNALS + signals[0]
        except SluicegateError as error:
            self._stop(can_go_on=error.reason not in _FINAL)
            raise
        except BrokenPipeError:
            # Whoever reads has seen enough, as `head` has: no failure, and the status that programs have then.
            return _SIGNALS + signal.SIGPIPE
        except OSError as error:
            self._give_up()
            raise OSError(error.errno, error.strerror, self._place.name) from error
        self._place.close()
        if self._wanted.progress is not None:
            self._wanted.progress.unlink(missing_ok=True)
        return 0

    async def _read(self, client: Client) -> None:
        wanted = self._wanted
        if wanted.form in {"json", "jsonl"} and not _COUNT.match(wanted.soql):
            await self._read_lines(client, JsonWriter(self._place, is_array=wanted.form == "json"))
        else:
            await self._read_batches(client, self._writer())
