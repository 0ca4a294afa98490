"""Query jobs of Bulk API 2.0 (Bulk API 2.0 and Bulk API Developer Guide, "Query Jobs")."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int32, RecordId
from service.salesforce.transport.base import Request, Response, Sink

_RESULT_SECONDS = 1200.0
"""Salesforce cuts off whoever takes longer for one part of a result."""
_LARGEST_PART_BYTES = 4_294_967_296
_NO_LOCATOR = "null"
"""What Salesforce names as the next locator behind the last part."""
_COUNT = re.compile(r"[0-9]{1,10}")
_LOCATOR = re.compile(r"[A-Za-z0-9+/=_-]{1,200}")


class QueryJob(msgspec.Struct, frozen=True):
    """A query job as Salesforce tells of it."""

    id: RecordId
    state: str
    numberRecordsProcessed: Int32 = 0  # noqa: N815 - Salesforce's spelling
    errorMessage: str = ""  # noqa: N815 - Salesforce's spelling
    createdDate: str = ""  # noqa: N815 - Salesforce's spelling


class ResultPages(msgspec.Struct, frozen=True):
    """Some parts of a result, by their locators, and where the list goes on."""

    locators: tuple[str, ...]
    """In order; empty for the first part."""
    following: str = ""
    """Locator of the rest of the list; empty if there is none."""


class _ResultPage(msgspec.Struct):
    resultUrl: str  # noqa: N815 - Salesforce's spelling


class _ResultPages(msgspec.Struct):
    resultPages: list[_ResultPage]  # noqa: N815 - Salesforce's spelling
    done: bool = True
    nextRecordsUrl: str | None = None  # noqa: N815 - Salesforce's spelling


_jobs = msgspec.json.Decoder(QueryJob)
_lists = msgspec.json.Decoder(_ResultPages)


def create(base: str, soql: str, *, include_deleted: bool) -> Request:
    """Return the request that begins a job with a comma-separated result.

    Beginning it twice changes nothing in the org; the one that nobody reads is forgotten after seven days.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        soql: The query with its parameters bound.
        include_deleted: Also read the recycle bin and archived activities.

    """
    body = {
        "operation": "queryAll" if include_deleted else "query",
        "query": soql,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    path = f"{base}/jobs/query"
    return Request("POST", path, template=path, repeatable=True, body=msgspec.json.encode(body))


def info(base: str, job_id: str) -> Request:
    """Return the request that asks how a job stands."""
    return Request("GET", f"{base}/jobs/query/{job_id}", template=f"{base}/jobs/query/{{job}}", repeatable=True)


def abort(base: str, job_id: str) -> Request:
    """Return the request that stops a job which has not ended."""
    return Request(
        "PATCH",
        f"{base}/jobs/query/{job_id}",
        template=f"{base}/jobs/query/{{job}}",
        repeatable=True,
        body=msgspec.json.encode({"state": "Aborted"}),
    )


def delete(base: str, job_id: str) -> Request:
    """Return the request that forgets a job which has ended, and its result."""
    return Request("DELETE", f"{base}/jobs/query/{job_id}", template=f"{base}/jobs/query/{{job}}", repeatable=True)


def result_pages(base: str, job_id: str, locator: str) -> Request:
    """Return the request that lists parts of a result (from v58.0 on).

    Args:
        base: Path of the API version.
        job_id: The job.
        locator: `ResultPages.following` of the list before; empty to begin.

    """
    path = f"{base}/jobs/query/{job_id}/resultPages"
    return Request(
        "GET",
        path + (f"?locator={quote(locator, safe='')}" if locator else ""),
        template=f"{base}/jobs/query/{{job}}/resultPages",
        repeatable=True,
    )


def results(base: str, job_id: str, locator: str, sink: Callable[[], Sink]) -> Request:
    """Return the request for one part of a result. It may be read again as long as the job exists.

    Args:
        base: Path of the API version; the one that the job was created with.
        job_id: The job.
        locator: Of the part; empty for the first one.
        sink: Takes the CSV.

    """
    path = f"{base}/jobs/query/{job_id}/results"
    return Request(
        "GET",
        path + (f"?locator={quote(locator, safe='')}" if locator else ""),
        template=f"{base}/jobs/query/{{job}}/results",
        repeatable=True,
        headers={"Accept": "text/csv"},
        timeout_seconds=_RESULT_SECONDS,
        largest_answer_bytes=_LARGEST_PART_BYTES,
        sink=sink,
    )


def job(response: Response, *, org: str) -> QueryJob:
    """Return the job that the answer to `create`, `info` or `abort` tells of.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    check(response, org=org)
    try:
        return _jobs.decode(response.content)
    except UNREADABLE as error:
        raise UpstreamProtocolError("a query job cannot be read", metadata={"org": org}) from error


def listed(response: Response, *, org: str) -> ResultPages:
    """Return the list that the answer to `result_pages` holds: locators only, for the rest of a URL is not trusted.

    Raises:
        service.errors.SluicegateError: Salesforce refused.

    """
    check(response, org=org)
    try:
        found = _lists.decode(response.content)
    except UNREADABLE as error:
        raise UpstreamProtocolError("the parts of a result cannot be read", metadata={"org": org}) from error
    locators = tuple(_locator_in(page.resultUrl, org) for page in found.resultPages)
    goes_on = not found.done and found.nextRecordsUrl is not None
    return ResultPages(locators, _locator_in(found.nextRecordsUrl or "", org) if goes_on else "")


def part(response: Response, *, org: str) -> tuple[int, str]:
    """Return how many rows a part has, and the locator of the next one; empty behind the last.

    Raises:
        service.errors.SluicegateError: Salesforce refused.
        UpstreamProtocolError: It does not tell; the rest of the result might be lost unseen.

    """
    check(response, org=org)
    count = response.headers.get("sforce-numberofrecords", "")
    following = response.headers.get("sforce-locator", "")
    if not _COUNT.fullmatch(count) or not following:
        raise UpstreamProtocolError("a part of a result does not tell its rows and the next", metadata={"org": org})
    return int(count), "" if following == _NO_LOCATOR else _checked(following, org)


def check(response: Response, *, org: str) -> None:
    """Raise what an answer without success means."""
    if response.status >= 300:  # noqa: PLR2004 - every 2xx is success
        raise faults.from_response(response, org=org)


def _locator_in(url: str, org: str) -> str:
    found = parse_qs(urlsplit(url).query).get("locator", [""])[0]
    return _checked(found, org) if found else ""


def _checked(locator: str, org: str) -> str:
    if not _LOCATOR.fullmatch(locator):
        raise UpstreamProtocolError("a part of a result has no proper locator", metadata={"org": org})
    return locator
