"""What whoever operates the service sees of its loads: figures of each org, a span for each part, lines in the log.

Nothing of it repeats data of the caller's; a load is found by its id, the same in every call that goes on with it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.context import Context

from service.bulk.job import Job, JobState
from service.bulk.results.outcomes import RowCounts
from service.bulk.telling.events import Accepted, Event, Finished
from service.bulk.telling.load_view import LoadPart
from service.telemetry import logs, names
from service.telemetry.tracing import Attributes, Tracing

_log = logs.get_logger(__name__)


@dataclass(slots=True)
class Totals:
    """What the loads of an org have done since the process began, and what they do."""

    open: int = 0
    """Calls of BulkLoad that are open."""
    ended: Counter[str] = field(default_factory=Counter)
    """Such calls by how they ended: `finished`, `left` by their callers, or the reason of their error."""
    resumed: int = 0
    """Those that went on with a load."""
    rows: Counter[str] = field(default_factory=Counter)
    """Rows of parts that are over, by outcome."""
    uploaded_bytes: int = 0
    """Bytes that jobs were given."""
    parts_at_work: int = 0
    """Parts that are uploaded, written or reported."""
    jobs_created: int = 0
    jobs_ended: Counter[str] = field(default_factory=Counter)
    """Jobs of parts that are over by the state they ended in, by Salesforce's name; `Withdrawn` are those that the
    service aborted, because nobody would commit them or their caller cancelled the load."""
    jobs_left_open: int = 0
    """Jobs that it could not abort: they stay open until Salesforce forgets them."""

    def count(self, counts: RowCounts) -> None:
        """Count the rows of a part that is over."""
        self.rows.update(counts.by_name)


@dataclass(slots=True)
class LoadWatch:
    """What is seen of one call of a load."""

    org: str = ""
    """The org's configured name."""
    load_id: str = ""
    totals: Totals = field(default_factory=Totals)
    tracing: Tracing | None = None
    trace: Context | None = None
    """The context of the call's span; None if it is not sampled."""

    @contextmanager
    def call(self, *, is_resumed: bool) -> Iterator["CallEnd"]:
        """Watch the call from its begin to its end, however it ends; it says so itself if the load is finished."""
        totals, end = self.totals, CallEnd()
        totals.open += 1
        totals.resumed += is_resumed
        if self.tracing is not None:
            facts: Attributes = {names.ORG: self.org, names.LOAD_ID: self.load_id, names.LOAD_RESUMED: is_resumed}
            self.tracing.describe(self.trace, facts)
        try:
            yield end
        finally:
            totals.open -= 1
            totals.ended[end.how] += 1
            if end.how != FINISHED:
                _log.info("bulk load broke off", org=self.org, load_id=self.load_id, how=end.how)

    def note(self, event: Event) -> None:
        """Log the begin and the end of a load: by its name, and without anything of its data."""
        if isinstance(event, Accepted):
            load = event.load
            _log.info(
                "bulk load accepted",
                org=self.org,
                load_id=load.id,
                object=load.object,
                operation=load.operation.value,
                is_resumed=event.resume_from is not None,
            )
        elif isinstance(event, Finished):
            load = event.load
            _log.info(
                "bulk load finished",
                org=self.org,
                load_id=load.id,
                state=load.state.value,
                parts=len(load.parts),
                **event.counts.by_name,
            )

    @contextmanager
    def part(self, number: int, rows: int, size: int) -> Iterator["PartSpan"]:
        """Span the work on a part.

        Args:
            number: Its number.
            rows: How many rows it has.
            size: How many bytes.

        """
        facts: Attributes = {
            names.LOAD_ID: self.load_id,
            names.LOAD_PART: number,
            names.LOAD_ROWS: rows,
            names.LOAD_BYTES: size,
        }
        if self.tracing is None or self.trace is None:
            yield PartSpan(None, None)
            return
        with self.tracing.inner_span("bulk load part", self.trace, facts) as context:
            yield PartSpan(self.tracing, context)

    def part_done(self, part: LoadPart, jobs: Sequence[Job]) -> None:
        """Count the rows and the jobs of a part that is over, and log what became of them.

        Args:
            part: The part.
            jobs: Its jobs in their order; none if its rows were written by calls.

        """
        counts = part.counts
        assert counts is not None, "a part that is over has counts"
        self.totals.count(counts)
        self.totals.jobs_ended.update(each.state.value for each in jobs)
        # Someone has to look for these rows.
        write = _log.warning if counts.unknown else _log.info
        write(
            "bulk load part done",
            org=self.org,
            load_id=self.load_id,
            part=part.number,
            job_id=jobs[-1].id if jobs else "",
            jobs=len(jobs),
            state=jobs[-1].state.value if jobs else JobState.COMPLETE.value,
            rows=counts.total,
            failed=counts.failed,
            not_processed=counts.not_processed,
            unknown=counts.unknown,
        )


FINISHED = "finished"
LEFT = "left"


@dataclass(slots=True)
class CallEnd:
    """How a call of a load ended: left by its caller, unless something else is said."""

    how: str = LEFT


@dataclass(frozen=True, slots=True)
class PartSpan:
    """The span of a part, if there is one."""

    tracing: Tracing | None
    context: Context | None

    def tell(self, job: Job) -> None:
        """Tell the part's last job, and where it stands."""
        if self.tracing is not None:
            facts = {names.SALESFORCE_JOB_ID: job.id, names.SALESFORCE_JOB_STATE: job.state.value}
            self.tracing.describe(self.context, facts)
