"""What a bulk load needs of Salesforce: its jobs, and the port that they are reached by.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest" (job states).
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from service import errors
from service.bulk.data.dialect import Delimiter
from service.bulk.data.spool import Spool
from service.bulk.request import LoadRequest

ResultFile = Literal["successfulResults", "failedResults", "unprocessedrecords"]
"""The three result files of a job."""


class JobState(Enum):
    """Where a job stands, by Salesforce's names. A load, and a part without a job, are told of in the same words."""

    OPEN = "Open"
    UPLOADED = "UploadComplete"
    PROCESSING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"

    @classmethod
    def named(cls, name: str) -> "JobState":
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
        return self in {JobState.COMPLETE, JobState.FAILED, JobState.ABORTED}


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk job as Salesforce tells of it."""

    id: str
    state: JobState
    rows_processed: int = 0
    """Rows tried, failed ones included."""
    rows_failed: int = 0
    error_message: str = ""
    """Salesforce's own words when the state is FAILED."""
    unchanged_seconds: float = field(default=0.0, compare=False)
    """For how long nothing of it has changed, by Salesforce's own clock; 0 if it does not tell."""


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
