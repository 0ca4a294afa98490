"""What a bulk load is, and what it needs of Salesforce: the nouns of the state machine and its one port.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest" (job states, operations).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from service import errors
from service.bulk.data import Format
from service.bulk.results import RowError
from service.bulk.spool import Spool

ResultFile = Literal["successfulResults", "failedResults", "unprocessedrecords"]
"""The three result files of a job."""


class Operation(Enum):
    """What a load does with each row, by Salesforce's names."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


class LoadState(Enum):
    """Where a load stands, by Salesforce's names."""

    OPEN = "Open"
    UPLOADED = "UploadComplete"
    PROCESSING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @classmethod
    def named(cls, name: str) -> "LoadState":
        """Return the state that Salesforce calls so.

        Raises:
            errors.UpstreamProtocolError: No documented state is called so.

        """
        try:
            return cls(name)
        except ValueError:
            raise errors.UpstreamProtocolError("a bulk job is in a state that is not documented") from None

    @property
    def is_final(self) -> bool:
        """Whether the job will not change any more."""
        return self in {LoadState.COMPLETE, LoadState.FAILED, LoadState.ABORTED}


class WantedResults(Enum):
    """Which row results a load sends."""

    FAILURES = "failures"
    ALL = "all"
    NONE = "none"


class RowOutcome(Enum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    FAILED = "failed"
    NOT_PROCESSED = "not_processed"


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What to load, and how.

    Raises:
        errors.InvalidRequest: An upsert names no external-id field, or another operation does.

    """

    object: str
    """API name of the sObject."""
    operation: Operation
    external_id_field: str = ""
    """API name of the external-id field; for an upsert only."""
    format: Format = Format.CSV
    results: WantedResults = WantedResults.FAILURES

    def __post_init__(self) -> None:
        if (self.operation is Operation.UPSERT) != bool(self.external_id_field):
            problem = "must be set for an upsert and empty otherwise"
            raise errors.InvalidRequest(
                f"external_id_field {problem}", violations=[errors.FieldViolation("header.external_id_field", problem)]
            )

    @property
    def key_column(self) -> str:
        """The column that every row needs; empty for an insert."""
        if self.operation is Operation.INSERT:
            return ""
        return self.external_id_field or "Id"


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job as Salesforce tells of it."""

    id: str
    state: LoadState
    rows_processed: int = 0
    """Rows tried, failed ones included."""
    rows_failed: int = 0
    error_message: str = ""
    """Salesforce's own words when the state is FAILED."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load as the caller sees it: the job and what it is for."""

    job: Job
    object: str
    operation: Operation
    external_id_field: str
    created_at: float
    """When the job was created, in seconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: int
    """Its number in the caller's data, from 1; a CSV header and empty lines are not counted."""
    outcome: RowOutcome
    record_id: str = ""
    """The record's Salesforce id; empty when the row was not written."""
    error: RowError | None = None
    """Set exactly when the outcome is FAILED."""


class BulkClient(Protocol):
    """What a load needs of one org. Every method raises what `service.errors` documents.

    Implementations retry what is harmless; a load waits out whatever outage remains once it is committed.
    """

    async def create_job(self, request: LoadRequest) -> Job:
        """Open a job for comma-separated UTF-8 with LF line ends."""
        ...

    async def upload(self, job_id: str, content: Spool) -> None:
        """Send a job's data, `content.size` bytes from `content.stream()`, which begins anew whenever it is called."""
        ...

    async def complete(self, job_id: str) -> Job:
        """Commit a job: Salesforce begins to write."""
        ...

    async def abort(self, job_id: str) -> None:
        """Abort a job. An open one then never writes."""
        ...

    async def job_info(self, job_id: str) -> Job:
        """Tell how a job stands."""
        ...

    def results(self, job_id: str, file: ResultFile) -> AsyncIterator[bytes]:
        """Yield one result file as CSV, cut anywhere."""
        ...
