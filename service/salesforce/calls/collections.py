"""Up to 200 rows written in one call, each with its own outcome (Salesforce REST API, "sObject Collections")."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from service.errors import SluicegateError
from service.governor.base import Cost
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, RecordId
from service.salesforce.calls.single import unreadable
from service.salesforce.calls.writes import Operation, Row, Saved, WriteOptions
from service.salesforce.faults import Fault
from service.salesforce.ids import answered_id
from service.salesforce.transport.base import Request, Response

MOST_ROWS = 200
MOST_RUNS = 10
"""Runs of neighbours of one sObject that a call may have; rows are sorted so that each sObject makes one."""

_encoder = msgspec.json.Encoder(decimal_format="number")
_OK = 200
_SHORT = 15
"""Characters of an id that tell records apart; the last three only follow from them."""
_MOST_ERRORS = 10
"""Errors of one row that are told."""


class _Error(msgspec.Struct):
    statusCode: str = ""  # noqa: N815 - Salesforce's spelling
    message: str = ""
    fields: list[str] = []


class _Result(msgspec.Struct):
    success: bool
    id: RecordId | None = None
    created: bool = False
    errors: list[_Error] = []


_results = msgspec.json.Decoder(list[_Result])


def takes(operation: Operation, *, by_key: bool) -> bool:
    """Tell whether a call can carry records; updates and deletions by external id are for `composite.rows`.

    Args:
        operation: What is done to the records.
        by_key: Whether an external id finds them.

    """
    return not by_key or operation is Operation.UPSERT


def request(base: str, operation: Operation, rows: Sequence[Row], options: WriteOptions, *, field: str = "") -> Request:
    """Return the request that writes rows, each on its own.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        operation: What is done to every row.
        rows: At most 200, those of one sObject next to each other. Decimals are written digit for digit.
        options: How they are written.
        field: API name of the external-id field; of upserts only.

    """
    path = f"{base}/composite/sobjects"
    # The rows of one sObject are neighbours.
    cost = Cost(bulkhead=rows[0].sobject.lower() if rows[0].sobject == rows[-1].sobject else "")
    if operation is Operation.DELETE:
        ids = ",".join(row.write.record_id for row in rows)
        return Request("DELETE", f"{path}?ids={ids}&allOrNone=false", template=path, repeatable=True, cost=cost)
    template = path
    if operation is Operation.UPSERT:
        template = f"{path}/{{sobject}}/{{field}}"
        path = f"{path}/{rows[0].sobject}/{field}"
    return Request(
        "POST" if operation is Operation.CREATE else "PATCH",
        path,
        template=template,
        repeatable=operation is not Operation.CREATE,
        body=b'{"allOrNone":false,"records":[' + b",".join(_records(operation, rows)) + b"]}",
        headers=options.headers(),
        cost=cost,
    )


def _records(operation: Operation, rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield each row as a record in JSON."""
    begins = {row.sobject: b'{"attributes":{"type":"%b"}' % row.sobject.encode() for row in rows}
    for row in rows:
        values = row.write.values
        if operation is Operation.UPDATE:
            values = {"id": row.write.record_id, **values}
        elif operation is Operation.UPSERT:
            values = _with_key(row)
        yield begins[row.sobject] + (b"," + _encoder.encode(values)[1:] if values else b"}")


def _with_key(row: Row) -> Mapping[str, Any]:
    key = row.write.key
    if key is None:
        raise ValueError("an upsert has no external id")
    values: Mapping[str, Any] = row.write.values
    if row.repeated:
        values = {name: value for name, value in values.items() if name != row.repeated}
    return {key.field: _number(key.value) if row.numeric_key else key.value, **values}


def read(
    response: Response, operation: Operation, rows: Sequence[Row], *, org: str, field: str = ""
) -> list[Saved | SluicegateError]:
    """Return what became of each row, in their order; an error as a value is that row's failure.

    Args:
        response: The answer.
        operation: What was done.
        rows: What was sent.
        org: The org's configured name.
        field: API name of the external-id field; of upserts only.

    Raises:
        OutcomeUnknown: Rows were to be created, and the answer cannot be read.
        service.errors.SluicegateError: Salesforce refused the call as a whole, and wrote nothing.

    """
    if response.status != _OK:
        subject = {"object": rows[0].sobject, **({"external_id_field": field} if field else {})}
        raise faults.from_response(
            response, org=org, subject=subject, object_may_be_missing=operation is Operation.UPSERT
        )
    try:
        results = _results.decode(response.content)
    except UNREADABLE as error:
        raise unreadable(org, creates=operation is Operation.CREATE) from error
    if len(results) != len(rows) or not all(map(_is_of, results, rows)):
        raise unreadable(org, creates=operation is Operation.CREATE)
    return [_outcome(result, operation, row, org) for result, row in zip(results, rows, strict=True)]


def _is_of(result: _Result, row: Row) -> bool:
    """Tell whether a result can be that of a row: one that was written has an id, and the one that it was found by."""
    if not result.success:
        return True
    return result.id is not None and row.write.record_id[:_SHORT] in {"", result.id[:_SHORT]}


def _outcome(result: _Result, operation: Operation, row: Row, org: str) -> Saved | SluicegateError:
    if result.success and result.id is not None:
        return Saved(answered_id(result.id), created=result.created or operation is Operation.CREATE)
    errors = result.errors or [_Error("UNKNOWN_EXCEPTION")]
    if operation is Operation.DELETE and errors[0].statusCode == "ENTITY_IS_DELETED":
        return Saved(row.write.record_id, already_deleted=True)
    subject = {"org": org, "object": row.sobject}
    if row.write.record_id:
        subject["id"] = row.write.record_id
    if row.write.key is not None:
        subject["external_id_field"] = row.write.key.field
    found = [Fault(each.statusCode[:100], each.message[:500], tuple(each.fields)) for each in errors[:_MOST_ERRORS]]
    return faults.from_faults(found, metadata=subject)


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text
