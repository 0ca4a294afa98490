"""Bulk API 2.0 ingest jobs (Bulk API 2.0 and Bulk API Developer Guide, "Ingest Jobs")."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Literal

import msgspec

from service.errors import LoadNotFound, UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int32, RecordId
from service.salesforce.transport.base import Request, Response, Sink

Outcome = Literal["successfulResults", "failedResults", "unprocessedrecords"]
"""The three result files of a job."""

SettableState = Literal["UploadComplete", "Aborted"]
"""The states that a client may set."""

_UPLOAD_SECONDS = 900.0
_RESULT_SECONDS = 900.0
_LARGEST_RESULT_BYTES = 1_073_741_824
"""Every row comes back with its id or error beside it."""
_NOT_FOUND = 404


class Job(msgspec.Struct, frozen=True):
    """A job as Salesforce tells of it."""

    id: RecordId
    state: str
    object: str = ""
    operation: str = ""
    numberRecordsProcessed: Int32 = 0  # noqa: N815 - Salesforce's spelling
    numberRecordsFailed: Int32 = 0  # noqa: N815 - Salesforce's spelling
    errorMessage: str = ""  # noqa: N815 - Salesforce's spelling
    systemModstamp: str = ""  # noqa: N815 - Salesforce's spelling


def create(
    base: str,
    *,
    sobject: str,
    operation: str,
    external_id_field: str,
    delimiter: str = "COMMA",
    assignment_rule: str = "",
) -> Request:
    """Return the request that opens a job for UTF-8 with LF line ends.

    Opening it twice does no harm: a job without data expires unseen.

    Args:
        base: Path of the API version.
        sobject: API name of the sObject.
        operation: `insert`, `update`, `upsert`, `delete` or `hardDelete`.
        external_id_field: Needed for `upsert`, empty otherwise.
        delimiter: What stands between cells, by Salesforce's name for it.
        assignment_rule: Id of the rule that assigns leads or cases; empty assigns none.

    """
    body = {
        "object": sobject,
        "operation": operation,
        "contentType": "CSV",
        "columnDelimiter": delimiter,
        "lineEnding": "LF",
    }
    if external_id_field:
        body["externalIdFieldName"] = external_id_field
    if assignment_rule:
        body["assignmentRuleId"] = assignment_rule
    return Request(
        "POST",
        f"{base}/jobs/ingest",
        template=f"{base}/jobs/ingest",
        repeatable=True,
        body=msgspec.json.encode(body),
    )


def upload(base: str, job_id: str, body: Callable[[], AsyncIterator[bytes]], size: int) -> Request:
    """Return the request that sends a job's data, once; a second upload is refused by Salesforce.

    Args:
        base: Path of the API version.
        job_id: The job.
        body: Begins the data anew.
        size: How many bytes it has.

    """
    return Request(
        "PUT",
        f"{base}/jobs/ingest/{job_id}/batches",
        template=f"{base}/jobs/ingest/{{job}}/batches",
        repeatable=False,
        body=body,
        headers={"Content-Type": "text/csv", "Content-Length": str(size)},
        timeout_seconds=_UPLOAD_SECONDS,
    )


def set_state(base: str, job_id: str, state: SettableState) -> Request:
    """Return the request that commits or aborts a job; setting a state twice has the effect of once."""
    return Request(
        "PATCH",
        f"{base}/jobs/ingest/{job_id}",
        template=f"{base}/jobs/ingest/{{job}}",
        repeatable=True,
        body=msgspec.json.encode({"state": state}),
    )


def info(base: str, job_id: str) -> Request:
    """Return the request that asks how a job stands."""
    return Request("GET", f"{base}/jobs/ingest/{job_id}", template=f"{base}/jobs/ingest/{{job}}", repeatable=True)


def results(base: str, job_id: str, outcome: Outcome, sink: Callable[[], Sink]) -> Request:
    """Return the request for one of a job's result files.

    Args:
        base: Path of the API version.
        job_id: The job.
        outcome: Which file.
        sink: Takes the CSV.

    """
    return Request(
        "GET",
        f"{base}/jobs/ingest/{job_id}/{outcome}",
        template=f"{base}/jobs/ingest/{{job}}/{outcome}",
        repeatable=True,
        headers={"Accept": "text/csv"},
        timeout_seconds=_RESULT_SECONDS,
        largest_answer_bytes=_LARGEST_RESULT_BYTES,
        sink=sink,
    )


def job(response: Response, *, org: str, sobject: str = "", job_id: str = "") -> Job:
    """Return the job that an answer tells of.

    Args:
        response: The answer to `create`, `set_state` or `info`.
        org: The org's configured name.
        sobject: What the job is for, for errors.
        job_id: The job, for errors.

    Raises:
        LoadNotFound: The org knows no such job.
        service.errors.SluicegateError: Salesforce refused otherwise.

    """
    check(response, org=org, sobject=sobject, job_id=job_id)
    try:
        return msgspec.json.decode(response.content, type=Job)
    except UNREADABLE as error:
        raise UpstreamProtocolError("a bulk job cannot be read", metadata={"org": org}) from error


def unchanged_seconds(job: Job, response: Response) -> float:
    """Return for how long a job has not changed, as its answer tells: by `systemModstamp`, and by the `Date` header.

    Args:
        job: The job.
        response: The answer that told of it.

    Returns:
        Seconds; 0 if the answer does not tell, or tells of the future.

    """
    try:
        changed = datetime.fromisoformat(job.systemModstamp)
    except ValueError:
        return 0.0
    told = response.dated
    # Without its offset the time is nobody's.
    return 0.0 if told is None or changed.tzinfo is None else max(0.0, told - changed.timestamp())


def check(response: Response, *, org: str, sobject: str = "", job_id: str = "") -> None:
    """Raise what an answer without success means; see `job`."""
    if response.status < 300:  # noqa: PLR2004 - every 2xx is success
        return
    if response.status == _NOT_FOUND and job_id:
        raise LoadNotFound(f"the org {org!r} knows no such load", metadata={"org": org, "job_id": job_id})
    subject = {"object": sobject} if sobject else {}
    raise faults.from_response(response, org=org, subject=subject, object_may_be_missing=bool(sobject))
