"""Query jobs that were read to the end: deleted once nobody can be expected to come back for their last rows."""

import asyncio
from types import TracebackType
from typing import Self

from service.clock import Clock
from service.query.bulk_job import BulkJob

KEPT_SECONDS = 3_600.0
"""How long a job is kept. That the last rows left the service does not mean that they arrived: a caller whose
connection broke comes back with a token, and the job is all there is to go on from."""
_MOST = 1_000


class Leftovers:
    """Deletes the jobs of one org an hour after they were read to the end.

    Leaving the context deletes nothing more: Salesforce itself forgets a job after seven days.

    Args:
        clock: Waits.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        """Begin without any."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Give up those that still wait."""
        waiting = list(self._waiting.values())
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    @property
    def count(self) -> int:
        """How many jobs wait for their deletion."""
        return len(self._waiting)

    def leave(self, job: BulkJob) -> None:
        """Take over a job that was read to the end; of very many, those that come last are left to Salesforce."""
        if len(self._waiting) < _MOST:
            self.claim(job.id)
            self._waiting[job.id] = asyncio.create_task(self._delete(job))

    def claim(self, job_id: str) -> None:
        """Keep a job, if it is one of these, since it is read again."""
        task = self._waiting.pop(job_id, None)
        if task is not None:
            task.cancel()

    async def _delete(self, job: BulkJob) -> None:
        await self._clock.sleep(KEPT_SECONDS)
        await job.delete()
        self._waiting.pop(job.id, None)
