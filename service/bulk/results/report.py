"""What became of every row of a part: the result files of its jobs, matched to row numbers and counted.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Job Successful Record Results" and its neighbours. A finished
job says nothing about its rows, the lines of its files come in any order, and batches that exceed the daily allocation
leave no line at all.

A line repeats the row as it was uploaded, so its content is what finds the row's number. Of rows with the same content
each line takes the next number: which of them gets which line nobody can tell, and nobody has to, for they are equal.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from service import errors
from service.bulk.data.rows import RowIndex
from service.bulk.data.spool import Spool
from service.bulk.job import Job, JobState, ResultFile
from service.bulk.request import Operation, WantedResults
from service.bulk.results.lines import ResultLine, ResultReader, parse_error
from service.bulk.results.outcomes import RowCounts, RowOutcome, RowResult
from service.bulk.results.result_files import ResultFiles, read_lines
from service.bulk.results.retries import is_retried
from service.clock import Clock

ROWS_A_BATCH = 1_000

_WRITTEN = {
    Operation.INSERT: RowOutcome.CREATED,
    Operation.UPDATE: RowOutcome.UPDATED,
    Operation.DELETE: RowOutcome.DELETED,
    Operation.HARD_DELETE: RowOutcome.DELETED,
}
_WRITTEN_OUTCOMES = frozenset({RowOutcome.CREATED, RowOutcome.UPDATED, RowOutcome.DELETED})
OUTCOMES = {
    WantedResults.ALL: frozenset(RowOutcome),
    WantedResults.FAILURES: frozenset({RowOutcome.FAILED, RowOutcome.NOT_PROCESSED, RowOutcome.UNKNOWN}),
    WantedResults.NONE: frozenset[RowOutcome](),
}
"""The outcomes of which results are wanted."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The part that a report is about."""

    number: int
    """From 1."""
    first_row: int
    """Number of its first row in the load."""
    rows: int
    """How many it has."""
    operation: Operation
    jobs: tuple[Job, ...]
    """Its jobs, all of which have ended: the first one, then those that tried rows again."""
    key_field: str = ""
    """The column whose cell comes back; empty for none."""
    columns: Sequence[str] = ()
    """The columns that were uploaded; none if they are not known."""
    is_doubted: bool = False
    """Whether the jobs' counts and their result files contradict one another; see `service.bulk.results.coverage`."""

    @property
    def tells_all(self) -> bool:
        """Whether the job's own counts speak of every row."""
        return (
            len(self.jobs) == 1
            and self.jobs[0].state is JobState.COMPLETE
            and self.jobs[0].rows_processed == self.rows
            and self.jobs[0].rows_failed <= self.rows
            and not self.is_doubted
        )

    def files(self, job: Job, wanted: frozenset[RowOutcome]) -> Iterator[ResultFile]:
        """Yield the files of a job that are needed to tell of rows with the wanted outcomes, and to count all."""
        tells_all = self.tells_all
        # Only the lines of an upsert tell created from updated.
        has_two_outcomes = self.operation is Operation.UPSERT and job.rows_processed > job.rows_failed
        if not tells_all or has_two_outcomes or wanted & _WRITTEN_OUTCOMES:
            yield "successfulResults"
        if not tells_all or (job.rows_failed and RowOutcome.FAILED in wanted):
            yield "failedResults"
        if not tells_all:
            yield "unprocessedrecords"


