"""Bulk loads: how they stand, and the events that they tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sluicegate.v1 import bulk_load_pb2, bulk_service_pb2, error_reason_pb2
from sluicegate.v1.bulk_service_pb2 import BulkLoadFinished, BulkLoadHeader, BulkLoadResponse
from sluicegate.words import to_number, to_word

_STATES = bulk_load_pb2.BulkLoadState.DESCRIPTOR
_OPERATIONS = bulk_load_pb2.BulkOperation.DESCRIPTOR
_FORMATS = bulk_service_pb2.BulkFormat.DESCRIPTOR
_WANTED = bulk_service_pb2.BulkResults.DESCRIPTOR
_OUTCOMES = bulk_load_pb2.BulkRowOutcome.DESCRIPTOR
_REASONS = error_reason_pb2.ErrorReason.DESCRIPTOR

Operation: TypeAlias = Literal["insert", "update", "upsert", "delete", "hard_delete"]
"""What is done with each row."""
Format: TypeAlias = Literal["csv", "json_lines"]
"""How the data is written."""

Outcome: TypeAlias = Literal["created", "updated", "deleted", "failed", "not_processed"]
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


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: int
    """The row's number in the data, from 1; a CSV header is not counted. 0 where only the data could tell."""
    outcome: str
    """One of `created`, `updated`, `deleted`, `failed`, `not_processed`."""
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
    """The job exists. Comes once, first."""

    load: BulkLoad


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the load is. Comes when it changes."""

    load: BulkLoad
    rows_received: int
    bytes_received: int


@dataclass(frozen=True, slots=True)
class Results:
    """What became of some rows, in any order. Comes after every row was tried."""

    rows: tuple[RowResult, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The load is over. Comes once, last. The five counts of outcomes add up to `rows_received`."""

    load: BulkLoad
    rows_received: int
    rows_created: int
    rows_updated: int
    rows_deleted: int
    rows_failed: int
    rows_not_processed: int


Event: TypeAlias = Accepted | Progress | Results | Finished
"""What a load tells, made for `match`."""


def encode_header(
    target: BulkLoadHeader,
    *,
    operation: Operation,
    data_format: Format,
    results: ResultsWanted,
) -> BulkLoadHeader:
    """Complete the first message of a load, which names org, object and external-id field already.

    Raises:
        ValueError: An argument is none of the words that it takes.

    """
    target.operation = bulk_load_pb2.BulkOperation.ValueType(to_number(_OPERATIONS, "operation", operation))
    target.format = bulk_service_pb2.BulkFormat.ValueType(to_number(_FORMATS, "data_format", data_format))
    target.results = bulk_service_pb2.BulkResults.ValueType(to_number(_WANTED, "results", results))
    return target


def decode_load(load: bulk_load_pb2.BulkLoad) -> BulkLoad:
    """Read a load from its message."""
    return BulkLoad(
        resume_token=load.resume_token,
        object=load.object,
        operation=to_word(_OPERATIONS, load.operation),
        state=to_word(_STATES, load.state),
        job_id=load.job_id,
        rows_processed=load.rows_processed,
        rows_failed=load.rows_failed,
        create_time=load.create_time.ToDatetime(tzinfo=UTC),
        error_message=load.error_message,
    )


def decode_event(response: BulkLoadResponse) -> Event | None:
    """Read an event from its message; None when a newer service sends one that is unknown here."""
    match response.WhichOneof("event"):
        case "accepted":
            return Accepted(decode_load(response.accepted.load))
        case "progress":
            progress = response.progress
            return Progress(decode_load(progress.load), progress.rows_received, progress.bytes_received)
        case "results":
            return Results(tuple(map(decode_row, response.results.rows)))
        case "finished":
            return _finished(response.finished)
    return None


def encode_outcomes(outcomes: Sequence[Outcome]) -> list[bulk_load_pb2.BulkRowOutcome.ValueType]:
    """Write outcomes as the contract does.

    Raises:
        ValueError: One of them is none.

    """
    return [bulk_load_pb2.BulkRowOutcome.ValueType(to_number(_OUTCOMES, "outcomes", word)) for word in outcomes]


def decode_row(row: bulk_load_pb2.BulkRowResult) -> RowResult:
    """Read what became of a row."""
    failed = row.HasField("error")
    return RowResult(
        row=row.row,
        outcome=to_word(_OUTCOMES, row.outcome),
        record_id=row.record_id,
        reason=to_word(_REASONS, row.error.reason).upper() if failed else "",
        message=row.error.message,
        fields=tuple(row.error.fields),
        salesforce_code=row.error.salesforce_code,
        key=row.key,
        part=row.part,
    )


def _finished(finished: BulkLoadFinished) -> Finished:
    return Finished(
        load=decode_load(finished.load),
        rows_received=finished.rows_received,
        rows_created=finished.rows_created,
        rows_updated=finished.rows_updated,
        rows_deleted=finished.rows_deleted,
        rows_failed=finished.rows_failed,
        rows_not_processed=finished.rows_not_processed,
    )
