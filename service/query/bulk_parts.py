"""The parts of a bulk result in order, up to two of them on their way while one is read."""

import asyncio
from collections.abc import AsyncGenerator

from service.errors import SluicegateError, UpstreamProtocolError
from service.query.bulk_job import BulkJob, Part

AHEAD = 2
"""Parts on their way while one is read; each lies in a file of its own."""


async def parts(job: BulkJob, locator: str) -> AsyncGenerator[Part, None]:
    """Yield the parts of a complete job's result; each is closed when the next one is asked for.

    Each part names the next. Salesforce's list of parts only tells, where it has one, what may be fetched beside it:
    what the list has wrong costs a call and no row. Closing the iterator, or cancelling whoever waits on it, stops the
    fetching at once.

    Args:
        job: The job.
        locator: Where to begin; empty for the first part.

    Raises:
        UpstreamProtocolError: The parts name each other in a circle.
        service.errors.SluicegateError: Salesforce refused a part.

    """
    order = _Order(job)
    seen: set[str] = set()
    under_way: dict[str, asyncio.Task[Part]] = {}
    following: str | None = locator
    try:
        while following is not None:
            if following in seen:
                raise UpstreamProtocolError("the parts of a bulk result name each other in a circle")
            seen.add(following)
            task = under_way.pop(following, None)
            part = await (job.part(following) if task is None else _awaited(task))
            try:
                following = part.following or None
                await _look_ahead(job, order, following, under_way)
                yield part
            finally:
                part.spool.close()
    finally:
        await _drop(under_way)


async def _look_ahead(
    job: BulkJob, order: "_Order", locator: str | None, under_way: "dict[str, asyncio.Task[Part]]"
) -> None:
    wanted: list[str] = []
    while locator is not None and len(wanted) < AHEAD:
        wanted.append(locator)
        if locator not in under_way:
            under_way[locator] = asyncio.create_task(job.part(locator))
        if len(wanted) < AHEAD:
            locator = await order.after(locator)
    await _drop({other: under_way.pop(other) for other in set(under_way) - set(wanted)})


async def _awaited(task: "asyncio.Task[Part]") -> Part:
    try:
        return await task
    except BaseException:
        await _drop({"": task})
        raise


async def _drop(under_way: "dict[str, asyncio.Task[Part]]") -> None:
    """Stop the fetching, and close what had come."""
    for task in under_way.values():
        task.cancel()
    for fetched in await asyncio.gather(*under_way.values(), return_exceptions=True):
        if isinstance(fetched, Part):
            fetched.spool.close()


class _Order:
    """Which part follows which, as far as Salesforce lists it beforehand."""

    def __init__(self, job: BulkJob) -> None:
        self._job = job
        self._after: dict[str, str] = {}
        self._last = ""
        self._rest: str | None = ""
        """Where the list goes on; None behind its end."""

    async def after(self, locator: str) -> str | None:
        """Return the locator behind another one; None if that is not known."""
        while locator not in self._after and self._rest is not None:
            try:
                found = await self._job.listed(self._rest)
            except SluicegateError:
                # Older versions have no list. Without it the parts come one by one.
                found = None
            # A list without parts that goes on would go on for ever.
            self._rest = (found.following or None) if found is not None and found.locators else None
            for following in found.locators if found is not None else ():
                self._after[self._last] = following
                self._last = following
        return self._after.get(locator)