class Report:
    """The results of one part.

    Files that can only repeat what the job's own counts say are not fetched: a part without failures whose caller
    wants failures costs no call.

    Args:
        part: What it is about.
        wanted: Outcomes of the rows that are to come.

    """

    def __init__(self, part: Reported, wanted: frozenset[RowOutcome]) -> None:
        self._part = part
        self._wanted = wanted
        self._found: Counter[RowOutcome] = Counter()

    @property
    def needs_index(self) -> bool:
        """Whether rows are to be found by their content."""
        return any(True for _ in self._part.files(self._part.jobs[-1], self._wanted))

    @property
    def counts(self) -> RowCounts:
        """Rows by outcome, complete when `batches` has ended."""
        return RowCounts.of(self._found)

    async def batches(
        self, files: ResultFiles, clock: Clock, index: RowIndex | None
    ) -> AsyncGenerator[tuple[RowResult, ...], None]:
        """Yield the wanted results, at most 1,000 at a time, and count all rows.

        Args:
            files: The results of the part's jobs.
            clock: Gives other tasks their turns.
            index: The part's rows; reading the report takes them from it. None leaves rows without number.

        Raises:
            errors.LoadFailed: The last job failed or was aborted, it tried no row by its own count, there is no result
                at all, and there is an index.
            errors.UpstreamProtocolError: They cannot be read; never of a part that is doubted.

        """
        batch: list[RowResult] = []
        async for result in self._all(files, clock, index):
            self._found[result.outcome] += 1
            if result.outcome in self._wanted:
                batch.append(result)
            if len(batch) == ROWS_A_BATCH:
                yield tuple(batch)
                batch.clear()
        if batch:
            yield tuple(batch)
        self._count_what_was_not_fetched()

    async def _all(self, files: ResultFiles, clock: Clock, index: RowIndex | None) -> AsyncIterator[RowResult]:
        part, reading = self._part, _Reading(self._part, index)
        tried: Counter[str] = Counter()
        for job in part.jobs:
            for file in part.files(job, self._wanted):
                async for line, columns in self._lines(await files.get(job, file), clock):
                    tried[job.id] += file != "unprocessedrecords"
                    if job is not part.jobs[-1] and is_retried(line, file, job):
                        continue
                    result = reading.result(line, file, columns)
                    if result is not None:
                        yield result
        if part.tells_all:
            return
        last = part.jobs[-1]
        is_tried = reading.count or any(job.rows_processed for job in part.jobs)
        if index is not None and last.state is not JobState.COMPLETE and not is_tried:
            raise _failed(last)
        # When every row that Salesforce says it tried has a line, those without were not. Otherwise nobody knows: a
        # row that is called untried and was written would be written twice.
        is_known = not reading.strays and all(tried[job.id] == job.rows_processed for job in part.jobs)
        for result in reading.remaining(RowOutcome.NOT_PROCESSED if is_known else RowOutcome.UNKNOWN):
            yield result

    async def _lines(self, spool: Spool, clock: Clock) -> AsyncIterator[tuple[ResultLine, Sequence[str]]]:
        """Yield the lines of a file and its columns; of a part that is doubted those before what cannot be read."""
        reader = ResultReader(self._part.columns)
        try:
            async for line in read_lines(spool, reader, clock):
                yield line, reader.columns
        except errors.UpstreamProtocolError:
            if not self._part.is_doubted:
                raise

    def _count_what_was_not_fetched(self) -> None:
        job = self._part.jobs[-1]
        fetched = set(self._part.files(job, self._wanted))
        if "successfulResults" not in fetched and self._part.operation in _WRITTEN:
            self._found[_WRITTEN[self._part.operation]] += job.rows_processed - job.rows_failed
        if "failedResults" not in fetched:
            self._found[RowOutcome.FAILED] += job.rows_failed


class _Reading:
    """Makes results of lines.

    Args:
        part: The part.
        index: Its rows; None leaves them without number.

    """

    def __init__(self, part: Reported, index: RowIndex | None) -> None:
        self._part = part
        self._index = index
        self._key_of: tuple[Sequence[str], int | None] | None = None
        self.count = 0
        """How many lines were about rows."""
        self.strays = 0
        """How many were about none that was sent."""

    def result(self, line: ResultLine, file: ResultFile, columns: Sequence[str]) -> RowResult | None:
        """Return what a line says of its row.

        Of a line about no row that was sent, the row's number is not known; None where the row is told of otherwise,
        as one that no line was about.
        """
        row, key = self._row(line), self._key(line, columns)
        if row is None:
            self.strays += 1
            if not self._part.tells_all:
                return None
            row = 0
        self.count += 1
        part = self._part.number
        if file == "failedResults":
            return RowResult(row, RowOutcome.FAILED, error=parse_error(line.error), part=part, key=key)
        if file == "unprocessedrecords":
            return RowResult(row, RowOutcome.NOT_PROCESSED, part=part, key=key)
        return RowResult(row, self._written(line), line.record_id, part=part, key=key)

    def remaining(self, outcome: RowOutcome) -> Iterator[RowResult]:
        """Yield the rows that no line was about, with an outcome."""
        part = self._part
        if self._index is None:
            yield from (RowResult(0, outcome, part=part.number) for _ in range(part.rows - self.count))
        else:
            first = part.first_row - 1
            yield from (RowResult(first + row, outcome, part=part.number) for row in self._index.remaining())

    def _row(self, line: ResultLine) -> int | None:
        if self._index is None:
            return 0
        row = self._index.take(line.digest)
        return None if row is None else self._part.first_row + row - 1

    def _key(self, line: ResultLine, columns: Sequence[str]) -> str:
        if not self._part.key_field:
            return ""
        if self._key_of is None or self._key_of[0] is not columns:
            wanted = self._part.key_field.lower()
            place = next((place for place, name in enumerate(columns) if name.lower() == wanted), None)
            self._key_of = (columns, place)
        place = self._key_of[1]
        return "" if place is None else line.cells[place]

    def _written(self, line: ResultLine) -> RowOutcome:
        if self._part.operation is Operation.UPSERT:
            return RowOutcome.CREATED if line.is_created else RowOutcome.UPDATED
        return _WRITTEN[self._part.operation]


def _failed(job: Job) -> errors.LoadFailed:
    words = f": {job.error_message[:500]}" if job.error_message else ""
    return errors.LoadFailed(
        f"Salesforce ended the bulk job in state {job.state.value} without a result for any row{words}",
        metadata={"job_id": job.id, "state": job.state.value},
    )
