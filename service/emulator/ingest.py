"""The processing of a bulk job: batches of its rows, chunk after chunk, with the event loop free in between.

Source: Bulk API 2.0 and Bulk API Developer Guide, "How Requests Are Processed": batches run in parallel, which is seen
where they lock each other's parents.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import chain

from service.clock import Clock
from service.emulator.allocation import Allocation
from service.emulator.csv_rows import InvalidBatch, RowReader
from service.emulator.faults import MultipleMatches, SalesforceFault, missing_key
from service.emulator.ids import normalise
from service.emulator.jobs import Job
from service.emulator.results import BATCH_ROWS
from service.emulator.row_writer import Repetitions, RowWriter, duplicate_external_id, duplicate_id
from service.emulator.schema.model import SObject
from service.emulator.write_options import WriteOptions

CHUNK_ROWS = 200
"""Rows of one transaction, as triggers see them. Source: Bulk API 2.0, "How Requests Are Processed"."""
BATCHES_AT_ONCE = 4
"""Batches of a job that run at the same time where that can be seen; how many Salesforce runs is unverified."""

Chunk = Sequence[Sequence[str]]
"""Rows of one transaction."""

_logger = logging.getLogger(__name__)


class Ingestion:
    """One run over one job's rows; ends with the job in a terminal state and its results complete.

    Args:
        job: A job whose upload is complete, or that was aborted.
        writer: Writes the rows.
        allocation: Pays for the batches.
        clock: Waits and stamps.
        delay_seconds: How long the job stays in UploadComplete.
        lock_failures: Rows of one batch that may fail for a lock before the job does; None for any number.

    """

    def __init__(
        self,
        job: Job,
        *,
        writer: RowWriter,
        allocation: Allocation,
        clock: Clock,
        delay_seconds: float,
        lock_failures: int | None = None,
    ) -> None:
        self._job = job
        self._writer = writer
        self._allocation = allocation
        self._clock = clock
        self._delay_seconds = delay_seconds
        self._slow = writer.disturbances.slow_job(writer.org.id)
        self._lock_failures = lock_failures

    async def run(self) -> None:
        """Process the job. Rows written before an abort, a failure or a cancellation stay written."""
        job = self._job
        started = self._clock.monotonic()
        try:
            await self._run()
        except InvalidBatch as error:
            self._fail(str(error))
        except Exception:
            # The task belongs to the whole server: a defect here must end this job only.
            _logger.exception("bulk job %s ended by a defect", job.id)
            self._fail("InternalServerError : Unknown error")
        finally:
            job.processing_seconds = self._clock.monotonic() - started
            job.settled.set()

    async def _run(self) -> None:
        job = self._job
        if job.state != "Aborted":
            await self._clock.sleep(self._delay_seconds + self._slow.wait_seconds)
        if job.state != "Aborted":
            job.advance("InProgress", self._clock.now())
        sobject = self._writer.org.schema.sobject(job.order.sobject)
        if job.upload is None or sobject is None:
            raise InvalidBatch("InvalidBatch : The job has no data")
        reader = RowReader(job.order, sobject, job.upload)
        try:
            job.results.start(reader.header)
            await self._process(reader, sobject)
        finally:
            job.results.flush()
            reader.detach()

    async def _process(self, reader: RowReader, sobject: SObject) -> None:
        try:
            await self._write_all(reader, sobject)
        except _QuotaExceeded:
            raise  # batches above the allocation leave no results at all
        except Exception:
            await self._put_away(reader)
            raise
        if self._job.state == "Aborted":
            await self._put_away(reader)

    async def _write_all(self, reader: RowReader, sobject: SObject) -> None:
        job = self._job
        while job.state != "Aborted":
            batches, fault = self._next(reader)
            try:
                await self._write_at_once(batches, reader, sobject)
            finally:
                for chunk in chain.from_iterable(batches):
                    job.results.skip(chunk)
                job.results.flush()
            if fault is not None:
                raise fault
            if not batches:
                job.advance("JobComplete", self._clock.now())
                return

    def _next(self, reader: RowReader) -> tuple[list[deque[Chunk]], InvalidBatch | None]:
        """Read the batches that run at the same time; return why there is not another one, if not for the end."""
        # Where nothing locks, nobody can see whether batches run at the same time.
        has_locks = self._writer.disturbances.locks_parents(self._writer.org.id)
        batches: list[deque[Chunk]] = []
        try:
            while len(batches) < (BATCHES_AT_ONCE if has_locks else 1):
                chunk: Chunk = reader.chunk(CHUNK_ROWS)
                if not chunk:
                    break
                if not self._allocation.bulk_batches.take():
                    raise _QuotaExceeded("ExceededQuota : ApiBatchItems Limit exceeded.")
                batches.append(deque([chunk]))
                while len(batches[-1]) < BATCH_ROWS // CHUNK_ROWS and (chunk := reader.chunk(CHUNK_ROWS)):
                    batches[-1].append(chunk)
        except InvalidBatch as error:
            return batches, error
        return batches, None

    async def _write_at_once(self, batches: Sequence[deque[Chunk]], reader: RowReader, sobject: SObject) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for batch in batches:
                    group.create_task(self._write_batch(batch, _Rows(self._job, self._writer, sobject, reader)))
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None

    async def _write_batch(self, batch: deque[Chunk], rows: "_Rows") -> None:
        """Write a batch, and leave in it what was not tried."""
        while batch and self._job.state != "Aborted":
            async with self._writer.disturbances.transaction(self._writer.org.id, self._clock):
                await self._writer.org.idle()
                rows.write(batch[0])
                batch.popleft()
            if self._slow.chunk_seconds:
                await self._clock.sleep(self._slow.chunk_seconds)
            if self._lock_failures is not None and rows.lock_failures > self._lock_failures:
                raise InvalidBatch("TooManyLockFailure : Too many lock failures")  # the text is unverified
            await asyncio.sleep(0)

    async def _put_away(self, reader: RowReader) -> None:
        # What an aborted or failed job never tried is a result of its own.
        for chunk in reader.remaining(BATCH_ROWS):
            self._job.results.skip(chunk)
            await asyncio.sleep(0)

    def _fail(self, message: str) -> None:
        if self._job.state != "Aborted":
            self._job.error_message = message
            self._job.advance("Failed", self._clock.now())


class _QuotaExceeded(InvalidBatch):
    """A batch above what the org may use in a day."""


class _Rows:
    """Writes chunks of one job and notes the outcomes."""

    def __init__(self, job: Job, writer: RowWriter, sobject: SObject, reader: RowReader) -> None:
        self._job = job
        self._writer = writer
        self._sobject = sobject
        self._reader = reader
        given = sobject.field(job.order.external_id_field) if job.order.external_id_field else None
        self._key = given or next(field for field in sobject.fields if field.type == "id")
        # Without a rule in the order a bulk job assigns nothing; unverified.
        self._options = WriteOptions(assignment=job.order.assignment_rule_id or "FALSE")
        self.lock_failures = 0
        """Rows refused because their record was locked; of one batch."""

    def write(self, chunk: Sequence[Sequence[str]]) -> None:
        """Write the rows of one transaction; a refused row leaves its neighbours alone."""
        job, org = self._job, self._writer.org
        rows = [self._reader.values(row) for row in chunk]
        twice = Repetitions(self._key, map(self._key_of, rows))
        with org.savepoint():
            for row, values in zip(chunk, rows, strict=True):
                record_id = _given_id(values)
                job.processed += 1
                try:
                    saved_id, created = self._write(values, twice)
                except SalesforceFault as fault:
                    job.failed += 1
                    self.lock_failures += _is_lock(fault)
                    job.results.fail(record_id, row, fault)
                except MultipleMatches as matches:
                    job.failed += 1
                    job.results.fail(record_id, row, _ambiguous(self._key.name, matches))
                else:
                    job.results.succeed(saved_id, row, created=created)

    def _write(self, values: dict[str, object], twice: Repetitions) -> tuple[str, bool]:
        operation, name, user_id = self._job.order.operation, self._sobject.name, self._job.user_id
        if operation == "insert":
            return self._writer.create(name, values, user_id=user_id, options=self._options), True
        key = self._key_of(values)
        if operation not in {"delete", "hardDelete"} and key in twice:
            raise duplicate_id(key) if self._key.type == "id" else duplicate_external_id(key, self._key.name)
        if operation == "upsert":
            values.pop(self._key.name, None)
            saved = self._writer.upsert(name, self._key.name, key, values, user_id=user_id, options=self._options)
            return saved.id, saved.created
        if not key:
            raise missing_key("Id")
        if operation == "update":
            del values["Id"]
            self._writer.update(name, key, values, user_id=user_id, options=self._options)
        elif operation == "hardDelete":
            self._writer.purge(name, key, user_id=user_id)
        else:
            self._writer.delete(name, key, user_id=user_id)
        return key, False

    def _key_of(self, values: dict[str, object]) -> str:
        if self._job.order.operation == "insert":
            return ""
        return _given_id(values) if self._key.type == "id" else str(values.get(self._key.name) or "")


def _given_id(values: Mapping[str, object]) -> str:
    given = str(values.get("Id") or "")
    return normalise(given) or given


def _is_lock(fault: SalesforceFault) -> bool:
    return fault.error_code == "UNABLE_TO_LOCK_ROW" or "UNABLE_TO_LOCK_ROW" in fault.message


def _ambiguous(field: str, matches: MultipleMatches) -> SalesforceFault:
    text = f"{field}: more than one record found for external id field: [{', '.join(matches.record_ids)}]"
    return SalesforceFault(300, "INVALID_FIELD", text, (field,))
