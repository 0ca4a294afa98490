"""What a running load tells its caller, in the order of the contract.

Accepted once and first; Progress, Prepared, Results and PartDone as it goes; Finished once and last.
"""

from dataclasses import dataclass

from service.bulk.results.outcomes import RowCounts, RowResult
from service.bulk.telling.load_view import Load, LoadPart


@dataclass(frozen=True, slots=True)
class ResumeFrom:
    """Where the data of a load that is gone on with is to be sent from."""

    header_bytes: int
    """Bytes at the start of the data that are to be sent first."""
    next_byte: int
    next_row: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The load is begun, or gone on with."""

    resume_token: str
    load: Load
    resume_from: ResumeFrom | None = None
    """None for a load that begins."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the load is. Whenever it changes, at most once a second while data comes in."""

    resume_token: str
    load: Load
    rows_received: int
    bytes_received: int
    waiting_for: str = ""
    """What keeps the load from going on, for people; empty if nothing does but Salesforce's own work."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A part's last job has its data, or the part needs none, and waits for the caller's commit."""

    resume_token: str
    part: LoadPart
    rows: int
    """How many rows wait."""


@dataclass(frozen=True, slots=True)
class Results:
    """What became of some rows, in any order: at most 1,000, or all of a part that has no job."""

    resume_token: str
    rows: tuple[RowResult, ...]


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part is over."""

    resume_token: str
    part: LoadPart
    error_message: str = ""
    """Salesforce's own words when its last job failed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The load is over. The counts add up to `rows_received`."""

    resume_token: str
    load: Load
    rows_received: int
    counts: RowCounts


Event = Accepted | Progress | Prepared | Results | PartDone | Finished
"""Any of them."""
