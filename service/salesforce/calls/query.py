"""Query pages (Salesforce REST API, "Query" and "Query More Results")."""

from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from service.errors import UpstreamProtocolError
from service.salesforce import faults
from service.salesforce.answers import UNREADABLE, Int32
from service.salesforce.transport.base import Request, Response

Row = TypeVar("Row")
_OK = 200


class Page(msgspec.Struct, Generic[Row]):
    """A page of rows."""

    totalSize: Int32  # noqa: N815 - Salesforce's spelling
    done: bool
    records: list[Row]
    nextRecordsUrl: str | None = None  # noqa: N815 - Salesforce's spelling


def first(base: str, soql: str, *, page_size: int, include_deleted: bool) -> Request:
    """Return the request for a query's first page.

    Args:
        base: Path of the API version, `/services/data/v66.0`.
        soql: The query with its parameters bound.
        page_size: Rows a page, 200 to 2,000; Salesforce may send fewer.
        include_deleted: Also read the recycle bin and archived activities.

    """
    resource = "queryAll" if include_deleted else "query"
    return Request(
        "GET",
        f"{base}/{resource}?q={quote(soql, safe='')}",
        template=f"{base}/{resource}",
        repeatable=True,
        headers={"Sforce-Query-Options": f"batchSize={page_size}"},
    )


def following(base: str, next_records_url: str, *, org: str) -> Request:
    """Return the request for a later page.

    Args:
        base: Path of the API version.
        next_records_url: What the page before named.
        org: The org's configured name, for errors.

    Raises:
        UpstreamProtocolError: The URL is not a path of the query resource, so the token must not be sent there.

    """
    prefix = f"{base}/query/"
    locator = next_records_url.removeprefix(prefix)
    if locator == next_records_url or not locator.replace("-", "").isalnum():
        raise UpstreamProtocolError("a page names a next page outside the query resource", metadata={"org": org})
    return Request("GET", prefix + locator, template=f"{base}/query/{{locator}}", repeatable=True)


def decoder(row: type[Row]) -> "msgspec.json.Decoder[Page[Row]]":
    """Return a decoder of pages whose rows are of the given type."""
    return msgspec.json.Decoder(Page[row])  # type: ignore[valid-type]


def parse(response: Response, pages: "msgspec.json.Decoder[Page[Row]]", *, org: str) -> Page[Row]:
    """Return a page.

    Raises:
        service.errors.SluicegateError: Salesforce refused the query, the page does not fit the description, or the
            result ends before its last page.

    """
    if response.status != _OK:
        raise faults.from_response(response, org=org)
    try:
        page = pages.decode(response.content)
    except UNREADABLE as error:
        raise UpstreamProtocolError(
            "a page of the result does not fit the description of its fields", metadata={"org": org}
        ) from error
    if not page.done and page.nextRecordsUrl is None:
        raise UpstreamProtocolError("a page names no next page and is not the last", metadata={"org": org})
    return page
