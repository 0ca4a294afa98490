"""One write as a REST call of its own, which is also its form inside a composite call.

Source: Salesforce REST API, "sObject Basic Information", "sObject Rows", "sObject Rows by External ID".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from service.errors import OutcomeUnknown, RecordDeleted, RecordNotFound, SluicegateError, UpstreamProtocolError
from service.governor.base import Cost
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, RecordId
from service.salesforce.calls.paths import segment
from service.salesforce.calls.writes import JsonValue, Operation, Saved, Write, WriteOptions
from service.salesforce.ids import answered_id
from service.salesforce.transport.base import Request, Response

_METHODS = {
    Operation.CREATE: "POST",
    Operation.UPDATE: "PATCH",
    Operation.UPSERT: "PATCH",
    Operation.DELETE: "DELETE",
}
_CREATED = 201
_encoder = msgspec.json.Encoder(decimal_format="number")


class _Saved(msgspec.Struct):
    id: RecordId
    created: bool = False


_saved = msgspec.json.Decoder(_Saved)


@dataclass(frozen=True, slots=True)
class RowCall:
    """A write as method, path and body."""

    method: str
    path: str = field(repr=False)
    template: str
    values: Mapping[str, JsonValue] | None = field(repr=False)
    """The body; None for a deletion, which has none."""


def method(write: Write) -> str:
    """Return the HTTP method of a write."""
    return _METHODS[write.operation]


def row_call(base: str, write: Write) -> RowCall:
    """Return what a write is in REST.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        write: What to write. The external-id field may be among the values; Salesforce takes it in the path only.

    Raises:
        service.errors.InvalidRequest: The external id is `.` or `..`.

    """
    path, template = f"{base}/sobjects/{write.sobject}", f"{base}/sobjects/{{sobject}}"
    values: Mapping[str, JsonValue] | None = None if write.operation is Operation.DELETE else write.values
    if write.operation is Operation.CREATE:
        return RowCall(method(write), path, template, values)
    if write.key is None:
        return RowCall(method(write), f"{path}/{write.record_id}", f"{template}/{{id}}", values)
    folded = write.key.field.lower()
    if values is not None:
        values = {name: value for name, value in values.items() if name.lower() != folded}
    path = f"{path}/{write.key.field}/{segment(write.key.value)}"
    # Without it Salesforce would create the record that it does not find.
    query = "?updateOnly=true" if write.operation is Operation.UPDATE else ""
    return RowCall(method(write), path + query, f"{template}/{{field}}/{{value}}", values)


def single(base: str, write: Write, options: WriteOptions) -> Request:
    """Return the request that carries out one write.

    Args:
        base: Path of the API version.
        write: What to write; Decimals are written digit for digit.
        options: How it is written.

    Raises:
        service.errors.InvalidRequest: The external id is `.` or `..`.

    """
    row = row_call(base, write)
    return Request(
        row.method,
        row.path,
        template=row.template,
        repeatable=write.operation is not Operation.CREATE,
        body=b"" if row.values is None else _encoder.encode(row.values),
        headers={} if write.operation is Operation.DELETE else options.headers(),
        cost=Cost(bulkhead=write.sobject.lower()),
    )


def read_single(response: Response, write: Write, *, org: str) -> Saved | SluicegateError:
    """Return what became of one write; an error as a value is its failure.

    A deletion that finds nothing left to delete is done. Salesforce answers the same for a deletion by a field that is
    no external id, or of an sObject that the org does not have; who has not looked at the description learns neither.

    Args:
        response: The answer to `single`, or to a subrequest.
        write: What was to be written.
        org: The org's configured name.

    """
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the range of success
        error = refusal(response, write, org=org)
        return Saved(write.record_id, already_deleted=True) if is_gone(write, error) else error
    if write.operation is Operation.DELETE or write.record_id:
        return Saved(write.record_id)
    try:
        saved = _saved.decode(response.content)
    except UNREADABLE:
        return unreadable(org, creates=write.operation is Operation.CREATE)
    return Saved(answered_id(saved.id), created=saved.created or response.status == _CREATED)


def refusal(response: Response, write: Write, *, org: str) -> SluicegateError:
    """Return what an unsuccessful answer to one write means.

    Args:
        response: The answer.
        write: What was to be written.
        org: The org's configured name.

    """
    subject = {"object": write.sobject}
    if write.key is not None:
        subject["external_id_field"] = write.key.field
    elif write.record_id:
        subject["id"] = write.record_id
    creates = write.operation in {Operation.CREATE, Operation.UPSERT}
    return faults.from_response(response, org=org, subject=subject, object_may_be_missing=creates)


def is_gone(write: Write, error: SluicegateError) -> bool:
    """Tell whether a refusal means that a deletion found nothing left to delete.

    Args:
        write: What was to be written.
        error: Why it was refused.

    """
    missing = RecordDeleted if write.key is None else (RecordDeleted, RecordNotFound)
    return write.operation is Operation.DELETE and isinstance(error, missing)


def unreadable(org: str, *, creates: bool) -> SluicegateError:
    """Return what an answer means that says success and cannot be read.

    Args:
        org: The org's configured name.
        creates: Whether records were to be created, so that repeating would create them twice.

    """
    if creates:
        return OutcomeUnknown(
            f"the org {org!r} answered the creation with something unreadable; look for the record before repeating",
            metadata={"org": org},
        )
    return UpstreamProtocolError(f"the org {org!r} answered a write with something unreadable", metadata={"org": org})
