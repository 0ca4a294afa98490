"""The reading of a result in bulk: a query job, its parts in order, their rows as batches."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from msgspec import structs

from service.context import CallContext
from service.errors import NotFound, QueryNotResumable, SalesforceRejected, SluicegateError, UpstreamProtocolError
from service.query import restart
from service.query.batches import Batch
from service.query.bulk_job import BulkJob, Part
from service.query.bulk_parts import parts
from service.query.columns import ResultColumn
from service.query.csv_columns import CsvColumnizer
from service.query.csv_rows import CsvRows
from service.query.keyset import Keyset, keyset
from service.query.leftovers import Leftovers
from service.query.options import Options
from service.query.planner import Describe, plan
from service.query.resume import BulkPosition, KeyValue, ResumeToken
from service.query.view import view_of
from service.salesforce.client import SalesforceClient
from service.soql import to_soql
from service.soql.ast import Call, Column, Query

_UNSORTED = "its ORDER BY does not end with Id, and no job is sorted for the sake of a restart"
_MOST_JOBS = 3
"""Jobs in a row that are deleted while they run, after which no further one is begun."""


@dataclass(frozen=True, slots=True)
class BulkReading:
    """What is read in bulk: a query that has no obstacles, or the rest of one."""

    query: Query
    """What is sent, its parameters bound and FIELDS() spelled out."""
    columns: Sequence[ResultColumn]
    """Those of what is sent."""
    order: Keyset | str
    """Its order, or why it cannot be restarted."""
    options: Options
    token: ResumeToken
    """What was said of the query so far; if that names a job, its result is read on."""

    @property
    def unnamed(self) -> frozenset[int]:
        """Indexes of the columns of functions: what they are called in the result is not documented."""
        return frozenset(
            index
            for index, entry in enumerate(self.query.select)
            if isinstance(entry, Column) and isinstance(entry.expression, Call)
        )


async def order_of(query: Query, describe: Describe) -> Keyset | str:
    """Return the order in which a query is read in bulk, or why it cannot be restarted; see `keyset`.

    The order is the query's own: what is read in bulk is large, and sorting it for a restart that is hardly ever needed
    could cost the org more than the job itself.
    """
    order = await keyset(query, describe)
    return order if isinstance(order, str) or order.query.order_by == query.order_by else _UNSORTED


async def reading_of(query: Query, options: Options, token: ResumeToken, describe: Describe) -> BulkReading:
    """Return what is read for a query.

    Args:
        query: Its parameters bound and FIELDS() spelled out.
        options: How to read it.
        token: Where to begin; see `ResumeSigner.open`.
        describe: Describes an sObject.

    Raises:
        service.errors.SluicegateError: The query cannot be planned.

    """
    order = await order_of(query, describe)
    sent = order.query if isinstance(order, Keyset) else query
    return BulkReading(sent, await plan(sent, describe), order, options, token)


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
    has not ended, and deletes one of which nothing was taken; one of which rows were taken stays, so that a token can
    go on. A result without rows yields one empty batch.

    When Salesforce has forgotten a job of which rows were sent, another one is run for what follows the last of them,
    where the query's own order allows it: the consumer sees nothing of it.

    Args:
        reading: What is read.
        client: The org to read from.
        context: The call it is made for; nothing but its deadline ends the waiting for a slow job.
        write: Signs tokens.
        leftovers: Deletes jobs.

    Raises:
        QueryNotResumable: Salesforce has forgotten the job, and the query cannot be restarted.
        SalesforceRejected: The job failed.
        UpstreamProtocolError: The result is not what Salesforce said it would be: cut off, or of other columns.
        service.errors.SluicegateError: Salesforce refused.

    """
    found = _Reading(reading, client, context, write, leftovers)
    try:
        async with aclosing(found.batches()) as batches:
            async for batch in batches:
                yield batch
    finally:
        if found.is_unread:
            await found.job.delete()
    leftovers.leave(found.job)


