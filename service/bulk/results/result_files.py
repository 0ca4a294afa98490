"""The result files of the jobs of one part: each is fetched once, lies on disk, and may be read several times."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from service.bulk.data.spool import Spool
from service.bulk.job import BulkClient, Job, ResultFile
from service.bulk.patience import persist
from service.bulk.results.lines import ResultLine, ResultReader
from service.clock import Clock, Turns
from service.errors import LoadNotFound

MAX_FILE_BYTES = 1_073_741_824
"""Every row comes back with its id or error beside it."""
MEMORY_BYTES = 1_048_576
"""From how many bytes on a file lies on disk."""


class ResultFiles:
    """Fetches and reads. Leaving its `with` frees the disk.

    Args:
        client: The org.
        clock: Time, for outages.
        charge: Counts the bytes that are kept; see `Spool`.

    """

    def __init__(self, client: BulkClient, clock: Clock, charge: Callable[[int], None] | None = None) -> None:
        self._client = client
        self._clock = clock
        self._charge = charge
        self._spools: dict[tuple[str, ResultFile], Spool] = {}
        self._counts: dict[tuple[str, ResultFile], int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Begin without any."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Free what was fetched."""
        self._stack.close()

    async def lines(self, job: Job, file: ResultFile, columns: Sequence[str] = ()) -> AsyncIterator[ResultLine]:
        """Yield the lines of a file.

        Args:
            job: A job that has ended.
            file: Which file.
            columns: The columns that were uploaded; none takes all.

        Raises:
            service.errors.UpstreamProtocolError: It is not a result file of these columns.
            service.errors.SluicegateError: Salesforce refused.

        """
        async for line in read_lines(await self.get(job, file), ResultReader(columns), self._clock):
            yield line

    async def count(self, job: Job, file: ResultFile, columns: Sequence[str] = ()) -> int:
        """Return how many lines a file has; see `lines`."""
        count = self._counts.get((job.id, file))
        if count is None:
            spool, reader, turns = await self.get(job, file), ResultReader(columns), Turns(self._clock)
            count = 0
            for chunk in spool.chunks():
                count += reader.count(chunk)
                await turns.give()
            count = self._counts[job.id, file] = count + reader.count(None)
        return count

    async def get(self, job: Job, file: ResultFile) -> Spool:
        """Return a file, which stays this object's. One that is missing, of a job that is there, is empty."""
        spool = self._spools.get((job.id, file))
        if spool is None:
            with ExitStack() as attempt:
                begin = _beginner(attempt, self._charge)
                try:
                    spool = await persist(lambda: self._client.results(job.id, file, begin), self._clock)
                except LoadNotFound:
                    # Jobs that never had data have no results either.
                    spool = begin()
                # What was fetched last is kept, what broke off before is closed already.
                self._stack.push(attempt.pop_all())
            self._spools[job.id, file] = spool
        return spool

    def forget(self, job: Job) -> None:
        """Have the files of a job fetched again."""
        for key in [key for key in self._spools if key[0] == job.id]:
            self._spools.pop(key).close()
            self._counts.pop(key, None)


async def read_lines(spool: Spool, reader: ResultReader, clock: Clock) -> AsyncIterator[ResultLine]:
    """Yield the lines of a file that was fetched; other tasks have their turns meanwhile."""
    turns = Turns(clock)
    for chunk in spool.chunks():
        for line in reader.feed(chunk):
            yield line
        await turns.give()
    for line in reader.finish():
        yield line


def _beginner(stack: ExitStack, charge: Callable[[int], None] | None) -> Callable[[], Spool]:
    def begin() -> Spool:
        stack.close()
        return stack.enter_context(Spool(limit_bytes=MAX_FILE_BYTES, memory_bytes=MEMORY_BYTES, charge=charge))

    return begin
