"""What a running load tells its caller, in the order of the contract: accepted, progress, results, finished."""

from dataclasses import dataclass

from service.bulk.job import Load, RowResult


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job exists. Once, first."""

    load: Load


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the load is. Whenever it changes, at most once a second while data comes in."""

    load: Load
    rows_received: int
    bytes_received: int


@dataclass(frozen=True, slots=True)
class Results:
    """What became of some rows, at most 1,000, in any order."""

    rows: tuple[RowResult, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The load is over. Once, last. The five counts add up to `rows_received`."""

    load: Load
    rows_received: int
    rows_created: int
    rows_updated: int
    rows_deleted: int
    rows_failed: int
    rows_not_processed: int


Event = Accepted | Progress | Results | Finished
"""Any of them."""
