"""Query pages (Salesforce REST API, "Query", "Query More Results" and "Composite")."""

from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from service.errors import MessageTooLarge, QueryNotResumable, UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int32
from service.salesforce.calls.paths import LONGEST_PATH
from service.salesforce.transport.base import Request, Response, Session

Row = TypeVar("Row")

LONGEST_SOQL = 100_000
"""Most characters of a query (SOQL and SOSL Reference, "SOQL Limits")."""

_OK = 200
_UNAUTHORIZED = 401
_REFERENCE = "query"
_LONGEST_LOCATOR = 200
"""More characters than a locator has; it has to fit into a resume token."""
_LOST = "INVALID_QUERY_LOCATOR"
_encoder = msgspec.json.Encoder()


class Page(msgspec.Struct, Generic[Row]):
    """A page of rows."""

    totalSize: Int32  # noqa: N815 - Salesforce's spelling
    done: bool
    records: list[Row]
    nextRecordsUrl: str | None = None  # noqa: N815 - Salesforce's spelling


class _Subanswer(msgspec.Struct):
    httpStatusCode: int  # noqa: N815 - Salesforce's spelling
    body: msgspec.Raw


class _Composite(msgspec.Struct):
    compositeResponse: list[_Subanswer]  # noqa: N815 - Salesforce's spelling


_composite = msgspec.json.Decoder(_Composite)


def first(base: str, soql: str, *, page_size: int, include_deleted: bool, session: Session | None = None) -> Request:
    """Return the request for a query's first page.

    A query that is too long for a URL travels as a subrequest, inside the body of a composite call.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        soql: The query with its parameters bound.
        page_size: Rows a page, 200 to 2,000; Salesforce may send fewer.
        include_deleted: Also read the recycle bin and archived activities.
        session: Takes note of the session that the result belongs to.

    Raises:
        MessageTooLarge: The query is longer than Salesforce takes any.

    """
    if len(soql) > LONGEST_SOQL:
        raise MessageTooLarge(
            f"with its parameters the query has {len(soql):,} characters; Salesforce takes {LONGEST_SOQL:,}: "
            "give shorter lists, and ask several times"
        )
    resource = "queryAll" if include_deleted else "query"
    path = f"{base}/{resource}?q={quote(soql, safe='')}"
    headers = {"Sforce-Query-Options": f"batchSize={page_size}"}
    if len(path) <= LONGEST_PATH:
        template = f"{base}/{resource}"
        return Request("GET", path, template=template, repeatable=True, headers=headers, session=session)
    subrequest = {"method": "GET", "url": path, "referenceId": _REFERENCE, "httpHeaders": headers}
    body = _encoder.encode({"compositeRequest": [subrequest]})
    template = f"{base}/composite"
    return Request("POST", template, template=template, repeatable=True, body=body, session=session)


def following(base: str, locator: str, *, session: Session | None = None) -> Request:
    """Return the request for a later page.

    Args:
        base: Path of the API version.
        locator: Names the page, see `locator_of`.
        session: The session that the result belongs to.

    """
    template = f"{base}/query/{{locator}}"
    return Request("GET", f"{base}/query/{locator}", template=template, repeatable=True, session=session)


def locator_of(base: str, next_records_url: str | None, *, org: str) -> str:
    """Return what names the next page, or nothing if there is none.

    Args:
        base: Path of the API version.
        next_records_url: What the page before named.
        org: The org's configured name, for errors.

    Raises:
        UpstreamProtocolError: The URL is not a path of the query resource, so the token must not be sent there.

    """
    if next_records_url is None:
        return ""
    locator = next_records_url.removeprefix(f"{base}/query/")
    is_name = locator.isascii() and locator.replace("-", "").isalnum() and len(locator) <= _LONGEST_LOCATOR
    if locator == next_records_url or not is_name:
        raise UpstreamProtocolError("a page names a next page outside the query resource", metadata={"org": org})
    return locator


def decoder(row: type[Row]) -> "msgspec.json.Decoder[Page[Row]]":
    """Return a decoder of pages whose rows are of the given type."""
    return msgspec.json.Decoder(Page[row])  # type: ignore[valid-type]


def parse_first(
    request: Request, response: Response, pages: "msgspec.json.Decoder[Page[Row]]", *, org: str
) -> Page[Row]:
    """Return the first page.

    Args:
        request: What `first` returned.
        response: The answer to it.
        pages: Decodes the page.
        org: The org's configured name.

    Raises:
        service.errors.SluicegateError: Salesforce refused the query, the page does not fit the description, or the
            result ends before its last page.

    """
    if request.method == "GET" or response.status != _OK:
        return _parse(response, pages, org=org)
    try:
        (answer,) = _composite.decode(response.content).compositeResponse
    except (*UNREADABLE, ValueError) as error:
        raise UpstreamProtocolError("the answer to a long query cannot be read", metadata={"org": org}) from error
    return _parse(Response(answer.httpStatusCode, {}, bytes(answer.body)), pages, org=org)


def parse_following(response: Response, pages: "msgspec.json.Decoder[Page[Row]]", *, org: str) -> Page[Row]:
    """Return a later page.

    Raises:
        QueryNotResumable: Salesforce no longer holds the result: its session ended, two days are over, or the org's
            user has begun ten others since.
        service.errors.SluicegateError: As for `parse_first`.

    """
    if response.status != _OK:
        found = faults.read(response.content)
        code = found[0].code if found else ""
        if code == _LOST or (response.status == _UNAUTHORIZED and faults.is_dead_session(response)):
            raise QueryNotResumable(
                "Salesforce no longer holds the rest of the result", metadata={"org": org, "cause": code}
            )
    return _parse(response, pages, org=org)


def _parse(response: Response, pages: "msgspec.json.Decoder[Page[Row]]", *, org: str) -> Page[Row]:
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        page = pages.decode(response.content)
    except UNREADABLE as error:
        raise UpstreamProtocolError(
            "a page of the result does not fit the description of its fields", metadata={"org": org}
        ) from error
    if page.done != (page.nextRecordsUrl is None):
        problem = "is the last and names a next one" if page.done else "names no next page and is not the last"
        raise UpstreamProtocolError(f"a page {problem}", metadata={"org": org})
    return page
