"""A load and its parts as the caller sees them."""

from dataclasses import dataclass
from enum import Enum

from service.bulk.job import JobState
from service.bulk.request import Operation
from service.bulk.results.outcomes import RowCounts
from service.bulk.ways.way import Way


class PartState(Enum):
    """Where a part stands."""

    PREPARED = "prepared"
    """Uploaded, or about to be; nothing is written."""
    COMMITTED = "committed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LoadPart:
    """A part as the caller sees it."""

    number: int
    """From 1."""
    first_row: int
    """From 1, over the whole load."""
    rows: int
    first_byte: int
    """Where it begins in the caller's data."""
    end_byte: int
    state: PartState
    job_ids: tuple[str, ...]
    """Its jobs: the first one, then those that tried rows again."""
    counts: RowCounts | None
    """Set when it is done."""
    way: Way = Way.JOB
    way_reason: str = ""
    """Why it goes that way, for people; empty where only the token is known, or nothing is decided yet."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load as the caller sees it."""

    id: str
    """The same in all its tokens."""
    object: str
    operation: Operation
    created_at: float
    """When it began, in whole seconds since the Unix epoch."""
    state: JobState
    parts: tuple[LoadPart, ...]
    rows_processed: int
    """Rows tried, failed ones included."""
    rows_failed: int
    error_message: str = ""
    """Salesforce's own words when the state is FAILED."""

    @property
    def job_id(self) -> str:
        """The first job; empty before there is one."""
        return next((part.job_ids[0] for part in self.parts if part.job_ids), "")
