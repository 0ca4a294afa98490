"""The reading of a result in bulk: a query job, its parts in order, their rows as batches."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import msgspec

from service.context import CallContext
from service.errors import NotFound, QueryNotResumable, SalesforceRejected, UpstreamProtocolError
from service.query.batches import Batch
from service.query.bulk_job import BulkJob, Part
from service.query.bulk_parts import parts
from service.query.columns import ResultColumn
from service.query.csv_columns import CsvColumnizer
from service.query.csv_rows import CsvRows
from service.query.leftovers import Leftovers
from service.query.options import Options
from service.query.resume import BulkPosition, ResumeToken
from service.salesforce.client import SalesforceClient
from service.soql import to_soql
from service.soql.ast import Query


@dataclass(frozen=True, slots=True)
class BulkReading:
    """What is read in bulk: a query that has no obstacles, or the rest of one."""

    query: Query
    """With its parameters bound and FIELDS() spelled out."""
    columns: Sequence[ResultColumn]
    options: Options
    token: ResumeToken
    """What was said of the query so far; if that names a job, its result is read on."""


async def read(
    reading: BulkReading,
    client: SalesforceClient,
    context: CallContext,
    *,
    write: Callable[[ResumeToken], str],
    leftovers: Leftovers,
) -> AsyncIterator[Batch]:
    """Run a query job and yield its result in order.

    Up to three parts of the result lie in files, and a batch in memory. Once all of it, or as much as was asked for,
    was taken, the job is left to be deleted. Closing the iterator, or cancelling whoever waits on it, aborts a job that
    has not ended; one of which rows were taken stays, so that a token can go on. A result without rows yields one empty
    batch.

    Args:
        reading: What is read.
        client: The org to read from.
        context: The call it is made for; nothing but its deadline ends the waiting for a slow job.
        write: Signs tokens.
        leftovers: Deletes jobs.

    Raises:
        QueryNotResumable: Salesforce has forgotten the job that the token names.
        SalesforceRejected: The job failed.
        UpstreamProtocolError: The result is not what Salesforce said it would be: cut off, or of other columns.
        service.errors.SluicegateError: Salesforce refused.

    """
    position = reading.token.position
    is_resumed = isinstance(position, BulkPosition)
    job = BulkJob(client, context, position.job_id if isinstance(position, BulkPosition) else "")
    leftovers.claim(job.id)
    total = await (_found_again(job, reading, client.org) if is_resumed else _run(job, reading))
    begun: BulkPosition = position if isinstance(position, BulkPosition) else BulkPosition(job.id)
    told = msgspec.structs.replace(reading.token, total=reading.token.total or total)
    async with aclosing(_Rows(reading, job, told, write, client.org).batches(begun)) as batches:
        async for batch in batches:
            yield batch
    leftovers.leave(job)


async def _run(job: BulkJob, reading: BulkReading) -> int:
    is_complete = False
    try:
        await job.begin(to_soql(reading.query), include_deleted=reading.options.include_deleted)
        total = await job.wait()
        is_complete = True
        return total
    finally:
        if not is_complete:
            await job.abort()


async def _found_again(job: BulkJob, reading: BulkReading, org: str) -> int:
    try:
        return await job.wait()
    except (NotFound, SalesforceRejected) as error:
        rows = reading.token.rows
        raise QueryNotResumable(
            f"Salesforce no longer has the result of which {rows:,} rows were sent; run the query anew",
            metadata={
                "org": org,
                "rows": str(rows),
                "cause": error.metadata.get("salesforce_error_code", "the query job failed"),
            },
        ) from error


class _Rows:
    """The rows of a complete job as batches.

    Args:
        reading: What is read.
        job: The job.
        token: What was said so far.
        write: Signs tokens.
        org: The org's configured name, for errors.

    """

    def __init__(
        self, reading: BulkReading, job: BulkJob, token: ResumeToken, write: Callable[[ResumeToken], str], org: str
    ) -> None:
        self._columns = reading.columns
        self._columnizer = CsvColumnizer(reading.columns)
        self._size = reading.options.rows_of_batch
        self._most = reading.options.max_rows
        self._job = job
        self._token = token
        self._write = write
        self._org = org

    async def batches(self, begin: BulkPosition) -> AsyncGenerator[Batch, None]:
        """Yield batches from a position on; see `read`."""
        skip = begin.skip
        async with aclosing(parts(self._job, begin.locator)) as found:
            async for part in found:
                for batch in self._of_part(part, skip):
                    yield batch
                if self._wanted == 0:
                    return
                skip = 0
        rows, total = self._token.rows, self._token.total
        if rows == 0:
            yield self._told(self._columnizer.batch((), total), None)
        if rows != total:
            raise UpstreamProtocolError(
                f"a bulk result has {rows:,} rows where Salesforce counted {total:,}", metadata={"org": self._org}
            )

    def _of_part(self, part: Part, skip: int) -> Iterator[Batch]:
        rows = CsvRows(part.spool.file, self._columns)
        read = rows.skip(skip)
        while found := rows.take(self._wanted):
            read += len(found[0])
            position: BulkPosition | None = BulkPosition(self._job.id, part.locator, read)
            if read >= part.row_count:
                position = BulkPosition(self._job.id, part.following) if part.following else None
            yield self._told(self._columnizer.batch(found, self._token.total), position)
        if read != part.row_count and self._wanted:
            raise UpstreamProtocolError(
                f"a part of a bulk result has {read:,} rows where Salesforce counted {part.row_count:,}",
                metadata={"org": self._org},
            )

    @property
    def _wanted(self) -> int:
        """How many rows the next batch may have."""
        return min(self._size, max(0, self._most - self._token.rows)) if self._most else self._size

    def _told(self, batch: Batch, position: BulkPosition | None) -> Batch:
        """Return a batch with its place in the result, and take note of it."""
        first = self._token.rows
        rows = first + batch.row_count
        is_enough = bool(self._most) and rows >= self._most
        self._token = msgspec.structs.replace(self._token, rows=rows, position=None if is_enough else position)
        return replace(batch, first_row=first, resume=self._write(self._token))
