"""What became of rows: outcomes, how many rows had which, and what is told of one.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Get Job Successful Record Results" and its neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from operator import add

from service.bulk.results.lines import RowError


class RowOutcome(Enum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    FAILED = "failed"
    NOT_PROCESSED = "not_processed"
    UNKNOWN = "unknown"
    """Salesforce's results do not tell: it may have been written or not."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of some rows, a count for each `RowOutcome`; they add up to how many rows there are."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    failed: int = 0
    not_processed: int = 0
    unknown: int = 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the counts of both together."""
        return RowCounts(*map(add, self.by_outcome, other.by_outcome))

    @classmethod
    def of(cls, found: Mapping[RowOutcome, int]) -> "RowCounts":
        """Return counts that were kept by outcome; one that is not there is of no row."""
        return cls(*(found.get(outcome, 0) for outcome in RowOutcome))

    @property
    def by_outcome(self) -> tuple[int, int, int, int, int, int]:
        """The counts in the order of `RowOutcome`, which tokens have them in."""
        return self.created, self.updated, self.deleted, self.failed, self.not_processed, self.unknown

    @property
    def by_name(self) -> dict[str, int]:
        """The counts by the outcomes' values, in their order."""
        return {outcome.value: count for outcome, count in zip(RowOutcome, self.by_outcome, strict=True)}

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(self.by_outcome)


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: int
    """Its number in the caller's data, from 1; a CSV header and empty lines are not counted. 0 if nobody knows."""
    outcome: RowOutcome
    record_id: str = ""
    """The record's Salesforce id; empty when the row was not written."""
    error: RowError | None = None
    """Set exactly when the outcome is FAILED."""
    part: int = 1
    """The part it belongs to."""
    key: str = ""
    """Its cell in the caller's key column."""
