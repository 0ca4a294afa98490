"""What is known of a load while it runs: its parts, their jobs and counts. It is made of a token and makes tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from service import errors
from service.bulk.cutting.parts import PartLimits, Position
from service.bulk.job import Job, JobState
from service.bulk.request import Commit, LoadRequest, Operation
from service.bulk.results.outcomes import RowCounts
from service.bulk.telling.load_view import Load, LoadPart, PartState
from service.bulk.token import LoadToken, PartEntry
from service.bulk.ways.way import Way

DIGEST_BYTES = 8
MAX_PARTS = 600
"""As many fit in a token whatever becomes of them: four jobs each, and counts of all outcomes."""


@dataclass(slots=True, eq=False)
class PartRecord:
    """One part."""

    start: Position
    end: Position
    """Where the next part starts; `start` while that is not known."""
    digest: bytes = b""
    """Of what is uploaded; empty while it is not known."""
    job_ids: list[str] = field(default_factory=list)
    """The first job, then those that try rows again."""
    left: int = 0
    """How many rows the last job tries."""
    job: Job | None = None
    """How the last job stood when it was last asked for."""
    counts: RowCounts | None = None
    """Set when the part is done."""
    is_told: bool = False
    """Whether the caller may know results of the part: no further job changes them then."""
    way: Way = Way.JOB
    way_reason: str = ""
    """Why it goes that way; not in tokens."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.end.row - self.start.row

    @property
    def state(self) -> PartState:
        """Where it stands."""
        if self.counts is not None:
            return PartState.DONE
        is_open = self.job is None or self.job.state is JobState.OPEN
        return PartState.PREPARED if is_open else PartState.COMMITTED

    @property
    def job_state(self) -> JobState:
        """Where its last job stands, or stood when it ended."""
        return JobState.OPEN if self.job is None else self.job.state

    @property
    def processed(self) -> int:
        """Rows tried so far."""
        if self.counts is not None:
            return self.counts.total - self.counts.not_processed
        return 0 if self.job is None else self.rows - self.left + self.job.rows_processed

    @property
    def failed(self) -> int:
        """Rows refused so far, as far as the last job tells."""
        if self.counts is not None:
            return self.counts.failed
        return 0 if self.job is None else self.job.rows_failed

    def begin_job(self, job: Job, rows: int) -> None:
        """Take note of a new job that tries so many rows."""
        self.job_ids.append(job.id)
        self.job = job
        self.left = rows

    def drop_job(self) -> None:
        """Forget the last job, which wrote nothing."""
        self.job_ids.pop()
        self.job = None
        self.left = 0

    def write_by_calls(self, state: JobState, *, tried: int = 0, failed: int = 0) -> None:
        """Take note of how the writing without a job stands, in the words of a job."""
        self.way = Way.COLLECTIONS
        self.job = Job("", state, tried, failed)
        self.left = self.rows

    def entry(self) -> PartEntry:
        """Return what a token says of it."""
        counts = self.counts
        return PartEntry(
            rows=self.rows,
            end_byte=self.end.byte,
            digest=self.digest,
            jobs=tuple(self.job_ids),
            left=self.left,
            ended=self.job_state.value if self.is_told or counts is not None else "",
            # As before there were rows of which nobody knows, so that replicas of that time read it.
            counts=None if counts is None else counts.by_outcome[: None if counts.unknown else -1],
            by_calls=self._by_calls,
        )

    @property
    def _by_calls(self) -> int:
        if self.way is not Way.COLLECTIONS:
            return 0
        return 1 if self.state is PartState.PREPARED else 2

    def shown(self) -> LoadPart:
        """Return the part as the caller sees it."""
        return LoadPart(
            number=self.start.part,
            first_row=self.start.row,
            rows=self.rows,
            first_byte=self.start.byte,
            end_byte=self.end.byte,
            state=self.state,
            job_ids=tuple(self.job_ids),
            counts=self.counts,
            way=self.way,
            way_reason=self.way_reason,
        )


