"""Bulk loads: how they stand, and the events that they tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Operation: TypeAlias = Literal["insert", "update", "upsert", "delete", "hard_delete"]
"""What is done with each row."""
Format: TypeAlias = Literal["csv", "json_lines", "record_batch"]
"""How the data is written."""

Outcome: TypeAlias = Literal["created", "updated", "deleted", "failed", "not_processed", "unknown"]
"""What became of a row."""
ResultsWanted: TypeAlias = Literal["failures", "all", "none"]
"""Which rows' results are sent: those not written, every row's, or no row's."""


@dataclass(frozen=True, slots=True)
class BulkLoad:
    """A load, as it stood when it was told."""

    resume_token: str
    """Names the load for `Client.get_bulk_load`, for seven days, from any process."""
    object: str
    """API name of the sObject."""
    operation: str
    """What is done with each row: an `Operation`."""
    state: str
    """One of `open`, `uploaded`, `processing`, `complete`, `failed`, `aborted`."""
    job_id: str
    """Id of Salesforce's bulk job."""
    rows_processed: int
    """Rows that Salesforce has tried, failed ones included."""
    rows_failed: int
    """Rows that Salesforce refused."""
    create_time: datetime
    """When the job was created, in UTC."""
    error_message: str
    """Salesforce's own words when the state is `failed`; empty otherwise."""
    load_id: str = ""
    """Names the load in logs, the same in all its tokens."""
    parts: tuple["BulkPart", ...] = ()
    """The parts that are known, in the order of the data."""


@dataclass(frozen=True, slots=True)
class BulkPart:
    """Some consecutive rows of a load, written by one job or, in a load of few rows, by calls."""

    number: int
    """From 1, in the order of the data."""
    first_row: int
    """Number of its first row, from 1 on over the whole load."""
    row_count: int
    """How many rows it has."""
    state: str
    """One of `prepared`, `committed`, `done`."""
    job_ids: tuple[str, ...]
    """Ids of its jobs in Salesforce: the first one, then those that tried rows again; none if calls write it."""
    rows_created: int = 0
    """This and the following count what became of its rows, once it is done."""
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_failed: int = 0
    rows_not_processed: int = 0
    rows_unknown: int = 0
    """Rows of which Salesforce's results do not tell what became of them."""
    first_byte: int = 0
    """Where its first row begins in the data, in bytes from 0. Zero for record batches, as is `end_byte`."""
    end_byte: int = 0
    """Where its last row ends."""
    way: str = "job"
    """`job` or `collections`: how its rows are written."""
    way_reason: str = ""
    """Why that way, for people."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: int
    """The row's number in the data, from 1; a CSV header is not counted. 0 where only the data could tell."""
    outcome: str
    """One of `created`, `updated`, `deleted`, `failed`, `not_processed`; `unknown` where Salesforce does not tell."""
    record_id: str
    """The record's Salesforce id; empty when the row was not written."""
    reason: str
    """Why the row failed, as in `SluicegateError.reason`; empty when it did not."""
    message: str
    """One sentence for a person; empty when the row did not fail."""
    fields: tuple[str, ...]
    """API names of the fields at fault."""
    salesforce_code: str
    """Salesforce's own code, for example `REQUIRED_FIELD_MISSING`."""
    key: str = ""
    """What the row has in the header's key column."""
    part: int = 0
    """Number of the part that the row belongs to."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The load is begun, or gone on with. Comes first, and again whenever the load goes on in another call."""

    load: BulkLoad
    resume_row: int = 1
    """Number of the row from which on data is sent."""
    resume_byte: int = 0
    """Where that row begins in the data; 0 from its start."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the load is. Comes when it changes."""

    load: BulkLoad
    rows_received: int
    """Over the whole load."""
    bytes_received: int
    """In this call."""
    waiting_for: str = ""
    """What keeps the load from going on, for people; empty if nothing does but Salesforce's own work."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A part is uploaded. Its token is stored by now, and its commit follows."""

    part: BulkPart
    row_count: int
    """How many rows wait: all of the part at first, later those that are tried again."""


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part is over, and all its results were told. A call that goes on later does not tell them again."""

    part: BulkPart
    error_message: str
    """Salesforce's own words when its last job failed; empty otherwise."""


@dataclass(frozen=True, slots=True)
class Results:
    """What became of some rows of a part, in any order. Comes after every row of the part was tried."""

    rows: tuple[RowResult, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The load is over. Comes once, last. The six counts of outcomes add up to `rows_received`."""

    load: BulkLoad
    rows_received: int
    rows_created: int
    rows_updated: int
    rows_deleted: int
    rows_failed: int
    rows_not_processed: int
    rows_unknown: int = 0
    """Rows of which Salesforce's results do not tell what became of them."""


Event: TypeAlias = Accepted | Progress | Prepared | Results | PartDone | Finished
"""What a load tells, made for `match`."""
