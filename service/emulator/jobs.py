"""Bulk 2.0 ingest jobs of one org: what they are told, the states they pass, and what of that a poll sees."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import IO, Literal

from service.clock import Clock
from service.emulator.faults import SalesforceFault
from service.emulator.ids import from_counter
from service.emulator.results import Results
from service.emulator.values import format_datetime

Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]
State = Literal["Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]

TERMINAL: frozenset[State] = frozenset({"JobComplete", "Failed", "Aborted"})

MAXIMUM_UPLOAD_BYTES = 112_500_000
"""150 MB once base64-encoded. Source: Bulk API 2.0, "Upload Job Data"."""

KEPT_SECONDS = 7 * 86_400.0
"""Jobs and their results vanish after seven days. Source: Bulk API 2.0, "Limits"."""

_KEY_PREFIX = "750"
_IN_MEMORY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a caller asked for when creating a job."""

    operation: Operation
    sobject: str
    """Canonical name."""
    external_id_field: str | None
    """Canonical name; only for upsert."""
    column_delimiter: str
    """Salesforce's word: COMMA, TAB, PIPE, SEMICOLON, CARET or BACKQUOTE."""
    line_ending: Literal["LF", "CRLF"]
    api_version: str
    assignment_rule_id: str | None = None


@dataclass(slots=True)
class Job:
    """One job. Only its registry and its ingestion change it."""

    id: str
    order: JobOrder
    user_id: str
    created_at: float
    """Epoch seconds."""
    modified_at: float
    """Epoch seconds."""
    results: Results = field(default_factory=Results)
    upload: IO[bytes] | None = None
    processed: int = 0
    failed: int = 0
    error_message: str | None = None
    processing_seconds: float = 0.0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once nothing more will be written to the results."""
    _passed: list[State] = field(default_factory=lambda: ["Open"])
    _shown: int = 0

    @property
    def state(self) -> State:
        """Where the job really is."""
        return self._passed[-1]

    @property
    def shown_state(self) -> State:
        """What the last answer about the job said."""
        return self._passed[self._shown]

    def advance(self, state: State, now: float) -> None:
        """Enter a state.

        Args:
            state: The next state.
            now: Epoch seconds.

        """
        self._passed.append(state)
        self.modified_at = now

    def show_latest(self) -> State:
        """Return the state for an answer to a change."""
        self._shown = len(self._passed) - 1
        return self.shown_state

    def show_next(self) -> State:
        """Return the state for a poll: however fast the job was, a poll skips no state on the way."""
        self._shown = min(self._shown + 1, len(self._passed) - 1)
        return self.shown_state

    def info(self, state: State) -> dict[str, object]:
        """Return the job as JSON.

        Args:
            state: The state to say. Source of the keys: Bulk API 2.0, "Get Job Info".

        """
        order = self.order
        info: dict[str, object] = {
            "id": self.id,
            "operation": order.operation,
            "object": order.sobject,
            "createdById": self.user_id,
            "createdDate": format_datetime(self.created_at),
            "systemModstamp": format_datetime(self.modified_at),
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(order.api_version),
            "contentUrl": f"services/data/v{order.api_version}/jobs/ingest/{self.id}/batches",
            "lineEnding": order.line_ending,
            "columnDelimiter": order.column_delimiter,
        }
        if order.external_id_field:
            info["externalIdFieldName"] = order.external_id_field
        if order.assignment_rule_id:
            info["assignmentRuleId"] = order.assignment_rule_id
        return info

    def progress(self, state: State) -> dict[str, object]:
        """Return the job as JSON with its counts, as polls show it.

        Args:
            state: The state to say.

        """
        milliseconds = int(self.processing_seconds * 1000)
        info = self.info(state) | {
            "jobType": "V2Ingest",
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "retries": 0,
            "totalProcessingTime": milliseconds,
            "apiActiveProcessingTime": milliseconds,
            "apexProcessingTime": 0,
        }
        if self.error_message:
            info["errorMessage"] = self.error_message
        return info

    def summary(self) -> dict[str, object]:
        """Return the job as JSON, as lists show it."""
        return self.info(self.shown_state) | {"jobType": "V2Ingest"}

    def close(self) -> None:
        """Free the files."""
        if self.upload:
            self.upload.close()
        self.results.close()


class Jobs:
    """The ingest jobs of one org.

    Args:
        clock: Stamps jobs and lets them expire.
        numbers: Counters of job ids, shared with the org's query jobs.

    """

    def __init__(self, clock: Clock, numbers: Iterator[int]) -> None:
        self._clock = clock
        self._numbers = numbers
        self._jobs: dict[str, Job] = {}

    def create(self, order: JobOrder, user_id: str) -> Job:
        """Add a job in state Open.

        Args:
            order: What it is to do.
            user_id: 18-character id of its owner.

        """
        now = self._clock.now()
        job = Job(from_counter(_KEY_PREFIX, next(self._numbers)), order, user_id, now, now)
        self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job:
        """Return a job by its 15- or 18-character id.

        Raises:
            SalesforceFault: 404 NOT_FOUND.

        """
        self._expire()
        for known, job in self._jobs.items():
            if job_id in {known, known[:15]}:
                return job
        raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")

    def __iter__(self) -> Iterator[Job]:
        """Walk the jobs, oldest first."""
        self._expire()
        return iter(list(self._jobs.values()))

    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> None:
        """Take the job's data; a failed or cancelled upload leaves the job as it was.

        Args:
            job: The job, which has to be Open and without data.
            chunks: The CSV.

        Raises:
            SalesforceFault: 400: the job is not Open, has its data already, or the data is too large.

        """
        if job.state != "Open":
            raise wrong_state(f"Job data can be uploaded only while the job is Open; it is {job.state}")
        if job.upload is not None:
            raise SalesforceFault(
                400,
                "BULK_API_ERROR",
                f"Found multiple contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current "
                "Job then create a new Job and make sure you only do 'PUT' once on a given Job.",
            )
        upload: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - the job owns it
        job.upload = upload  # claimed before the first await, so a second upload meets it
        try:
            async for chunk in chunks:
                upload.write(chunk)
                _check_size(upload.tell())
        except BaseException:
            job.upload = None
            upload.close()
            raise

    def finish_upload(self, job: Job) -> None:
        """Enter UploadComplete.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE: the job is not Open or has no data.

        """
        if job.state != "Open" or job.upload is None:
            raise wrong_state("Job cannot be completed: it is not Open, or no data was uploaded")
        job.advance("UploadComplete", self._clock.now())

    def abort(self, job: Job) -> None:
        """Enter Aborted; rows that are written already stay.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE: the job has ended.

        """
        if job.state in TERMINAL:
            raise wrong_state("Aborting already Completed Job not allowed")
        job.advance("Aborted", self._clock.now())

    def delete(self, job: Job) -> None:
        """Forget a job and its data.

        Raises:
            SalesforceFault: 400 INVALIDJOBSTATE: the job has not ended.

        """
        if job.state not in TERMINAL or (job.upload is not None and not job.settled.is_set()):
            raise wrong_state(f"Job is in state {job.state}; only ended jobs can be deleted")
        del self._jobs[job.id]
        job.close()

    def close(self) -> None:
        """Free the files of every job."""
        for job in self._jobs.values():
            job.close()

    def _expire(self) -> None:
        old = self._clock.now() - KEPT_SECONDS
        idle = TERMINAL | {"Open"}
        for job in [job for job in self._jobs.values() if job.modified_at < old and job.state in idle]:
            del self._jobs[job.id]
            job.close()


def wrong_state(text: str) -> SalesforceFault:
    """Build the answer for a job that is in no state for what was asked; texts are unverified.

    Args:
        text: The message.

    """
    return SalesforceFault(400, "INVALIDJOBSTATE", text)


def _check_size(size: int) -> None:
    if size > MAXIMUM_UPLOAD_BYTES:
        # Code and text are unverified.
        raise SalesforceFault(400, "BULK_API_ERROR", "Maximum upload size of 150 MB exceeded")
