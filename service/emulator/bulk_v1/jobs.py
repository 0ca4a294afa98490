"""Jobs and batches of the first Bulk API: what they hold and what they tell."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from service.emulator.bulk_v1.results import BatchResults
from service.emulator.bulk_v1.wording import AsyncFault
from service.emulator.engine import QueryResult
from service.emulator.ids import from_counter
from service.emulator.jobs import KEPT_SECONDS, Job, JobOrder, State

QUERIES = ("query", "queryAll")
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete", *QUERIES)

BatchState = Literal["Queued", "InProgress", "Completed", "Failed", "NotProcessed"]

_STATES: dict[State, BatchState] = {
    "Open": "Queued",
    "UploadComplete": "Queued",
    "InProgress": "InProgress",
    "JobComplete": "Completed",
    "Failed": "Failed",
    "Aborted": "NotProcessed",
}


@dataclass(slots=True)
class Batch:
    """One batch; the work on its rows is that of a job of Bulk 2.0."""

    work: Job
    results: BatchResults
    query: QueryResult | None = None
    """The rows of a query batch that went through."""

    @property
    def id(self) -> str:
        """18 characters."""
        return self.work.id

    @property
    def result_id(self) -> str:
        """The id of a query's only result."""
        return "752" + self.id[3:15]

    @property
    def state(self) -> BatchState:
        """Where the batch is."""
        return _STATES[self.work.state]

    def info(self, job_id: str) -> dict[str, object]:
        """Return the batch as it is told.

        Args:
            job_id: Of its job.

        """
        work, milliseconds = self.work, int(self.work.processing_seconds * 1000)
        return {
            "id": work.id,
            "jobId": job_id,
            "state": self.state,
            "stateMessage": work.error_message,
            "createdDate": work.created_at,
            "systemModstamp": work.modified_at,
            "numberRecordsProcessed": work.processed,
            "numberRecordsFailed": work.failed,
            "totalProcessingTime": milliseconds,
            "apiActiveProcessingTime": milliseconds,
            "apexProcessingTime": 0,
        }


@dataclass(slots=True)
class AsyncJob:
    """One job."""

    id: str
    operation: str
    sobject: str
    """Canonical name."""
    external_id_field: str | None
    """Canonical name; only for upsert."""
    concurrency_mode: Literal["Parallel", "Serial"]
    content_type: Literal["CSV", "JSON"]
    api_version: str
    user_id: str
    created_at: float
    """Epoch seconds."""
    state: Literal["Open", "Closed", "Aborted"] = "Open"
    batches: list[Batch] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one batch of a serial job that is worked on."""

    def batch(self, batch_id: str) -> Batch:
        """Return a batch by its 15- or 18-character id.

        Raises:
            AsyncFault: InvalidBatch.

        """
        for batch in self.batches:
            if batch_id in {batch.id, batch.id[:15]}:
                return batch
        raise AsyncFault("InvalidBatch", "Invalid batch id")

    def order(self, *, line_ending: Literal["LF", "CRLF"]) -> JobOrder:
        """Return what a batch of the job is to do.

        Args:
            line_ending: As its rows are written.

        """
        operation = self.operation
        return JobOrder(
            operation="insert" if operation in QUERIES else operation,  # type: ignore[arg-type]
            sobject=self.sobject,
            external_id_field=self.external_id_field,
            column_delimiter="COMMA",
            line_ending=line_ending,
            api_version=self.api_version,
        )

    def info(self) -> dict[str, object]:
        """Return the job as it is told. Source of keys and order: recorded answers."""
        states = [batch.state for batch in self.batches]
        milliseconds = sum(int(batch.work.processing_seconds * 1000) for batch in self.batches)
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.sobject,
            "createdById": self.user_id,
            "createdDate": self.created_at,
            "systemModstamp": max((batch.work.modified_at for batch in self.batches), default=self.created_at),
            "state": self.state,
            "externalIdFieldName": self.external_id_field,
            "concurrencyMode": self.concurrency_mode,
            "contentType": self.content_type,
            "numberBatchesQueued": states.count("Queued"),
            "numberBatchesInProgress": states.count("InProgress"),
            "numberBatchesCompleted": states.count("Completed"),
            "numberBatchesFailed": states.count("Failed"),
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(batch.work.processed for batch in self.batches),
            "numberRetries": 0,
            "apiVersion": self.api_version,
            "numberRecordsFailed": sum(batch.work.failed for batch in self.batches),
            "totalProcessingTime": milliseconds,
            "apiActiveProcessingTime": milliseconds,
            "apexProcessingTime": 0,
        }


class AsyncJobs:
    """The jobs of one org; they vanish after seven days."""

    def __init__(self) -> None:
        self._jobs: dict[str, AsyncJob] = {}
        self._last_job = 5_000_000  # far from the jobs of Bulk 2.0, which have the same key prefix
        self._last_batch = 0

    def next_id(self) -> str:
        """Return the id of a new job."""
        self._last_job += 1
        return from_counter("750", self._last_job)

    def add(self, job: AsyncJob) -> None:
        """Keep a job."""
        self._jobs[job.id] = job

    def new_batch(self, job: AsyncJob, content: bytes, now: float) -> Batch:
        """Add a batch to a job.

        Args:
            job: The job.
            content: Its rows as CSV, or its query.
            now: Epoch seconds.

        """
        self._last_batch += 1
        results = BatchResults()
        ending: Literal["LF", "CRLF"] = "CRLF" if content.partition(b"\n")[0].endswith(b"\r") else "LF"
        batch_id = from_counter("751", self._last_batch)
        work = Job(batch_id, job.order(line_ending=ending), job.user_id, now, now, results, io.BytesIO(content))
        work.advance("UploadComplete", now)
        batch = Batch(work, results)
        job.batches.append(batch)
        return batch

    def get(self, job_id: str, now: float) -> AsyncJob:
        """Return a job by its 15- or 18-character id.

        Args:
            job_id: The id.
            now: Epoch seconds.

        Raises:
            AsyncFault: InvalidJob.

        """
        for old in [job.id for job in self if job.created_at < now - KEPT_SECONDS]:
            del self._jobs[old]
        for job in self:
            if job_id in {job.id, job.id[:15]}:
                return job
        raise AsyncFault("InvalidJob", "Invalid job id")

    def __iter__(self) -> Iterator[AsyncJob]:
        """Walk the jobs, oldest first."""
        return iter(list(self._jobs.values()))
