"""Bulk 2.0 query jobs of one org: a query answered once, and its rows as CSV in pages."""

import base64
import binascii
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from service.clock import Clock
from service.emulator.dialects import DELIMITERS
from service.emulator.engine import QueryResult
from service.emulator.faults import SalesforceFault
from service.emulator.ids import from_counter
from service.emulator.jobs import KEPT_SECONDS, wrong_state
from service.emulator.values import format_datetime

QueryState = Literal["UploadComplete", "InProgress", "JobComplete", "Aborted"]

DEFAULT_PAGE_ROWS = 50_000
"""Rows of a page when the caller does not say."""

_PIECE_ROWS = 1000
_STEPS: tuple[QueryState, ...] = ("UploadComplete", "InProgress", "JobComplete")


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """What a caller asked for when creating a query job."""

    operation: Literal["query", "queryAll"]
    sobject: str
    """Canonical name."""
    column_delimiter: str
    """Salesforce's word: COMMA, TAB, PIPE, SEMICOLON, CARET or BACKQUOTE."""
    line_ending: Literal["LF", "CRLF"]
    api_version: str


@dataclass(slots=True)
class QueryJob:
    """One query job. The rows are those of the moment it was created."""

    id: str
    order: QueryOrder
    user_id: str
    created_at: float
    """Epoch seconds."""
    ready_at: float
    """Epoch seconds from which on polls see it progress."""
    result: QueryResult
    _step: int = 0
    _aborted: bool = False

    @property
    def state(self) -> QueryState:
        """What the last answer about the job said."""
        return "Aborted" if self._aborted else _STEPS[self._step]

    def poll(self, now: float) -> None:
        """Take the next step towards completion; a poll skips no state on the way.

        Args:
            now: Epoch seconds.

        """
        if now >= self.ready_at:
            self._step = min(self._step + 1, len(_STEPS) - 1)

    def abort(self) -> None:
        """Enter Aborted.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE: the job has ended.

        """
        if self.state in {"JobComplete", "Aborted"}:
            raise wrong_state("Aborting already Completed Job not allowed")
        self._aborted = True

    def info(self) -> dict[str, object]:
        """Return the job as JSON. Source: Bulk API 2.0, "Get Information About a Query Job"."""
        order = self.order
        return {
            "id": self.id,
            "operation": order.operation,
            "object": order.sobject,
            "createdById": self.user_id,
            "createdDate": format_datetime(self.created_at),
            "systemModstamp": format_datetime(self.created_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(order.api_version),
            "lineEnding": order.line_ending,
            "columnDelimiter": order.column_delimiter,
        }

    def progress(self) -> dict[str, object]:
        """Return the job as JSON with its counts, as polls show it."""
        processed = len(self.result.rows) if self.state == "JobComplete" else 0
        counts = {"numberRecordsProcessed": processed, "retries": 0, "totalProcessingTime": 0}
        return self.summary() | counts | {"isPkChunkingSupported": True}

    def summary(self) -> dict[str, object]:
        """Return the job as JSON, as lists show it."""
        return self.info() | {"jobType": "V2Query"}

    def page(self, locator: str, rows: int) -> tuple[Iterator[bytes], int, str]:
        """Return rows as CSV in pieces, how many they are, and the locator of the next; `null` after the last.

        Args:
            locator: Of the page; empty for the first. It may be read again.
            rows: How many at most.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE before the job is complete, 400 INVALID_QUERY_LOCATOR.

        """
        if self.state != "JobComplete":
            raise wrong_state(f"Results are there once the job is complete; it is {self.state}")
        start = _offset(locator)
        if start > len(self.result.rows):
            raise _bad_locator()
        end = min(start + rows, len(self.result.rows))
        return self._csv(start, end), end - start, _locator(end) if end < len(self.result.rows) else "null"

    def locators(self, locator: str) -> list[str]:
        """Return the locators of all pages of the default size from one on.

        Args:
            locator: Of the first page to name; empty for the very first, whose own locator is empty too.

        Raises:
            SalesforceFault: As `page`.

        """
        self.page(locator, 1)
        total = len(self.result.rows)
        later = range(_offset(locator) + DEFAULT_PAGE_ROWS, total, DEFAULT_PAGE_ROWS)
        return [locator, *(_locator(offset) for offset in later)]

    def _csv(self, start: int, end: int) -> Iterator[bytes]:
        paths = [name.split(".") for name in self.result.header]
        lines: list[Sequence[str]] = [self.result.header]
        for first in range(start, end, _PIECE_ROWS):
            rows = self.result.rows[first : min(first + _PIECE_ROWS, end)]
            lines += [[_cell(row, path) for path in paths] for row in rows]
            yield self._written(lines)
            lines = []
        if lines:
            yield self._written(lines)

    def _written(self, lines: Sequence[Sequence[str]]) -> bytes:
        text = io.StringIO(newline="")
        ending = "\n" if self.order.line_ending == "LF" else "\r\n"
        delimiter = DELIMITERS[self.order.column_delimiter]
        csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=ending).writerows(lines)
        return text.getvalue().encode()


class QueryJobs:
    """The query jobs of one org.

    Args:
        clock: Stamps jobs and lets them expire.
        numbers: Counters of job ids, shared with the org's ingest jobs.

    """

    def __init__(self, clock: Clock, numbers: Iterator[int]) -> None:
        self._clock = clock
        self._numbers = numbers
        self._jobs: dict[str, QueryJob] = {}

    def create(self, order: QueryOrder, user_id: str, result: QueryResult, *, delay_seconds: float) -> QueryJob:
        """Add a job.

        Args:
            order: What was asked for.
            user_id: 18-character id of its owner.
            result: The answer to its query.
            delay_seconds: How long it stays in UploadComplete.

        """
        now = self._clock.now()
        job_id = from_counter("750", next(self._numbers))
        self._jobs[job_id] = QueryJob(job_id, order, user_id, now, now + delay_seconds, result)
        return self._jobs[job_id]

    def get(self, job_id: str) -> QueryJob:
        """Return a job by its 15- or 18-character id.

        Raises:
            SalesforceFault: 404 NOT_FOUND.

        """
        for job in self:
            if job_id in {job.id, job.id[:15]}:
                return job
        raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")

    def delete(self, job: QueryJob) -> None:
        """Forget a job.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE: the job has not ended.

        """
        if job.state not in {"JobComplete", "Aborted"}:
            raise wrong_state(f"Job is in state {job.state}; only ended jobs can be deleted")
        del self._jobs[job.id]

    def __iter__(self) -> Iterator[QueryJob]:
        """Walk the jobs, oldest first."""
        old = self._clock.now() - KEPT_SECONDS
        for job_id in [job.id for job in self._jobs.values() if job.created_at < old]:
            del self._jobs[job_id]
        return iter(list(self._jobs.values()))

    def __len__(self) -> int:
        """Count the jobs kept now."""
        return len(list(iter(self)))


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str) -> int:
    if not locator:
        return 0
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        raise _bad_locator() from None
    if not text.isdecimal():
        raise _bad_locator()
    return int(text[:12])


def _bad_locator() -> SalesforceFault:
    # The code for bulk results is unverified.
    return SalesforceFault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _cell(row: object, path: Sequence[str]) -> str:
    value: object = row
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
