"""One bulk load from its header to its last result: data is cut into parts, several of which are at work at a time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field

from service.bulk.cutting.splitting import SplitterOf
from service.bulk.desk import PARTS_AT_WORK, Desk, Slots, Turns
from service.bulk.failpoints import Failpoint, Reach, pass_by
from service.bulk.job import BulkClient
from service.bulk.ledger import Ledger
from service.bulk.request import Commit, LoadRequest
from service.bulk.room import DiskRoom, weight
from service.bulk.running.part_run import PartRun
from service.bulk.taking.incoming import Incoming
from service.bulk.taking.intake import Intake
from service.bulk.taking.messages import Message
from service.bulk.telling.events import Accepted, Event, Finished, PartDone, Prepared, Results, ResumeFrom
from service.bulk.telling.watching import LoadWatch
from service.bulk.token import TokenSigner
from service.bulk.ways.allowance import Allowance
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.bulk.ways.part_ways import Ways
from service.clock import Clock

_POINTS: dict[type[Event], Failpoint] = {
    Accepted: Failpoint.ACCEPTED,
    Prepared: Failpoint.PREPARED,
    Results: Failpoint.REPORTING,
    PartDone: Failpoint.DONE,
}
"""The places that are reached when an event was handed over."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Runs the loads of one org."""

    client: BulkClient
    clock: Clock
    signer: TokenSigner
    splitter: SplitterOf
    """Makes what cuts the data."""
    check: Callable[[LoadRequest, Sequence[str]], Awaitable[None]]
    """Refuses columns that cannot be loaded, before the first job."""
    reach: Reach = pass_by
    slots: Turns = field(default_factory=lambda: asyncio.Semaphore(PARTS_AT_WORK))
    """Room for the parts of all loads of the org."""
    disk: DiskRoom = field(default_factory=DiskRoom)
    """What all loads of the process share."""
    watch: LoadWatch = field(default_factory=LoadWatch)
    """What is seen of the load that is run."""
    caller: str = ""
    """Whose load is run."""
    ways: Ways = field(default_factory=Ways)
    """How rows may be written."""
    claims: PartClaims = field(default_factory=ClaimsOfProcess)
    """Which jobs have the rows of parts, of all loads."""

    async def run(
        self, request: LoadRequest, ledger: Ledger, messages: AsyncIterator[Message], *, is_resumed: bool = False
    ) -> AsyncGenerator[Event, None]:
        """Load rows, and tell what happens.

        Nothing is written of a part before it is committed. If the load's end commits it, an error, a cancellation or
        closing the iterator before aborts its job, for at most ten seconds. If its caller does, jobs that a token named
        stay as they are: whoever has the token goes on. What is committed is never aborted, and rows that are written
        without a job are written on for at most thirty seconds. There is no limit to how long a load may take but the
        caller's own.

        Data that cannot be read ends the load once the parts before it are over.

        Close the iterator when leaving early (`contextlib.aclosing`).

        Args:
            request: What to load.
            ledger: The load: new, or as a token tells of it.
            messages: Data cut anywhere, commits, and the end of the data; their end commits a load that its end
                commits.
            is_resumed: Whether the load is gone on with.

        Yields:
            `Accepted` first, `Finished` last, if all went well.

        Raises:
            errors.InvalidData: A row cannot be read, a column is missing, there is no row, or the data is not that
                which the token tells of.
            errors.InvalidRequest: The messages are not in order.
            errors.MessageTooLarge: A load that its end commits is larger than one part.
            errors.QueueFull: There is no room on the disk for another load, or was none for ten minutes.
            errors.DeadlineExceeded: Others waited for room, and the caller said nothing for ten minutes.
            errors.InvalidToken: Another call goes on with the load, and has had a part written.
            errors.LoadFailed: A job failed or was aborted, without a result for any row.
            errors.SluicegateError: Salesforce refused, or could not be reached before a commit.

        """
        allowance, slots = Allowance(self.client, org=ledger.org), Slots(self.slots)
        with closing(self.disk.open(weight(ledger.limits.size_bytes, ledger.limits.rows), self.caller)) as room:
            desk = Desk(
                request=request,
                client=self.client,
                clock=self.clock,
                ledger=ledger,
                signer=self.signer,
                reach=self.reach,
                allowance=allowance,
                slots=slots,
                room=room,
                watch=self.watch,
                ways=self.ways,
                claims=self.claims,
            )
            load = _Load(desk, self, is_resumed=is_resumed)
            await self.reach(Failpoint.BEGUN)
            task = asyncio.create_task(load.run(messages))
            try:
                async with aclosing(desk.outbox.events()) as events:
                    async for event in events:
                        yield event
                        if (point := _POINTS.get(type(event))) is not None:
                            await self.reach(point)
                await task
            finally:
                task.cancel()
                try:
                    # What it ended with was raised above, or nobody listens any more.
                    await asyncio.gather(task, return_exceptions=True)
                finally:
                    room.close()
                    await load.abandon()
        counts = ledger.counts
        yield Finished(desk.token(), ledger.load(), counts.total, counts)


class _Load:
    """The tasks of one load.

    Args:
        desk: What they share.
        loader: What they use.
        is_resumed: Whether the load is gone on with.

    """

    def __init__(self, desk: Desk, loader: Loader, *, is_resumed: bool) -> None:
        self._desk = desk
        self._is_resumed = is_resumed
        self._runs: dict[int, PartRun] = {}
        self._intake = Intake(desk, loader.splitter, loader.check, self._runs)

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Run the load; its events are in the outbox, which is closed in the end."""
        desk = self._desk
        incoming = Incoming(desk, messages).messages()
        try:
            await self._accept()
            async with asyncio.TaskGroup() as group:
                parts: list[asyncio.Task[None]] = []
                reading = group.create_task(
                    self._intake.read(incoming, lambda run: parts.append(group.create_task(run.run())))
                )
                await self._intake.has_ended.wait()
                if parts:
                    await asyncio.wait(parts)
                reading.cancel()
            if self._intake.fault is not None:
                raise self._intake.fault
            await desk.reach(Failpoint.FINISHING)
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._intake.close()
            for run in self._runs.values():
                run.close()
            desk.outbox.close()
            await incoming.aclose()

    async def abandon(self) -> None:
        """Abort the jobs that are of no use."""
        await self._intake.abandon()
        for run in self._runs.values():
            await run.abandon()

    async def _accept(self) -> None:
        desk, ledger = self._desk, self._desk.ledger
        if desk.request.commit is Commit.AT_END:
            return
        start = self._intake.start
        resume = ResumeFrom(ledger.header_bytes, start.byte, start.row) if self._is_resumed else None
        await desk.tell(Accepted(desk.token(), ledger.load(), resume))


def _first(group: BaseExceptionGroup) -> BaseException:
    """Return what a group is about."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
