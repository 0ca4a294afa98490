"""One part that is written by jobs: create → upload → prepared → commit → poll → (try again) → report.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest": one upload a job; nothing is written before
`UploadComplete`; a job runs as long as it runs, each of its batches for at most five minutes at a time.
"""

import asyncio
from contextlib import ExitStack, aclosing, nullcontext

from service.bulk.cutting.parts import Part
from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import Spool
from service.bulk.desk import Desk
from service.bulk.failpoints import Failpoint
from service.bulk.job import Job, JobState
from service.bulk.ledger import PartRecord
from service.bulk.patience import Delays
from service.bulk.request import Commit
from service.bulk.results.coverage import settle
from service.bulk.results.outcomes import RowOutcome
from service.bulk.results.part_index import index_of
from service.bulk.results.report import OUTCOMES, Report, Reported
from service.bulk.results.result_files import ResultFiles
from service.bulk.results.retries import MAX_RETRIES, PAUSES_SECONDS, may_retry, rows_to_retry
from service.bulk.running.aftermath import tried_nothing, unsettled_seconds
from service.bulk.running.claiming import claim_part
from service.bulk.running.job_steps import abort_quietly, ask, complete, upload
from service.bulk.running.part_run import PartRun
from service.bulk.telling.events import PartDone, Results
from service.errors import InvalidToken

_FAILED = frozenset({RowOutcome.FAILED})


