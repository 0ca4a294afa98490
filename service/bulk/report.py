"""What became of every row of a finished job: its result files, matched to row numbers and counted.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Job Successful Record Results" and its neighbours. A finished
job says nothing about its rows, the lines of its files come in any order, and batches that exceed the daily allocation
leave no line at all.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

from service import errors
from service.bulk.job import (
    BulkClient,
    Job,
    LoadRequest,
    LoadState,
    Operation,
    ResultFile,
    RowOutcome,
    RowResult,
    WantedResults,
)
from service.bulk.results import ResultLine, ResultReader, parse_error
from service.bulk.rows import RowIndex
from service.clock import Clock

ROWS_A_BATCH = 1_000

_SLICE_BYTES = 256 * 1024
_WRITTEN = {
    Operation.INSERT: RowOutcome.CREATED,
    Operation.UPDATE: RowOutcome.UPDATED,
    Operation.DELETE: RowOutcome.DELETED,
}
_SENT = {
    WantedResults.ALL: frozenset(RowOutcome),
    WantedResults.FAILURES: frozenset({RowOutcome.FAILED, RowOutcome.NOT_PROCESSED}),
    WantedResults.NONE: frozenset[RowOutcome](),
}


class Report:
    """The results of one job.

    Files that can only repeat what the job's own counts say are not fetched: a load without failures whose caller
    wants failures costs no call.

    Args:
        request: What was loaded.
        job: The job in its final state.
        columns: The columns that were uploaded.
        index: The rows, built; reading the report takes them from it.

    """

    def __init__(self, request: LoadRequest, job: Job, columns: tuple[str, ...], index: RowIndex) -> None:
        self._request = request
        self._job = job
        self._columns = columns
        self._index = index
        self.counts: Counter[RowOutcome] = Counter()
        """Rows by outcome, complete when `batches` has ended."""

    async def batches(self, client: BulkClient, clock: Clock) -> AsyncGenerator[tuple[RowResult, ...], None]:
        """Yield the wanted results, at most 1,000 at a time, and count all rows.

        Raises:
            errors.LoadFailed: The job failed or was aborted, and there is no result at all.
            errors.UpstreamProtocolError: The results do not cover the rows, or are about rows that were not sent.

        """
        batch: list[RowResult] = []
        sent = _SENT[self._request.results]
        async for result in self._all(client, clock):
            self.counts[result.outcome] += 1
            if result.outcome in sent:
                batch.append(result)
            if len(batch) == ROWS_A_BATCH:
                yield tuple(batch)
                batch.clear()
        if batch:
            yield tuple(batch)
        self._count_what_was_not_fetched()
        if self.counts.total() != len(self._index):
            raise errors.UpstreamProtocolError("the results of a bulk job do not cover its rows")

    @property
    def _tells_all(self) -> bool:
        """Whether the job's counts speak of every row."""
        return self._job.state is LoadState.COMPLETE and self._job.rows_processed == len(self._index)

    def _files(self) -> Iterator[ResultFile]:
        wanted = self._request.results
        job = self._job
        # Only the lines of an upsert tell created from updated.
        has_two_outcomes = self._request.operation is Operation.UPSERT and job.rows_processed > job.rows_failed
        if not self._tells_all or wanted is WantedResults.ALL or has_two_outcomes:
            yield "successfulResults"
        if not self._tells_all or (job.rows_failed and wanted is not WantedResults.NONE):
            yield "failedResults"
        if not self._tells_all:
            yield "unprocessedrecords"

    async def _all(self, client: BulkClient, clock: Clock) -> AsyncIterator[RowResult]:
        tried = 0
        for file in self._files():
            async for result in self._read(file, client, clock):
                tried += result.outcome is not RowOutcome.NOT_PROCESSED
                yield result
        if self._tells_all:
            return
        if self._job.state is not LoadState.COMPLETE and self._index.left == len(self._index):
            raise self._failed()
        # When every row that Salesforce says it tried has a line, those without were not. Otherwise nobody knows: a
        # row that is called untried and was written would be written twice.
        if tried == self._job.rows_processed:
            for row in self._index.remaining():
                yield RowResult(row, RowOutcome.NOT_PROCESSED)

    async def _read(self, file: ResultFile, client: BulkClient, clock: Clock) -> AsyncIterator[RowResult]:
        reader = ResultReader(self._columns)
        to_result = self._reading(file)
        async for chunk in client.results(self._job.id, file):
            for start in range(0, len(chunk), _SLICE_BYTES):
                for line in reader.feed(chunk[start : start + _SLICE_BYTES]):
                    yield to_result(self._row(line), line)
                # A file of a hundred megabytes must not keep the other calls of this process waiting.
                await clock.sleep(0)
        for line in reader.finish():
            yield to_result(self._row(line), line)

    def _row(self, line: ResultLine) -> int:
        row = self._index.take(line.digest)
        if row is None:
            raise errors.UpstreamProtocolError("a result file of a bulk job holds a row that was not sent")
        return row

    def _reading(self, file: ResultFile) -> Callable[[int, ResultLine], RowResult]:
        if file == "failedResults":
            return lambda row, line: RowResult(row, RowOutcome.FAILED, error=parse_error(line.error))
        if file == "unprocessedrecords":
            return lambda row, _: RowResult(row, RowOutcome.NOT_PROCESSED)
        return lambda row, line: RowResult(row, self._written(line), line.record_id)

    def _written(self, line: ResultLine) -> RowOutcome:
        if self._request.operation is Operation.UPSERT:
            return RowOutcome.CREATED if line.is_created else RowOutcome.UPDATED
        return _WRITTEN[self._request.operation]

    def _count_what_was_not_fetched(self) -> None:
        fetched = set(self._files())
        if "successfulResults" not in fetched and self._request.operation in _WRITTEN:
            self.counts[_WRITTEN[self._request.operation]] += self._job.rows_processed - self._job.rows_failed
        if "failedResults" not in fetched:
            self.counts[RowOutcome.FAILED] += self._job.rows_failed

    def _failed(self) -> errors.LoadFailed:
        state = self._job.state.value
        words = f": {self._job.error_message[:500]}" if self._job.error_message else ""
        return errors.LoadFailed(
            f"Salesforce ended the bulk job in state {state} without a result for any row{words}",
            metadata={"job_id": self._job.id, "state": state},
        )
