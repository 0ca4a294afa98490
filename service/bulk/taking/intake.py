"""What the caller of a load says, taken in order: data, which is cut into parts and set to work, and the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial

from service import errors
from service.bulk.cutting.parts import Part, Position
from service.bulk.cutting.splitting import SplitterOf, marked
from service.bulk.data.batches import RowColumns
from service.bulk.desk import Desk
from service.bulk.job import JobState
from service.bulk.ledger import DIGEST_BYTES, PartRecord
from service.bulk.patience import persist
from service.bulk.request import Commit, LoadRequest
from service.bulk.running.call_run import CallRun
from service.bulk.running.job_run import JobRun
from service.bulk.running.job_steps import abort_quietly
from service.bulk.running.part_run import PartRun
from service.bulk.taking.ahead import Ahead
from service.bulk.taking.commits import Commits
from service.bulk.taking.messages import DataEnd, Message, PartCommit, disorder
from service.bulk.taking.needed_columns import check_needed
from service.bulk.telling.events import Accepted
from service.bulk.ways.way import Way

PROGRESS_SECONDS = 1.0
MAX_WAITING_BYTES = 400_000_000
"""What may be kept of parts whose commit the caller owes."""

_SLICE_BYTES = 256 * 1024
"""What is cut before anybody looks whether the load is over."""
_RUN_BYTES = 4 * 1024 * 1024
"""What is cut before other loads have their turn, unless a single message has more."""

Start = Callable[[PartRun], None]
"""Sets a part to work, in a task that somebody owns."""
Check = Callable[[LoadRequest, Sequence[str]], Awaitable[None]]
"""Refuses columns that cannot be loaded."""


class Intake:
    """Reads the caller's messages; the data is cut in a thread, and the next message comes in meanwhile.

    It stops reading while as many parts are at work as may be, and never for a part that waits for the caller: the
    commit that it waits for may stand behind data.

    Args:
        desk: The load's.
        splitter_of: Makes what cuts the data.
        check: Refuses columns before the first job.
        runs: Takes the parts that are set to work, by number.

    """

    def __init__(self, desk: Desk, splitter_of: SplitterOf, check: Check, runs: dict[int, PartRun]) -> None:
        self._desk = desk
        self._check = check
        self._runs = runs
        self._commits = Commits(desk, runs)
        self.has_ended = asyncio.Event()
        """Set when every part is set to work that ever will be."""
        self.fault: errors.InvalidArgument | None = None
        """Why the data could not be read to its end."""
        self.start = self._first_needed()
        """From where on the data is needed."""
        self._splitter = splitter_of(desk.request, desk.ledger.limits, self.start)
        self._checked: set[tuple[str, ...]] = set()
        self._opened = ""
        self._has_all = False
        """Whether the data that was given to the splitter is all there is."""
        self._next_progress = 0.0
        desk.rows_received = desk.ledger.end.row - 1

    async def read(self, messages: AsyncIterator[Message], start: Start) -> None:
        """Read the messages until there are no more.

        Args:
            messages: What the caller says.
            start: Sets parts to work.

        Raises:
            errors.InvalidRequest: They are not in order.
            errors.InvalidData: The data cannot be read, and no part of it is at work.
            errors.MessageTooLarge: A load that its end commits is larger than one part.
            errors.SluicegateError: Its job could not be created.

        """
        is_by_part = self._desk.request.commit is Commit.BY_PART
        async with aclosing(Ahead(messages)) as ahead:
            async for message in ahead:
                if isinstance(message, PartCommit):
                    self._commits.take(message)
                elif self.has_ended.is_set() and self.fault is None:
                    raise disorder("data", "the data had ended; only commits follow")
                elif isinstance(message, DataEnd):
                    if not is_by_part:
                        raise disorder(
                            "end", "close the sending side instead; only loads committed by part have an end"
                        )
                    await self._end(start)
                else:
                    await self._take(message, ahead, start)
        self._desk.closed.set()
        if not is_by_part:
            await self._end(start)
            self._commits.take_all()
        elif not self.has_ended.is_set():
            raise disorder("end", "the stream was closed before the end of the data; send `end` when it is complete")
        else:
            self._commits.check_complete(self.fault)

    def close(self) -> None:
        """Free what is held."""
        self._splitter.close()

    async def abandon(self) -> None:
        """Abort a job that was opened for data which never came."""
        if self._opened:
            await abort_quietly(self._desk.client, self._opened)

    def _first_needed(self) -> Position:
        ledger = self._desk.ledger
        if self._desk.request.repeats_results and ledger.parts:
            return ledger.parts[0].start
        return next((record.start for record in ledger.unfinished), ledger.end)

    async def _take(self, data: bytes | RowColumns, ahead: Ahead, start: Start) -> None:
        desk = self._desk
        if self.fault is not None:
            return
        read = partial(self._splitter.feed, data)
        if isinstance(data, bytes):
            read = partial(self._feed, data, ahead, asyncio.current_task())
        if not await self._cut(read, start):
            return
        is_accepted = desk.request.commit is not Commit.AT_END or desk.ledger.parts
        if is_accepted and desk.clock.monotonic() >= self._next_progress:
            self._next_progress = desk.clock.monotonic() + PROGRESS_SECONDS
            await desk.tell_progress()

    def _feed(self, data: bytes, ahead: Ahead, task: asyncio.Task[None] | None) -> Iterator[Part]:
        """Feed a message to the splitter, and those that have come when it is through, as far as they are not large.

        It goes on a slice at a time, and no further once the task is cancelled that waits for it.
        """
        left = _RUN_BYTES
        while data:
            left -= len(data)
            self._desk.bytes_received += len(data)
            for start in range(0, len(data), _SLICE_BYTES):
                if task is not None and task.cancelling():
                    return
                yield from self._splitter.feed(data[start : start + _SLICE_BYTES])
            data = ahead.take_data(left)

    async def _cut(self, read: Callable[[], Iterator[Part]], start: Start) -> bool:
        """Read on, and set the parts to work that this completes; False if the data cannot be read."""
        try:
            async with aclosing(marked(read())) as parts:
                async for part, is_last in parts:
                    self._count()
                    await self._add(part, start, is_whole=self._has_all and is_last and part.start.part == 1)
            self._count()
            await self._begin_csv()
            await self._open()
        except (errors.InvalidData, errors.MessageTooLarge) as error:
            if not self._runs or self._desk.request.commit is Commit.AT_END:
                raise
            # What stands before the row at fault is loaded and told of first.
            self.fault = error
            self.has_ended.set()
            return False
        return True

    def _count(self) -> None:
        desk = self._desk
        desk.rows_received = max(self._splitter.position.row - 1, desk.rows_received)

    async def _begin_csv(self) -> None:
        """Check the columns of CSV as soon as its header was read, before there is any part."""
        ledger, splitter = self._desk.ledger, self._splitter
        if not splitter.header_bytes or splitter.columns in self._checked:
            return
        if ledger.header_bytes not in {0, splitter.header_bytes}:
            raise _other_data(1, 0)
        ledger.header_bytes = splitter.header_bytes
        # Parts that are done are not read again, so that their digests tell nothing of columns that changed places.
        digest = splitter.header_digest[:DIGEST_BYTES]
        if ledger.header_digest not in {b"", digest}:
            raise _other_data(1, 0)
        ledger.header_digest = digest
        await self._check_columns(splitter.columns)

    async def _open(self) -> None:
        """Open the job of a load that its end commits as soon as it has a row and too many to do without one."""
        desk, splitter = self._desk, self._splitter
        if desk.request.commit is not Commit.AT_END or splitter.position.row == 1:
            return
        parts = desk.ledger.parts
        is_small = not self._runs and desk.ways.may_be_small(
            desk.request, splitter.position.row - 1, desk.bytes_received
        )
        begin = Position(byte=desk.ledger.header_bytes)
        record = parts[0] if parts else PartRecord(begin, begin)
        if not (is_small or record.job_ids or self._runs):
            await desk.allowance.take(0)
            job = await persist(lambda: desk.client.create_job(desk.request, splitter.delimiter), desk.clock)
            self._opened = job.id
            record.way = Way.JOB
            record.begin_job(job, 0)
            record.way_reason = desk.ways.early_reason(desk.request)
        if not parts:
            if is_small:
                # As far as anybody knows: nobody can ask for the load by a job.
                record.write_by_calls(JobState.OPEN)
            parts.append(record)
            await desk.tell(Accepted(desk.token(), desk.ledger.load()))

    async def _check_columns(self, columns: tuple[str, ...]) -> None:
        if columns not in self._checked:
            self._checked.add(columns)
            check_needed(self._desk.request, columns)
            await self._check(self._desk.request, columns)

    async def _add(self, part: Part, start: Start, *, is_whole: bool) -> None:
        try:
            await self._begin_csv()
            await self._check_columns(part.columns)
            await self._open()
            record = self._record_of(part)
            run = None if record is None else await self._run_of(record, part, is_whole=is_whole)
        except BaseException:
            part.content.close()
            raise
        if run is None:
            part.content.close()
            return
        self._opened = ""
        self._runs[part.start.part] = run
        await run.take_slot()
        start(run)

    async def _run_of(self, record: PartRecord, part: Part, *, is_whole: bool) -> PartRun:
        """Return what brings a part to its end: with the job that it has, or the way that is chosen now."""
        desk = self._desk
        if record.job_ids:
            return JobRun(record, part, desk, self._opened)
        record.way_reason, small = await desk.ways.choose(
            desk.request, part, desk.allowance, desk.room, is_whole=is_whole
        )
        if small is not None:
            return CallRun(record, part, desk, small)
        record.way, record.job = Way.JOB, None
        return JobRun(record, part, desk)

    def _record_of(self, part: Part) -> PartRecord | None:
        """Return the record of a part, one that a token told of if there is; None if nothing is to be done."""
        desk, ledger = self._desk, self._desk.ledger
        number, digest = part.start.part, part.digest[:DIGEST_BYTES]
        if desk.request.commit is Commit.AT_END:
            return self._only_record(part)
        if sum(run.waiting_bytes for run in self._runs.values()) > MAX_WAITING_BYTES:
            raise disorder("commit", "400 MB of prepared parts wait for commits; commit them before sending on")
        if number > len(ledger.parts):
            if ledger.has_ended:
                raise _other_data(number, part.start.row)
            record = PartRecord(part.start, part.end, digest)
            ledger.add(record)
            return record
        record = ledger.parts[number - 1]
        if (record.end, record.digest) != (part.end, digest):
            raise _other_data(number, part.start.row)
        is_of_use = record.counts is None or desk.request.repeats_results
        return record if is_of_use else None

    def _only_record(self, part: Part) -> PartRecord:
        """Return the record of a load that its end commits."""
        desk, limits = self._desk, self._desk.ledger.limits
        if part.start.part > 1:
            raise errors.MessageTooLarge(
                f"a load that its end commits takes at most {limits.size_bytes:,} bytes of CSV and {limits.rows:,} "
                "rows; commit it by part, or send the rest as another load",
                metadata={"size_bytes": str(desk.bytes_received), "limit_bytes": str(limits.size_bytes)},
            )
        (record,) = desk.ledger.parts
        record.start, record.end, record.digest = part.start, part.end, part.digest[:DIGEST_BYTES]
        return record

    async def _end(self, start: Start) -> None:
        if self.fault is not None:
            return
        ledger = self._desk.ledger
        self._has_all = True
        if not await self._cut(self._splitter.finish, start):
            return
        if not ledger.end.row > 1:
            raise errors.InvalidData("the data has no row; send at least one after the header", row=0)
        for record in ledger.unfinished:
            if record.start.part not in self._runs:
                raise _other_data(record.start.part, record.start.row)
        ledger.has_ended = True
        self._desk.rows_received = ledger.end.row - 1
        self.has_ended.set()
        await self._desk.tell_progress()


def _other_data(part: int, row: int) -> errors.InvalidData:
    begin = f"from row {row:,} on (part {part})" if row else "in its header row"
    return errors.InvalidData(
        f"{begin} this is not the data that this load began with; give the same data again, unchanged, or load the "
        "changed data as a load of its own",
        row=row,
    )