class _Reading:
    """One call's way through a result, from one job or, if that is lost, from several.

    Args:
        reading: What is read.
        client: The org.
        context: The call.
        write: Signs tokens.
        leftovers: Keeps the job that the token names.

    """

    def __init__(
        self,
        reading: BulkReading,
        client: SalesforceClient,
        context: CallContext,
        write: Callable[[ResumeToken], str],
        leftovers: Leftovers,
    ) -> None:
        self._reading = reading
        self._client = client
        self._context = context
        self._write = write
        self._token = reading.token
        self._options = reading.options
        self._columnizer = CsvColumnizer(reading.columns)
        self._view = view_of(reading.columns, reading.order if isinstance(reading.order, Keyset) else None)
        self._restarts = restart.Restarts()
        self._read = 0
        """Rows of the part that is read, up to the last that was sent."""
        position = reading.token.position
        self._position = position if isinstance(position, BulkPosition) else BulkPosition("")
        """Where the next row stands."""
        self._rows = 0
        """Rows of the job."""
        self.job = BulkJob(client, context, self._position.job_id)
        self.is_unread = False
        """Whether the job is complete and no token names it."""
        leftovers.claim(self.job.id)

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Yield the batches; see `read`."""
        await self._begin()
        while True:
            try:
                async with aclosing(self._of_job()) as batches:
                    async for batch in batches:
                        yield batch
            except QueryNotResumable as lost:
                await self._restart(lost)
            else:
                return

    async def _begin(self) -> None:
        if not self.job.id:
            await self._run_whole(self._context)
            return
        try:
            self._rows = await self.job.wait()
        except (NotFound, SalesforceRejected) as error:
            await self._restart(_lost(error))

    async def _run_whole(self, context: CallContext) -> None:
        await self._run(self._reading.query, context)
        self._token = structs.replace(self._token, total=self._rows, begun=self.job.begun, found=self.job.found)

    async def _run(self, query: Query, context: CallContext) -> None:
        """Run a job, from whose first row on is read; one that is deleted while it runs is run anew."""
        for attempt in range(1, _MOST_JOBS + 1):
            self.job = BulkJob(self._client, context)
            is_complete = False
            try:
                await self.job.begin(to_soql(query), include_deleted=self._options.include_deleted)
                self._rows = await self.job.wait()
                is_complete = self.is_unread = True
                break
            except NotFound as error:
                if not self.job.id:
                    raise
                if attempt == _MOST_JOBS:
                    raise _lost(error) from error
            finally:
                if not is_complete:
                    await self.job.abort()
        self._position = BulkPosition(self.job.id, before=self._token.rows)

    async def _restart(self, lost: QueryNotResumable) -> None:
        """Run another job for what follows the last row."""
        order, token = self._reading.order, self._token
        self._restarts.begin(token, lost)
        # What is begun is finished: a result that is refused its rest has cost all the others for nothing.
        begun = structs.replace(self._context, begun=True)
        if not token.rows:
            await self._run_whole(begun)
            return
        await self._run(restart.rest_of(order, token, lost), begun)
        restart.check(order, token, lost, self._rows, self.job.found)
        await restart.check_unmoved(order, token, lost, self._client, begun, self._options)

    async def _of_job(self) -> AsyncGenerator[Batch, None]:
        begin = self._position
        self._read = begin.skip
        try:
            async with aclosing(parts(self.job, begin.locator)) as found:
                async for part in found:
                    async with aclosing(self._of_part(part)) as batches:
                        async for batch in batches:
                            yield batch
                    if self._wanted == 0:
                        return
                    self._read = 0
        except NotFound as error:
            raise _lost(error) from error
        if self._token.rows == 0:
            yield self._told(self._columnizer.batch((), self._token.total), None)
        counted = begin.before + self._rows
        if self._token.rows != counted:
            raise self._broken(f"a bulk result has {self._token.rows:,} rows where Salesforce counted {counted:,}")

    async def _of_part(self, part: Part) -> AsyncGenerator[Batch, None]:
        """Yield what is left of a part. One that is cut off is read once more: it may have been so on its way alone."""
        try:
            for batch in self._cut(part):
                yield batch
        except UpstreamProtocolError:
            again = await self.job.part(part.locator)
            try:
                for batch in self._cut(again):
                    yield batch
            finally:
                again.spool.close()

    def _cut(self, part: Part) -> Iterator[Batch]:
        rows = CsvRows(part.spool.file, self._reading.columns, self._reading.unnamed)
        passed = rows.skip(self._read)
        while found := rows.take(self._wanted):
            passed = self._read = self._read + len(found[0])
            position: BulkPosition | None = self._at(part.locator, self._read)
            if self._read >= part.row_count:
                position = self._at(part.following) if part.following else None
            yield self._told(self._columnizer.batch(found, self._token.total), position)
        if passed != part.row_count and self._wanted:
            raise self._broken(
                f"a part of a bulk result has {passed:,} rows where Salesforce counted {part.row_count:,}"
            )

    def _at(self, locator: str, skip: int = 0) -> BulkPosition:
        return BulkPosition(self.job.id, locator, skip, self._position.before)

    @property
    def _wanted(self) -> int:
        """How many rows the next batch may have."""
        most, size = self._options.max_rows, self._options.rows_of_batch
        return min(size, max(0, most - self._token.rows)) if most else size

    def _told(self, batch: Batch, position: BulkPosition | None) -> Batch:
        """Return a batch as the caller sees it, with its place in the result, and take note of it."""
        self.is_unread = False
        first = self._token.rows
        rows = first + batch.row_count
        if self._options.max_rows and rows >= self._options.max_rows:
            position = None
        last: tuple[KeyValue, ...] = ()
        if batch.row_count:
            self._restarts.bring_rows()
            last = self._view.last(batch) if position else ()
        self._token = structs.replace(self._token, rows=rows, position=position, last=last)
        return replace(self._view.shown(batch), first_row=first, resume=self._write(self._token))

    def _broken(self, what: str) -> UpstreamProtocolError:
        return UpstreamProtocolError(what, metadata={"org": self._client.org})


def _lost(error: SluicegateError) -> QueryNotResumable:
    cause = error.metadata.get("salesforce_error_code", "the query job failed")
    lost = QueryNotResumable("Salesforce no longer has the query job", metadata={"cause": cause})
    lost.__cause__ = error
    return lost
