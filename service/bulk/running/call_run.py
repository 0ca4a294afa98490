"""One part that has no job: its rows are written by calls once it is committed, and told of in one message.

Everything here relies on that updates, upserts and deletes may be repeated: whoever goes on with such a part writes all
of its rows again. What the caller was told stays true all the same, for the message with the results carries the token
that calls the part done.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from service import errors
from service.bulk.cutting.parts import Part
from service.bulk.desk import Desk
from service.bulk.failpoints import Failpoint
from service.bulk.job import JobState
from service.bulk.ledger import PartRecord
from service.bulk.patience import OUTAGE_SECONDS, PASSING, Delays
from service.bulk.results.lines import RowError
from service.bulk.results.outcomes import RowCounts, RowOutcome, RowResult
from service.bulk.results.report import OUTCOMES
from service.bulk.running.part_run import PartRun
from service.bulk.telling.events import PartDone, Results
from service.bulk.ways.part_ways import SmallPart
from service.bulk.ways.row_calls import Tried
from service.clock import to_its_end

ROWS_AT_A_TIME = 800
"""After so many rows the caller is told how far its load is."""
AFTERWARDS_SECONDS = 30.0
"""How long rows that are committed are written on when nobody listens any more."""
MAX_TRIES = 3
"""How often a row is tried that Salesforce fails on for reasons of its own."""

_PASSING = (*PASSING, errors.QueueFull)
"""What says nothing of the rows, and passes by itself."""
_FAILURE = "UNKNOWN_EXCEPTION"


class CallRun(PartRun):
    """Runs one part without a job.

    Args:
        record: What is known of the part.
        part: Its rows; closed in the end.
        desk: The load's.
        small: Its rows as calls write them.

    """

    def __init__(self, record: PartRecord, part: Part, desk: Desk, small: SmallPart) -> None:
        super().__init__(record, part, desk)
        self._small = small
        self._left = list(range(record.rows))
        """The rows that have no outcome yet."""
        self._found: dict[int, Tried] = {}
        self._tries: Counter[int] = Counter()
        self._delays = Delays()
        self._outage: errors.SluicegateError | None = None
        """Why rows of the last call were not tried."""
        self._outage_ends = 0.0

    async def run(self) -> None:
        """Bring the part to its end. It has its slot by now, and gives it back.

        Rows that are committed are written also if this is cancelled meanwhile, within 30 seconds.

        Raises:
            errors.SluicegateError: Salesforce refused the calls, or an outage lasted. Rows may have been written.

        """
        desk, record, part = self._desk, self.record, self._part
        try:
            with desk.watch.part(part.start.part, part.rows, part.content.size):
                await desk.reach(Failpoint.CUT)
                record.write_by_calls(JobState.OPEN)
                await self._wait_for_commit()
                await self._write_rows()
                await desk.reach(Failpoint.ENDED)
                await self._tell_results()
        finally:
            self.close()

    async def abandon(self) -> None:
        """Leave everything as it is: without a job there is nothing to abort."""

    async def _write_rows(self) -> None:
        desk = self._desk
        self._outage_ends = desk.clock.monotonic() + OUTAGE_SECONDS
        self._note_progress()
        writing: asyncio.Task[None] | None = None
        try:
            await desk.tell_progress()
            while self._left:
                writing = asyncio.create_task(self._write_some())
                await asyncio.shield(writing)
                await desk.reach(Failpoint.COMMITTED)
                await desk.tell_progress()
                await self._pause()
        except (asyncio.CancelledError, errors.DeadlineExceeded):
            await to_its_end(self._write_on(writing))
            raise

    async def _write_on(self, writing: asyncio.Task[None] | None) -> None:
        """Write what is left for a caller that has gone: what is committed goes on whatever becomes of the call."""
        # Whoever goes on with the load writes what is left then.
        with suppress(errors.SluicegateError, TimeoutError):
            async with asyncio.timeout(AFTERWARDS_SECONDS):
                if writing is not None:
                    await writing
                while self._left:
                    await self._write_some()
                    await self._pause()

    async def _write_some(self) -> None:
        """Try some of the rows that are left; those that are to be tried again stay left."""
        rows = self._left[:ROWS_AT_A_TIME]
        answers: Sequence[Tried | errors.SluicegateError]
        try:
            answers = await self._small.rows.write(rows, is_begun=bool(self._found))
        except errors.QueueFull as error:
            answers = [error] * len(rows)
        again: list[int] = []
        self._outage = None
        for row, answer in zip(rows, answers, strict=True):
            found = self._judged(row, answer)
            if isinstance(found, Tried):
                self._found[row] = found
            else:
                again.append(row)
                self._outage = found
        self._left = [*again, *self._left[len(rows) :]]
        self._note_progress()

    def _judged(self, row: int, answer: Tried | errors.SluicegateError) -> Tried | errors.SluicegateError:
        """Return what became of a row, or what passes by itself so that the row is to be tried again.

        Raises:
            errors.SluicegateError: Neither is known, and trying again is of no use now.

        """
        if isinstance(answer, Tried):
            return answer
        if not isinstance(answer, _PASSING):
            raise answer
        if answer.metadata.get("salesforce_error_code") == _FAILURE:
            # The org is well, and this row, or a trigger over it, is what it fails on.
            self._tries[row] += 1
            if self._tries[row] >= MAX_TRIES:
                return Tried(RowOutcome.FAILED, error=RowError(_FAILURE, answer.message, (), answer))
        return answer

    async def _pause(self) -> None:
        """Wait out what passes by itself.

        Raises:
            errors.SluicegateError: It has lasted for ten minutes.

        """
        clock = self._desk.clock
        if self._outage is None:
            self._delays = Delays()
            self._outage_ends = clock.monotonic() + OUTAGE_SECONDS
            return
        delay = self._delays.next(self._outage)
        if clock.monotonic() + delay > self._outage_ends:
            raise self._outage
        await clock.sleep(delay)

    def _note_progress(self) -> None:
        """Take note of how far the writing is."""
        failed = sum(tried.outcome is RowOutcome.FAILED for tried in self._found.values())
        state = JobState.PROCESSING if self._left else JobState.COMPLETE
        self.record.write_by_calls(state, tried=len(self._found), failed=failed)

    async def _tell_results(self) -> None:
        """Tell what became of the rows, in one message: whoever has its token has all results."""
        desk, record = self._desk, self.record
        found = Counter(tried.outcome for tried in self._found.values())
        record.counts = RowCounts.of(found)
        record.is_told = True
        wanted = OUTCOMES[desk.request.results]
        told = ((row, tried) for row, tried in sorted(self._found.items()) if tried.outcome in wanted)
        results = tuple(self._result(row, tried) for row, tried in told)
        if results:
            await desk.tell(Results(desk.token(), results))
        await desk.reach(Failpoint.REPORTED)
        shown = record.shown()
        desk.watch.part_done(shown, ())
        await desk.tell(PartDone(desk.token(), shown))

    def _result(self, row: int, tried: Tried) -> RowResult:
        start = self.record.start
        return RowResult(
            start.row + row, tried.outcome, tried.record_id, tried.error, start.part, self._small.keys[row]
        )
