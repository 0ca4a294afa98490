"""One bulk load from the first byte to the last result: receive → create job → upload → commit → poll → report.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest": one upload a job; nothing is written before
`UploadComplete`; a job runs as long as it runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, closing
from dataclasses import dataclass

from service import errors
from service.bulk.data import DataReader, Format, reader_for
from service.bulk.events import Accepted, Event, Finished, Progress, Results
from service.bulk.job import BulkClient, Job, Load, LoadRequest, LoadState, RowOutcome
from service.bulk.report import Report
from service.bulk.spool import Spool
from service.clock import Clock

FIRST_POLL_SECONDS = 0.2
LAST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.5
PROGRESS_SECONDS = 1.0
ABORT_SECONDS = 10.0

# What is read at once: a slice of the shortest rows takes a tenth of a second.
_SLICE_BYTES = 64 * 1024
# What passes by itself, so that a job that runs on is only asked again.
_PASSING = (errors.UpstreamUnavailable, errors.ConcurrencyLimitExceeded, errors.OutcomeUnknown)


async def run(
    request: LoadRequest, data: AsyncIterator[bytes], client: BulkClient, clock: Clock
) -> AsyncGenerator[Event, None]:
    """Load rows, and tell what happens.

    The job is created when the first row was read, so data that is wrong from the start costs nothing. Until the job
    is committed, an error, a cancellation or closing the iterator aborts it, for at most ten seconds; nothing was
    written then. From the commit on it is never aborted: the load goes on in Salesforce whoever listens. There is no
    limit to how long it may take but the caller's own.

    Close the iterator when leaving early (`contextlib.aclosing`).

    Args:
        request: What to load.
        data: The bytes, cut anywhere; its end commits.
        client: The org.
        clock: Time, for polling.

    Yields:
        `Accepted` once; `Progress` when something changed; `Results` of at most 1,000 rows; `Finished` once.

    Raises:
        errors.InvalidData: A row cannot be read, a column is missing, or there is no row.
        errors.MessageTooLarge: The load is larger than one job takes.
        errors.LoadFailed: The job failed or was aborted, without a result for any row.
        errors.UpstreamProtocolError: Salesforce's results do not cover the rows.
        errors.SluicegateError: Salesforce refused, or could not be reached before the commit.

    """
    reader = reader_for(request.format)
    with closing(reader), Spool() as spool:
        load = _Loading(request, client, clock, reader, spool)
        try:
            async with aclosing(load.receive(data)) as events:
                async for event in events:
                    yield event
            await load.commit()
        except BaseException:
            # Cancellation and a closed iterator too: an open job would wait for its data for a day.
            await load.abandon()
            raise
        async with aclosing(load.watch()) as events:
            async for event in events:
                yield event
        async with aclosing(load.report()) as events:
            async for event in events:
                yield event


@dataclass(slots=True)
class _Loading:
    """The state of one load. The methods are called once each, in the order they stand here."""

    request: LoadRequest
    client: BulkClient
    clock: Clock
    reader: DataReader
    spool: Spool
    job: Job | None = None
    created_at: float = 0.0
    bytes_received: int = 0
    is_committed: bool = False

    async def receive(self, data: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
        """Read all data into the spool and create the job."""
        next_progress = self.clock.monotonic()
        async for chunk in data:
            await self._take(chunk)
            if self.job is None and len(self.reader.index):
                yield await self._create()
            if self.job is not None and self.clock.monotonic() >= next_progress:
                next_progress = self.clock.monotonic() + PROGRESS_SECONDS
                yield self._progress()
        for part in self.reader.finish():
            self.spool.write(part)
            await self.clock.sleep(0)
        if not len(self.reader.index):
            raise errors.InvalidData("the data has no row; send at least one after the header", row=0)
        self._check_columns()
        if self.job is None:
            yield await self._create()
        yield self._progress()

    async def commit(self) -> None:
        """Upload and complete the job. When an answer is lost, the job's own state tells whether it is committed."""
        job_id = self._known_job.id
        try:
            await self.client.upload(job_id, self.spool)
        except errors.OutcomeUnknown as error:
            # Whatever arrived, an open job writes nothing.
            raise errors.UpstreamUnavailable(
                "the connection was lost while the data was uploaded; nothing was written, repeat the load"
            ) from error
        self.is_committed = True
        delays = _Delays()
        while True:
            try:
                self.job = await self.client.complete(job_id)
            except _PASSING as error:
                await self.clock.sleep(delays.next(error))
                self.job = await self._ask()
                if self.job.state is LoadState.OPEN:
                    continue
            except errors.DeadlineExceeded:
                raise
            except errors.SluicegateError:
                self.is_committed = False
                raise
            return

    async def abandon(self) -> None:
        """Abort the job unless it is committed. Returns within ten seconds and never raises but for cancellation."""
        if self.job is None or self.is_committed:
            return
        task = asyncio.ensure_future(self._abort(self.job.id))
        is_cancelled = False
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                is_cancelled = True
        if is_cancelled:
            raise asyncio.CancelledError

    async def watch(self) -> AsyncGenerator[Event, None]:
        """Poll until the job has ended."""
        delays = _Delays()
        yield self._progress()
        while not self._known_job.state.is_final:
            await self.clock.sleep(delays.next())
            before, self.job = self.job, await self._ask()
            if self.job != before:
                yield self._progress()

    async def report(self) -> AsyncGenerator[Event, None]:
        """Tell what became of the rows."""
        index = self.reader.index
        await asyncio.to_thread(index.build)
        report = Report(self.request, self._known_job, self.reader.columns, index)
        async with aclosing(report.batches(self.client, self.clock)) as batches:
            async for rows in batches:
                yield Results(rows)
        yield Finished(
            load=self._load(),
            rows_received=len(index),
            rows_created=report.counts[RowOutcome.CREATED],
            rows_updated=report.counts[RowOutcome.UPDATED],
            rows_deleted=report.counts[RowOutcome.DELETED],
            rows_failed=report.counts[RowOutcome.FAILED],
            rows_not_processed=report.counts[RowOutcome.NOT_PROCESSED],
        )

    async def _take(self, chunk: bytes) -> None:
        for start in range(0, len(chunk), _SLICE_BYTES):
            part = chunk[start : start + _SLICE_BYTES]
            self.spool.write(self.reader.feed(part))
            self.bytes_received += len(part)
            # Reading is work: other calls of this process come in between.
            await self.clock.sleep(0)

    async def _create(self) -> Accepted:
        if self.request.format is Format.CSV:
            self._check_columns()
        self.job = await self.client.create_job(self.request)
        # Whole seconds, as the token holds them: whoever asks later is told the same.
        self.created_at = float(int(self.clock.now()))
        return Accepted(self._load())

    def _check_columns(self) -> None:
        key = self.request.key_column
        if key and key.lower() not in {column.lower() for column in self.reader.columns}:
            operation = self.request.operation.value
            raise errors.InvalidData(f"the data has no column {key}, which every {operation} needs", row=0)

    async def _ask(self) -> Job:
        delays = _Delays()
        while True:
            try:
                return await self.client.job_info(self._known_job.id)
            except _PASSING as error:
                await self.clock.sleep(delays.next(error))

    async def _abort(self, job_id: str) -> None:
        # The error that led here matters more; a job that stays open writes nothing and expires within a day.
        with contextlib.suppress(errors.SluicegateError, TimeoutError):
            async with asyncio.timeout(ABORT_SECONDS):
                await self.client.abort(job_id)

    @property
    def _known_job(self) -> Job:
        assert self.job is not None, "the job is created before it is used"
        return self.job

    def _progress(self) -> Progress:
        return Progress(self._load(), len(self.reader.index), self.bytes_received)

    def _load(self) -> Load:
        request = self.request
        return Load(self._known_job, request.object, request.operation, request.external_id_field, self.created_at)


@dataclass(slots=True)
class _Delays:
    """Waits that grow from 0.2 to 5 seconds."""

    seconds: float = FIRST_POLL_SECONDS

    def next(self, error: errors.SluicegateError | None = None) -> float:
        """Return the next wait in seconds, longer where an error asks for it."""
        delay = self.seconds
        self.seconds = min(delay * POLL_GROWTH, LAST_POLL_SECONDS)
        return max(delay, (error.retry_after_seconds or 0.0) if error else 0.0)
