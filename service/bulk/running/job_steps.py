"""The steps of a job's life that change something: giving it rows, committing it, aborting it.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest".
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from service import errors
from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import Spool
from service.bulk.desk import Desk
from service.bulk.failpoints import Failpoint
from service.bulk.job import BulkClient, Content, Job, JobState
from service.bulk.patience import OUTAGE_SECONDS, PASSING, Delays, persist
from service.bulk.running.parent_order import parents_together
from service.clock import Clock, to_its_end

ABORT_SECONDS = 10.0


async def upload(
    desk: Desk,
    content: Spool,
    delimiter: Delimiter,
    rows: int,
    note: Callable[[str], None],
    *,
    first: Job | None = None,
    is_retry: bool = False,
) -> Job:
    """Give rows to a job of their own, which nothing is written of before it is committed.

    After an outage another job takes them: what arrived of them is unknown, and a job takes data once.

    Args:
        desk: The load's.
        content: The rows.
        delimiter: What stands between their cells.
        rows: How many there are.
        note: Is told the id of each job that is opened for them, before it is given anything; the last one counts.
        first: An open job without data that is given them first; None opens one.
        is_retry: Whether they were tried before.

    Raises:
        errors.AllocationExceeded: The org takes fewer batches today.
        errors.UpstreamUnavailable: An outage lasted for ten minutes.
        errors.SluicegateError: Salesforce refused.

    """
    await desk.allowance.take(rows)
    delays = Delays()
    end = desk.clock.monotonic() + OUTAGE_SECONDS
    while True:
        job, first = first, None
        if job is None:
            job = await persist(lambda: desk.client.create_job(desk.request, delimiter), desk.clock)
        note(job.id)
        await desk.reach(Failpoint.RETRY_CREATED if is_retry else Failpoint.JOB_CREATED)
        try:
            async with parents_together(desk, content, delimiter) as ordered:
                await desk.client.upload(job.id, _Watched(ordered, lambda: desk.reach(Failpoint.UPLOADING)))
            break
        except PASSING as error:
            await abort_quietly(desk.client, job.id)
            delay = delays.next(error)
            if desk.clock.monotonic() + delay > end:
                raise errors.UpstreamUnavailable(
                    "the data could not be uploaded; nothing of this part was written", metadata=error.metadata
                ) from error
            await desk.clock.sleep(delay)
    desk.watch.totals.uploaded_bytes += content.size
    await desk.reach(Failpoint.RETRY_UPLOADED if is_retry else Failpoint.UPLOADED)
    return job


async def complete(client: BulkClient, clock: Clock, job_id: str, told_open: Callable[[], None] = lambda: None) -> Job:
    """Commit a job. When an answer is lost, the job's own state tells whether it is committed.

    Args:
        client: The org.
        clock: Waits out what passes by itself.
        job_id: The job.
        told_open: Called before a refusal is raised if the job is open by its own state. Without that call the job may
            be committed, whatever is raised: it must not be aborted.

    Returns:
        The job, which is open no more: committed now or before, or ended by somebody else.

    Raises:
        errors.DeadlineExceeded: The call's deadline passed.
        errors.SluicegateError: Salesforce refused to commit the job, or to tell how it stands.

    """
    delays = Delays()
    while True:
        try:
            job = await client.complete(job_id)
        except errors.DeadlineExceeded:
            raise
        except PASSING as error:
            await clock.sleep(delays.next(error))
            job = await ask(client, clock, job_id)
        except errors.SluicegateError:
            # It was committed before, by a call whose answer was lost; or somebody aborted it.
            job = await ask(client, clock, job_id)
            if job.state is JobState.OPEN:
                told_open()
                raise
        if job.state is not JobState.OPEN:
            return job


async def ask(client: BulkClient, clock: Clock, job_id: str) -> Job:
    """Ask how a job stands, for as long as it takes."""
    return await persist(lambda: client.job_info(job_id), clock, seconds=None)


async def abort_quietly(client: BulkClient, job_id: str) -> None:
    """Abort a job. Returns within ten seconds and never raises but for cancellation, once it has tried."""
    await to_its_end(_abort(client, job_id))


async def _abort(client: BulkClient, job_id: str) -> None:
    # What led here matters more; a job that stays open writes nothing and expires within a day.
    with suppress(errors.SluicegateError, TimeoutError):
        async with asyncio.timeout(ABORT_SECONDS):
            await client.abort(job_id)


class _Watched:
    """Content that tells when half of it was taken.

    Args:
        content: The content.
        half_way: What to call then.

    """

    def __init__(self, content: Content, half_way: Callable[[], Awaitable[None]]) -> None:
        self._content = content
        self._half_way = half_way

    @property
    def size(self) -> int:
        """How many bytes."""
        return self._content.size

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield them from the start, each time anew."""
        taken = 0
        async for chunk in self._content.stream():
            is_half = taken < self.size / 2 <= taken + len(chunk)
            taken += len(chunk)
            yield chunk
            if is_half:
                await self._half_way()
