"""The messages of bulk loads as the client's own types."""

from collections.abc import Sequence
from datetime import UTC

from sluicegate.bulk import (
    Accepted,
    BulkLoad,
    BulkPart,
    Event,
    Finished,
    Outcome,
    PartDone,
    Prepared,
    Progress,
    Results,
    RowResult,
)
from sluicegate.v1 import bulk_load_pb2, error_reason_pb2
from sluicegate.v1.bulk_service_pb2 import BulkLoadFinished, BulkLoadResponse
from sluicegate.words import to_number, to_word

_STATES = bulk_load_pb2.BulkLoadState.DESCRIPTOR
_PART_STATES = bulk_load_pb2.BulkPartState.DESCRIPTOR
_WAYS = bulk_load_pb2.BulkWay.DESCRIPTOR
_OPERATIONS = bulk_load_pb2.BulkOperation.DESCRIPTOR
_OUTCOMES = bulk_load_pb2.BulkRowOutcome.DESCRIPTOR
_REASONS = error_reason_pb2.ErrorReason.DESCRIPTOR


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
        load_id=load.load_id,
        parts=tuple(map(_part, load.parts)),
    )


def decode_event(response: BulkLoadResponse) -> Event | None:
    """Read an event from its message; None when a newer service sends one that is unknown here."""
    match response.WhichOneof("event"):
        case "accepted":
            position = response.accepted.resume_from
            row = position.next_row or 1
            return Accepted(decode_load(response.accepted.load), row, position.next_byte if row > 1 else 0)
        case "progress":
            progress = response.progress
            load = decode_load(progress.load)
            return Progress(load, progress.rows_received, progress.bytes_received, progress.waiting_for)
        case "prepared":
            return Prepared(_part(response.prepared.part), response.prepared.row_count)
        case "part_done":
            return PartDone(_part(response.part_done.part), response.part_done.error_message)
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


def _part(part: bulk_load_pb2.BulkLoadPart) -> BulkPart:
    return BulkPart(
        number=part.number,
        first_row=part.first_row,
        row_count=part.row_count,
        state=to_word(_PART_STATES, part.state),
        job_ids=tuple(part.job_ids),
        rows_created=part.counts.rows_created,
        rows_updated=part.counts.rows_updated,
        rows_deleted=part.counts.rows_deleted,
        rows_failed=part.counts.rows_failed,
        rows_not_processed=part.counts.rows_not_processed,
        rows_unknown=part.counts.rows_unknown,
        first_byte=part.first_byte,
        end_byte=part.end_byte,
        way=to_word(_WAYS, part.way),
        way_reason=part.way_reason,
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
        rows_unknown=finished.rows_unknown,
    )
