"""A load that is known by its token alone: how it stands, what became of its rows, and what can be done about it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from service import errors
from service.bulk.job import BulkClient, Job, JobState
from service.bulk.ledger import Ledger, PartRecord
from service.bulk.patience import PASSING, Delays
from service.bulk.results.coverage import settle
from service.bulk.results.outcomes import RowOutcome, RowResult
from service.bulk.results.report import Report, Reported
from service.bulk.results.result_files import ResultFiles
from service.bulk.running.claiming import claim_part
from service.bulk.running.job_steps import abort_quietly, ask, complete
from service.bulk.telling.load_view import Load
from service.bulk.ways.part_claims import ClaimsOfProcess, PartClaims
from service.clock import Clock


@dataclass(frozen=True, slots=True)
class StandingLoad:
    """One load. Its parts are asked for one after another."""

    ledger: Ledger
    """What the token says; asking Salesforce adds to it."""
    client: BulkClient
    clock: Clock
    claims: PartClaims = field(default_factory=ClaimsOfProcess)
    """Which jobs have the rows of parts, of all loads."""

    async def load(self) -> Load:
        """Return how the load stands now, by a call to Salesforce for each part that the token does not call done.

        Raises:
            errors.LoadNotFound: Salesforce knows a job no more.
            errors.SluicegateError: Salesforce refused, or could not be reached.

        """
        for record in self.ledger.unfinished:
            if record.job_ids:
                record.job = await self.client.job_info(record.job_ids[-1])
        return self.ledger.load()

    async def watch(self) -> AsyncGenerator[Load, None]:
        """Yield how the load stands, at once and when that changes, until Salesforce works on no part of it.

        Outages are waited out, once it was told how the load stands. Close it when leaving early.

        Raises:
            errors.LoadNotFound: Salesforce knows a job no more.
            errors.SluicegateError: Salesforce refused, or could not be reached at first.

        """
        told = await self.load()
        yield told
        delays = Delays()
        while self._is_at_work:
            await self.clock.sleep(delays.next())
            try:
                now = await self.load()
            except PASSING as error:
                await self.clock.sleep(error.retry_after_seconds or 0.0)
                continue
            if now != told:
                told = now
                yield told

    async def commit(self) -> Load:
        """Have every part written that is prepared, and return how the load stands.

        Raises:
            errors.InvalidToken: Another call has had a part of that number written, with other data; parts before it
                are committed.
            errors.LoadNotFound: Salesforce knows a job no more.
            errors.SluicegateError: Salesforce refused; parts before the one at fault are committed.

        """
        await self.load()
        for record in self.ledger.unfinished:
            if record.job is not None and record.job.state is JobState.OPEN:
                record.job = await complete(self.client, self.clock, await self._claimed(record))
        return self.ledger.load()

    async def cancel(self) -> Load:
        """Abort every job that is not over, and return how the load stands.

        A job that cannot be asked for or aborted keeps none of the others from being aborted.

        Raises:
            errors.LoadNotFound: Salesforce knows a job no more; whatever it knows is aborted.
            errors.SluicegateError: A job may go on, the first one that could not be aborted says why.

        """
        faults: list[errors.SluicegateError] = []
        for record in self.ledger.unfinished:
            # Those before the last one had ended when it was created.
            for job_id in record.job_ids[-1:]:
                try:
                    record.job = await self._end(job_id)
                except errors.SluicegateError as fault:
                    faults.append(fault)
        if faults:
            # What Salesforce has forgotten writes nothing; anything else may.
            raise next((fault for fault in faults if not isinstance(fault, errors.LoadNotFound)), faults[0])
        return self.ledger.load()

    async def results(
        self, outcomes: frozenset[RowOutcome], *, part: int = 0
    ) -> AsyncGenerator[tuple[RowResult, ...], None]:
        """Yield what became of the rows of the parts that are over, without numbers, at most 1,000 at a time.

        Args:
            outcomes: Those that are wanted.
            part: The only part that is; 0 for all.

        Raises:
            errors.LoadNotFound: Salesforce keeps the results no more.
            errors.SluicegateError: Salesforce refused.

        """
        await self.load()
        for record in self.ledger.parts:
            is_wanted = part in {0, record.start.part}
            if is_wanted and record.job_ids and record.job is not None and record.job.state.is_final:
                async with aclosing(self._results_of(record, outcomes)) as batches:
                    async for batch in batches:
                        yield batch

    async def _results_of(
        self, record: PartRecord, outcomes: frozenset[RowOutcome]
    ) -> AsyncGenerator[tuple[RowResult, ...], None]:
        jobs = tuple([await ask(self.client, self.clock, job_id) for job_id in record.job_ids])
        part = Reported(
            number=record.start.part,
            first_row=record.start.row,
            # A load that its end commits may have given out its token before its rows were counted.
            rows=record.rows or jobs[0].rows_processed,
            operation=self.ledger.operation,
            jobs=jobs,
            key_field=self.ledger.key_field,
        )
        with ResultFiles(self.client, self.clock) as files:
            part = await settle(part, outcomes, files, partial(ask, self.client, self.clock), self.clock)
            report = Report(part, outcomes)
            async with aclosing(report.batches(files, self.clock, None)) as batches:
                async for batch in batches:
                    yield batch

    async def _claimed(self, record: PartRecord) -> str:
        """Return the job that has a part's rows: of two uploads of the same ones, one is written."""
        own, ledger = record.job_ids[-1], self.ledger
        holder = await claim_part(self.claims, self.client, self.clock, ledger.load_id, ledger.operation, record)
        if holder != own:
            record.job_ids[-1] = holder
            await abort_quietly(self.client, own)
        return holder

    async def _end(self, job_id: str) -> Job:
        """Abort a job unless it is over."""
        job = await self.client.job_info(job_id)
        if job.state.is_final:
            return job
        try:
            aborted = await self.client.abort(job_id)
        except errors.Refused:
            # It has ended meanwhile.
            return await self.client.job_info(job_id)
        try:
            # Rows may have been tried since the answer's counts were taken.
            return await self.client.job_info(job_id)
        except errors.SluicegateError:
            # It is aborted all the same, which is what the caller has to know.
            return aborted

    @property
    def _is_at_work(self) -> bool:
        jobs = (record.job for record in self.ledger.unfinished)
        return any(job is not None and job.state in {JobState.UPLOADED, JobState.PROCESSING} for job in jobs)
