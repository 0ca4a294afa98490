"""What calls and jobs of one org took lately: what tells which way a small load goes."""

from collections import Counter

from service.bulk.job import Job, JobState
from service.bulk.telling.watching import Totals
from service.bulk.ways.allowance import BATCH_ROWS
from service.bulk.ways.small_loads import Prices
from service.clock import Clock
from service.context import CallContext
from service.orgs.bulk_jobs import OrgBulkJobs
from service.salesforce.client import SalesforceClient

_LATELY_SECONDS = 3600.0
"""Measures are forgotten when nothing was measured for so long."""
_NEW = 0.3
"""How much the latest measure counts against all before."""


class _Measure:
    """A mean of what was measured, in which later measures count for more."""

    def __init__(self) -> None:
        self.mean = 0.0
        self._at: float | None = None

    def add(self, value: float, now: float) -> None:
        self.mean = value if not self.is_known(now) else self.mean + _NEW * (value - self.mean)
        self._at = now

    def is_known(self, now: float) -> bool:
        return self._at is not None and now - self._at < _LATELY_SECONDS


class LoadPrices:
    """Measures. One belongs to one org; all its loads share it. Nothing of it waits."""

    def __init__(self) -> None:
        self._call_seconds = _Measure()
        self._job_seconds = _Measure()
        self._polls = _Measure()

    def note_calls(self, calls: int, seconds: float, clock: Clock) -> None:
        """Take note of how long some full calls took together, those that ran beside each other included."""
        self._call_seconds.add(seconds / max(calls, 1), clock.monotonic())

    def note_job(self, polls: int, seconds: float, clock: Clock) -> None:
        """Take note of a job of one batch, from its commit to its end."""
        self._job_seconds.add(seconds, clock.monotonic())
        self._polls.add(polls, clock.monotonic())

    def now(self, clock: Clock) -> Prices:
        """Return the prices. Where one way was not taken lately, the seconds of both are those of an idle org.

        What was measured of one way alone would be held against a guess of the other, which the measured one would
        lose or win for ever, since only what is taken is measured.
        """
        at, usual = clock.monotonic(), Prices()
        if not (self._call_seconds.is_known(at) and self._job_seconds.is_known(at)):
            return usual
        return Prices(
            call_seconds=self._call_seconds.mean, job_seconds=self._job_seconds.mean, polls=round(self._polls.mean)
        )


class MeasuredBulkJobs(OrgBulkJobs):
    """The bulk jobs of one org for one call, which takes note of how long they took.

    Args:
        client: The org.
        context: The call on whose behalf the requests are sent.
        totals: Where jobs are counted.
        prices: Takes the measures.

    """

    def __init__(self, client: SalesforceClient, context: CallContext, totals: Totals, prices: LoadPrices) -> None:
        super().__init__(client, context, totals)
        self._prices = prices
        self._clock = context.clock
        self._committed: dict[str, float] = {}
        self._polls: Counter[str] = Counter()

    async def complete(self, job_id: str) -> Job:
        """Commit a job."""
        begin = self._clock.monotonic()
        job = await super().complete(job_id)
        self._committed[job_id] = begin
        return job

    async def job_info(self, job_id: str) -> Job:
        """Tell how a job stands."""
        job = await super().job_info(job_id)
        self._polls[job_id] += 1
        if job.state.is_final and job_id in self._committed:
            seconds = self._clock.monotonic() - self._committed.pop(job_id)
            if job.state is JobState.COMPLETE and job.rows_processed <= BATCH_ROWS:
                self._prices.note_job(self._polls[job_id], seconds, self._clock)
        return job