@dataclass(slots=True)
class Ledger:
    """One load."""

    org: str
    """Name of the org."""
    load_id: str
    """Names the load in logs."""
    object: str
    operation: Operation
    commit: Commit
    header: bytes
    """Digest of the request."""
    key_field: str
    """The column, as it is uploaded, whose cell comes back with each result; empty for none."""
    created_at: int
    """In seconds since the Unix epoch."""
    limits: PartLimits
    header_bytes: int = 0
    """How long the header row of the caller's data is; 0 while it is not known."""
    has_ended: bool = False
    """Whether all data is in the parts."""
    parts: list[PartRecord] = field(default_factory=list)
    header_digest: bytes = b""
    """Of the header row; empty while it is not known."""

    @classmethod
    def new(cls, request: LoadRequest, *, org: str, load_id: str, now: float, limits: PartLimits) -> "Ledger":
        """Begin a load.

        Args:
            request: What is loaded.
            org: The org's configured name.
            load_id: Names the load.
            now: In seconds since the Unix epoch.
            limits: How large parts may be.

        """
        return cls(
            org,
            load_id,
            request.object,
            request.operation,
            request.commit,
            request.digest,
            request.key_field,
            int(now),
            limits,
        )

    @classmethod
    def of(cls, token: LoadToken) -> "Ledger":
        """Return what a token says; how the jobs of parts that are not done stand is not known then."""
        ledger = cls(
            token.org,
            token.load_id,
            token.object,
            Operation(token.operation),
            Commit(token.commit),
            token.header,
            token.key_field,
            token.created,
            PartLimits(token.part_bytes, token.part_rows),
            token.header_bytes,
            token.has_ended,
            header_digest=token.header_digest,
        )
        start = Position(byte=token.header_bytes)
        for entry in token.parts:
            end = Position(start.part + 1, start.row + entry.rows, entry.end_byte)
            record = PartRecord(start, end, entry.digest, list(entry.jobs), entry.left)
            record.is_told = bool(entry.ended)
            if entry.by_calls:
                record.write_by_calls(JobState.OPEN if entry.by_calls == 1 else JobState.PROCESSING)
            if entry.counts is not None and (entry.jobs or entry.by_calls):
                record.counts = RowCounts(*entry.counts)
                record.job = Job(entry.jobs[-1] if entry.jobs else "", JobState.named(entry.ended))
            ledger.parts.append(record)
            start = end
        return ledger

    def token(self) -> LoadToken:
        """Return what is known as a token says it."""
        return LoadToken(
            org=self.org,
            load_id=self.load_id,
            object=self.object,
            operation=self.operation.value,
            commit=self.commit.value,
            header=self.header,
            key_field=self.key_field,
            created=self.created_at,
            part_bytes=self.limits.size_bytes,
            part_rows=self.limits.rows,
            header_bytes=self.header_bytes,
            has_ended=self.has_ended,
            parts=tuple(record.entry() for record in self.parts),
            header_digest=self.header_digest,
        )

    def add(self, record: PartRecord) -> None:
        """Add a part.

        Raises:
            errors.MessageTooLarge: A token that tells of its end as well might not be taken.

        """
        if len(self.parts) >= MAX_PARTS:
            raise errors.MessageTooLarge(
                f"a load takes at most {MAX_PARTS} parts; send the rows from {record.start.row:,} on as another load",
                metadata={"size_bytes": str(record.end.byte), "limit_bytes": str(record.start.byte)},
            )
        self.parts.append(record)

    @property
    def unfinished(self) -> Iterator[PartRecord]:
        """The parts that are not done, in order."""
        return (record for record in self.parts if record.counts is None)

    @property
    def end(self) -> Position:
        """Where the known parts end."""
        return self.parts[-1].end if self.parts else Position(byte=self.header_bytes)

    @property
    def counts(self) -> RowCounts:
        """What became of the rows of the parts that are done."""
        return sum((record.counts for record in self.parts if record.counts is not None), RowCounts())

    @property
    def state(self) -> JobState:
        """Where the load as a whole stands."""
        states = {record.job_state for record in self.parts}
        if not states or JobState.OPEN in states:
            return JobState.OPEN
        if not all(state.is_final for state in states):
            return JobState.UPLOADED if states == {JobState.UPLOADED} else JobState.PROCESSING
        if not self.has_ended:
            return JobState.OPEN
        return next((state for state in (JobState.FAILED, JobState.ABORTED) if state in states), JobState.COMPLETE)

    def load(self) -> Load:
        """Return the load as the caller sees it."""
        failed = (record.job for record in self.parts if record.job_state is JobState.FAILED)
        return Load(
            id=self.load_id,
            object=self.object,
            operation=self.operation,
            created_at=float(self.created_at),
            state=self.state,
            parts=tuple(record.shown() for record in self.parts),
            rows_processed=sum(record.processed for record in self.parts),
            rows_failed=sum(record.failed for record in self.parts),
            error_message=next((job.error_message for job in failed if job is not None and job.error_message), ""),
        )