class JobRun(PartRun):
    """Runs one part by jobs. A part that a token knew of is gone on with where its job in Salesforce stands.

    Whatever the last token said of the part, its rows are written once: a job that is known to have data is committed,
    waited for or reported, never replaced, unless it has ended without having tried any row. Of a part whose results
    the caller was told no job tries a row any more, so that they stay true.

    Args:
        record: What is known of the part.
        part: Its rows; closed in the end.
        desk: The load's.
        opened: Id of a job that was opened for the part before its rows had come; empty for none.

    """

    def __init__(self, record: PartRecord, part: Part, desk: Desk, opened: str = "") -> None:
        super().__init__(record, part, desk)
        self.loose = opened
        """A job that is of no use should the load end now; empty for none."""

    async def run(self) -> None:
        """Bring the part to its end. It has its slot by now, and gives it back.

        Raises:
            InvalidToken: Another call of the load has had other rows written as this part.
            errors.LoadFailed: A job ended without a result for any row.
            errors.SluicegateError: Salesforce refused, or an outage lasted.

        """
        desk, part = self._desk, self._part
        with ExitStack() as stack:
            stack.callback(self.close)
            span = stack.enter_context(desk.watch.part(part.start.part, part.rows, part.content.size))
            files = stack.enter_context(ResultFiles(desk.client, desk.clock, self._room.charge))
            await desk.reach(Failpoint.CUT)
            job = await self._first_job()
            while True:
                span.tell(job)
                if job.state is JobState.OPEN:
                    await self._wait_for_commit()
                async with desk.writing if desk.request.is_serial else nullcontext():
                    job = await self._write(job)
                span.tell(job)
                again = await self._try_again(job, files)
                if again is None:
                    break
                job = again
            await self._report(files)

    async def _first_job(self) -> Job:
        """Return the job to go on with."""
        record = self.record
        if self.loose:
            return await self._upload_to_opened(record)
        if record.job_ids:
            record.job = job = await self._ask(record.job_ids[-1])
            if record.is_told or not await self._wrote_nothing(job):
                return record.job
            self._desk.watch.totals.jobs_ended[job.state.value] += 1
            record.drop_job()
            if record.job_ids:
                record.job = job = await self._ask(record.job_ids[-1])
                return job
        return await self._upload(self._part.content, self._part.delimiter, record.rows)

    async def _upload_to_opened(self, record: PartRecord) -> Job:
        """Give the rows to the job that was opened for them when their first one came, or to another if that fails."""
        desk, part, opened = self._desk, self._part, record.job
        job = await upload(desk, part.content, part.delimiter, record.rows, self._note, first=opened)
        record.drop_job()
        record.begin_job(job, record.rows)
        return job

    async def _wrote_nothing(self, job: Job) -> bool:
        """Tell whether a job has ended without having tried any row, and will not try one any more."""
        desk = self._desk
        if not await tried_nothing(desk.client, desk.clock, job):
            return False
        seconds = unsettled_seconds(job)
        if not seconds:
            return True
        # A batch that runs while its job is aborted is run to its end.
        self._give_slot()
        number, state = self.record.start.part, job.state.value
        await desk.tell_progress(
            f"the end of what may still run of the job of part {number}, which is {state} and wrote nothing so far; in "
            f"{seconds:.0f} seconds another job takes the rows"
        )
        await desk.clock.sleep(seconds)
        await self.take_slot()
        self.record.job = job = await self._ask(job.id)
        return await tried_nothing(desk.client, desk.clock, job)

    async def _upload(self, content: Spool, delimiter: Delimiter, rows: int, *, is_retry: bool = False) -> Job:
        desk = self._desk
        job = await upload(desk, content, delimiter, rows, self._note, is_retry=is_retry)
        self.record.begin_job(job, rows)
        if desk.request.commit is not Commit.AT_END:
            # From now on tokens name it, so that whoever goes on with the load may commit it.
            self.loose = ""
        return job

    def _note(self, job_id: str) -> None:
        self.loose = job_id

    async def _write(self, job: Job) -> Job:
        """Have the job written, and wait until it has ended."""
        return await self._watch(await self._complete(job.id) if job.state is JobState.OPEN else job)

    async def _complete(self, job_id: str) -> Job:
        """Commit the job."""
        desk = self._desk

        def keep_loose() -> None:
            self.loose = job_id if desk.request.commit is Commit.AT_END else ""

        job_id = await self._claimed(job_id)
        # From here on it may be written, unless Salesforce says that it is open still.
        self.loose = ""
        self.record.job = job = await complete(desk.client, desk.clock, job_id, keep_loose)
        await desk.reach(Failpoint.COMMITTED)
        return job

    async def _claimed(self, job_id: str) -> str:
        """Return the job that has the part's rows: this one, or that of another call which goes on with the load."""
        desk, record = self._desk, self.record
        if desk.request.commit is Commit.AT_END:
            return job_id
        load_id, operation = desk.ledger.load_id, desk.request.operation
        try:
            holder = await claim_part(desk.claims, desk.client, desk.clock, load_id, operation, record)
        except InvalidToken:
            # Nobody may commit it any more.
            self.loose = job_id
            raise
        if holder != job_id:
            record.job_ids[-1] = holder
            await abort_quietly(desk.client, job_id)
        return holder

    async def _watch(self, job: Job) -> Job:
        """Poll until the job has ended."""
        desk, record = self._desk, self.record
        delays = Delays()
        record.job = job
        await desk.tell_progress()
        while not job.state.is_final:
            await desk.clock.sleep(delays.next())
            before, job = job, await self._ask(job.id)
            record.job = job
            await desk.reach(Failpoint.ENDED if job.state.is_final else Failpoint.POLLED)
            if job != before:
                await desk.tell_progress()
        return job

    async def _try_again(self, job: Job, files: ResultFiles) -> Job | None:
        """Give the rows that are worth it to another job; None if there are none."""
        desk, retries = self._desk, len(self.record.job_ids) - 1
        if self.record.is_told or retries >= MAX_RETRIES or not (self._consent.may_retry and may_retry(job)):
            return None
        told = await settle(self._reported((job,), self.record.left), _FAILED, files, self._ask, desk.clock)
        (self.record.job,) = (job,) = told.jobs
        if told.is_doubted:
            return None
        with Spool(charge=self._room.charge) as content:
            rows = await rows_to_retry(job, files, desk.clock, content)
            if not rows:
                return None
            await desk.clock.sleep(PAUSES_SECONDS[retries])
            return await self._upload(content, Delimiter.COMMA, rows, is_retry=True)

    async def _report(self, files: ResultFiles) -> None:
        """Tell what became of the rows."""
        desk, record, part = self._desk, self.record, self._part
        earlier = [await self._ask(job_id) for job_id in record.job_ids[:-1]]
        assert record.job is not None, "the part has a job by now"
        wanted = OUTCOMES[desk.request.results]
        reported = await settle(
            self._reported((*earlier, record.job), record.rows), wanted, files, self._ask, desk.clock
        )
        record.job = reported.jobs[-1]
        report = Report(reported, wanted)
        async with desk.reporting:
            index = None
            if report.needs_index:
                index = await asyncio.to_thread(index_of, part.content, part.delimiter)
            async with aclosing(report.batches(files, desk.clock, index)) as batches:
                async for rows in batches:
                    # The token that comes with them says so.
                    record.is_told = True
                    await desk.tell(Results(desk.token(), rows))
        await desk.reach(Failpoint.REPORTED)
        is_new, record.counts = record.counts is None, report.counts
        if is_new:
            desk.watch.part_done(record.shown(), reported.jobs)
        await desk.tell(PartDone(desk.token(), record.shown(), record.job.error_message))

    def _reported(self, jobs: tuple[Job, ...], rows: int) -> Reported:
        record, request = self.record, self._desk.request
        return Reported(
            number=record.start.part,
            first_row=record.start.row,
            rows=rows,
            operation=request.operation,
            jobs=jobs,
            key_field=request.key_field,
            columns=self._part.columns,
        )

    async def _ask(self, job_id: str) -> Job:
        return await ask(self._desk.client, self._desk.clock, job_id)

    async def abandon(self) -> None:
        """Abort the job that is of no use. Returns within ten seconds and never raises but for cancellation."""
        if self.loose:
            job_id, self.loose = self.loose, ""
            await abort_quietly(self._desk.client, job_id)
