"""What a bulk load is asked for, and what it needs of Salesforce: its jobs, and the port that they are reached by.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest" (job states, operations).
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from service import errors
from service.bulk.data.dialect import Delimiter, Dialect
from service.bulk.data.formats import Format
from service.bulk.data.mapping import FieldMapping
from service.bulk.data.spool import Spool

ResultFile = Literal["successfulResults", "failedResults", "unprocessedrecords"]
"""The three result files of a job."""


class Operation(Enum):
    """What a load does with each row, by Salesforce's names."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    HARD_DELETE = "hardDelete"


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


class Commit(Enum):
    """What has a part of a load written."""

    AT_END = "at_end"
    """The end of the data does; it is one part."""
    BY_PART = "by_part"
    """A message of the caller for each part does."""
    BY_CALL = "by_call"
    """A call does for all parts that are prepared; the data comes by calls as well."""


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
    commit: Commit = Commit.AT_END
    mapping: FieldMapping = field(default_factory=FieldMapping)
    dialect: Dialect = field(default_factory=Dialect)
    assignment_rule_id: str = ""
    """Empty assigns nothing."""
    key_column: str = ""
    """The caller's column whose cell comes back with each result; empty for none."""
    repeats_results: bool = False
    """Whether parts that are done are reported once more, of a load that is gone on with."""
    is_serial: bool = False
    """Whether parts are written one after another."""
    parent_column: str = ""
    """The caller's column whose cell names a row's parent; rows of one parent are uploaded together. Empty for none."""
    keeps_results: bool = False
    """Whether results are wanted later, which only jobs keep."""

    def __post_init__(self) -> None:
        if (self.operation is Operation.UPSERT) != bool(self.external_id_field):
            problem = "must be set for an upsert and empty otherwise"
            raise errors.InvalidRequest(
                f"external_id_field {problem}", violations=[errors.FieldViolation("header.external_id_field", problem)]
            )

    @property
    def needed_column(self) -> str:
        """The column that every row needs; empty for an insert."""
        if self.operation is Operation.INSERT:
            return ""
        return self.external_id_field or "Id"

    @property
    def key_field(self) -> str:
        """The column that `key_column` is uploaded as; empty if there is none."""
        return self.mapping.target(self.key_column) or ""

    @property
    def parent_field(self) -> str:
        """The column that `parent_column` is uploaded as; empty if there is none."""
        return self.mapping.target(self.parent_column) or ""

    @property
    def digest(self) -> bytes:
        """Eight bytes that are others for a request by which rows would be written differently."""
        said = (
            self.object.lower(),
            self.operation.value,
            self.external_id_field.lower(),
            self.format.value,
            self.commit.value,
            sorted(self.mapping.fields.items()),
            sorted((name, value or "", value is None) for name, value in self.mapping.constants.items()),
            sorted(self.mapping.ignored),
            self.mapping.null_text,
            self.dialect.delimiter and self.dialect.delimiter.name,
            self.dialect.line_end and self.dialect.line_end.name,
            self.assignment_rule_id[:15],
            self.key_column,
        )
        return hashlib.sha256(repr(said).encode()).digest()[:8]


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
    unchanged_seconds: float = field(default=0.0, compare=False)
    """For how long nothing of it has changed, by Salesforce's own clock; 0 if it does not tell."""


class Way(Enum):
    """How the rows of a part are written."""

    JOB = "job"
    COLLECTIONS = "collections"
    """By calls of at most 200 rows, which answer at once; there is no job then."""


class Content(Protocol):
    """What is uploaded."""

    @property
    def size(self) -> int:
        """How many bytes."""
        ...

    def stream(self) -> AsyncIterator[bytes]:
        """Yield them from the start, each time anew."""
        ...


class BulkClient(Protocol):
    """What a load needs of one org. Every method raises what `service.errors` documents.

    Implementations retry what is harmless; a load waits out whatever outage remains.
    """

    async def create_job(self, request: LoadRequest, delimiter: Delimiter) -> Job:
        """Open a job for UTF-8 with LF line ends and a delimiter. One that is given no data is forgotten unseen."""
        ...

    async def upload(self, job_id: str, content: Content) -> None:
        """Send a job's data."""
        ...

    async def complete(self, job_id: str) -> Job:
        """Commit a job: Salesforce begins to write."""
        ...

    async def abort(self, job_id: str) -> Job:
        """Abort a job. An open one then never writes."""
        ...

    async def job_info(self, job_id: str) -> Job:
        """Tell how a job stands."""
        ...

    async def results(self, job_id: str, file: ResultFile, begin: Callable[[], Spool]) -> Spool:
        """Fetch one result file as CSV.

        Args:
            job_id: The job.
            file: Which of its files.
            begin: Gives an empty spool for each attempt, and closes the one before.

        Returns:
            The last spool that `begin` gave, with the whole file.

        """
        ...

    async def batches_left(self) -> int | None:
        """Return how many batches of 10,000 rows the org still takes today; None if it does not tell."""
        ...
