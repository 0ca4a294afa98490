"""The query job behind a bulk reading: begun, waited for, read part by part, and cleared away."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from tempfile import SpooledTemporaryFile

from msgspec.structs import replace

from service.clock import to_its_end
from service.context import CallContext
from service.errors import (
    ConcurrencyLimitExceeded,
    SalesforceRejected,
    SluicegateError,
    UpstreamProtocolError,
    UpstreamUnavailable,
)
from service.salesforce.calls import bulk_query as calls
from service.salesforce.calls.bulk_query import QueryJob
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request

FIRST_POLL_SECONDS = 0.25
LAST_POLL_SECONDS = 15.0
POLL_GROWTH = 1.5
CLEAR_SECONDS = 10.0

_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
_MEMORY_BYTES = 2_097_152
"""From how many bytes on a part lies in a file: parts have tens of megabytes."""
_LONGEST_LINE = 67_108_864
"""Bytes; whoever reads a line has it in memory."""
# What passes by itself, so that a job that runs on is only asked again.
_PASSING = (UpstreamUnavailable, ConcurrencyLimitExceeded)


class Spool:
    """A part of a result on its way: in memory at first, then in a temporary file."""

    __slots__ = ("_line", "file")

    def __init__(self) -> None:
        self._line = 0
        """Bytes of the line that has not ended."""
        self.file = SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed by close()

    def write(self, part: bytes) -> None:
        """Append; Salesforce lets NUL bytes slip into results that no field can hold.

        Raises:
            UpstreamProtocolError: A line has more bytes than any row.

        """
        end = part.rfind(b"\n")
        self._line = self._line + len(part) if end < 0 else len(part) - end - 1
        if self._line > _LONGEST_LINE:
            raise UpstreamProtocolError(f"a row of a bulk result has more than {_LONGEST_LINE:,} bytes")
        self.file.write(part.replace(b"\0", b"") if b"\0" in part else part)

    def close(self) -> None:
        """Forget everything."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a result, from its header on."""

    locator: str
    """Empty for the first one."""
    row_count: int
    following: str
    """Locator of the next part; empty behind the last."""
    spool: Spool


class BulkJob:
    """Runs one query job for one call.

    Args:
        client: The org.
        context: The call.
        job_id: A job that was begun before; empty for one that is yet to begin.

    """

    def __init__(self, client: SalesforceClient, context: CallContext, job_id: str = "") -> None:
        self._client = client
        self._context = context
        # What is begun is finished: a job whose result is refused its last calls has cost all the others for nothing.
        self._begun = replace(context, begun=True)
        self.id = job_id
        """Empty until the job exists."""
        self.begun = 0
        """Before the job looked for the rows, in seconds since the epoch, by Salesforce's own clock if it tells."""
        self.found = 0
        """After it had looked for them. Of a job that was begun before neither is known."""
        self._begun_at = 0.0
        self._pause = 0.0
        """How long to wait before the job is asked for, in seconds."""

    async def begin(self, soql: str, *, include_deleted: bool) -> None:
        """Create the job.

        Cancelling it waits for the answer, for ten seconds at most: whoever aborts the job has to know its id.

        Raises:
            service.errors.SluicegateError: Salesforce refused.

        """
        creating = asyncio.create_task(
            self._create(calls.create(self._client.base, soql, include_deleted=include_deleted))
        )
        try:
            await asyncio.shield(creating)
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([creating], timeout=CLEAR_SECONDS)
            creating.cancel()
            await asyncio.gather(creating, return_exceptions=True)
            raise

    async def _create(self, request: Request) -> None:
        clock = self._context.clock
        self._begun_at, now = clock.monotonic(), clock.now()
        response = await self._client.send(request, self._context)
        job = calls.job(response, org=self._client.org)
        self.id = job.id
        self.begun = floor(_instant(job.createdDate, otherwise=now))
        self._pause = FIRST_POLL_SECONDS

    async def wait(self) -> int:
        """Wait until the job is complete, however long that takes, and return how many rows it has.

        Raises:
            SalesforceRejected: It failed, or somebody aborted it.
            service.errors.SluicegateError: Salesforce refused to tell.

        """
        while True:
            await self._context.clock.sleep(self._pause)
            found, at_least = await self._poll()
            if found is not None and found.state in _ENDED:
                break
            self._pause = min(max(self._pause, FIRST_POLL_SECONDS) * POLL_GROWTH, LAST_POLL_SECONDS)
            self._pause = max(self._pause, at_least)
        if found.state == "JobComplete":
            # A job is dated by whole seconds.
            self.found = self.begun + 1 + ceil(self._context.clock.monotonic() - self._begun_at)
            return found.numberRecordsProcessed
        why = found.errorMessage or (
            "somebody aborted it" if found.state == "Aborted" else "Salesforce does not say why"
        )
        raise SalesforceRejected(
            f"the query job failed: {why}", metadata={"org": self._client.org, "job_id": self.id, "state": found.state}
        )

    async def listed(self, locator: str) -> calls.ResultPages:
        """Return some parts of the result; see `bulk_query.result_pages`."""
        request = calls.result_pages(self._client.base, self.id, locator)
        return calls.listed(await self._client.send(request, self._begun), org=self._client.org)

    async def part(self, locator: str) -> Part:
        """Return a part of the result, which the caller closes.

        Raises:
            service.errors.SluicegateError: Salesforce refused.

        """
        spools: list[Spool] = []

        def anew() -> Spool:
            # What an attempt that broke off left behind is of no use.
            while spools:
                spools.pop().close()
            spools.append(Spool())
            return spools[-1]

        try:
            response = await self._client.send(calls.results(self._client.base, self.id, locator, anew), self._begun)
            rows, following = calls.part(response, org=self._client.org)
            if not spools:
                anew()
            spool = spools.pop()
        finally:
            for left in spools:
                left.close()
        spool.file.seek(0)
        return Part(locator, rows, following, spool)

    async def abort(self) -> None:
        """Stop a job that has not ended. Returns within ten seconds and never raises but for cancellation."""
        await self._clear(calls.abort(self._client.base, self.id))

    async def delete(self) -> None:
        """Forget a job that has ended. Returns within ten seconds and never raises but for cancellation."""
        await self._clear(calls.delete(self._client.base, self.id))

    async def _poll(self) -> tuple[QueryJob | None, float]:
        """Return how the job stands, or None and for how many seconds not to ask."""
        try:
            response = await self._client.send(calls.info(self._client.base, self.id), self._begun)
            return calls.job(response, org=self._client.org), 0.0
        except _PASSING as error:
            return None, error.retry_after_seconds or 0.0

    async def _clear(self, request: Request) -> None:
        if not self.id:
            return
        await to_its_end(self._try(request))

    async def _try(self, request: Request) -> None:
        # Whatever led here matters more: Salesforce itself forgets a job after seven days. It is needed most when the
        # deadline has passed.
        with contextlib.suppress(SluicegateError, TimeoutError):
            async with asyncio.timeout(CLEAR_SECONDS):
                await self._client.send(request, replace(self._begun, deadline=None))


def _instant(text: str, *, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return otherwise
