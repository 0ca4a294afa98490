"""An emulated org without a socket that hands its results out in small pages, and gives them up when told."""

from collections.abc import Collection
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import orjson

from service.clock import Clock
from service.context import CallContext
from service.emulator.faults import SalesforceFault
from service.emulator.json_text import render
from service.emulator.org import Org
from service.salesforce.calls import describe
from service.salesforce.calls.describe import SObject
from service.salesforce.transport.base import Request, Response

BASE = "/services/data/v66.0"


class PagedOrg:
    """Answers queries as Salesforce does; a `Transport`.

    Args:
        org: What is asked.
        page_size: Rows a page, whatever is asked for.
        lost: Which of the later pages are not there any more, by how many were asked for before, from 0.
        clock: Dates the answers; None for an org that does not tell the time.

    """

    def __init__(self, org: Org, *, page_size: int, lost: Collection[int] = (), clock: Clock | None = None) -> None:
        self._org = org
        self._clock = clock
        self.page_size = page_size
        self._lost = lost
        self._results: dict[str, tuple[list[dict[str, object]], int]] = {}
        self.later = 0
        """How many later pages were asked for."""
        self.queries: list[str] = []
        """What was asked, the first pages only."""
        self.composites = 0
        """How many of them came in composite calls."""
        self.refuses = ""
        """What a query may not hold."""
        self.miscounts = 0
        """By how many rows the size of results is wrong that begin from now on."""

    def forget(self) -> None:
        """Give every result up."""
        self._results.clear()

    async def send(self, request: Request, _context: CallContext) -> Response:
        """Answer a query, a later page or a composite call with one query."""
        response = self._answer(request)
        if self._clock is not None and request.session is not None:
            dated = replace(response, headers={"date": formatdate(self._clock.now(), usegmt=True)})
            request.session.open("00D!paged", dated, 0.25)
        return response

    def _answer(self, request: Request) -> Response:
        if request.method == "POST":
            assert isinstance(request.body, bytes)
            self.composites += 1
            (inner,) = orjson.loads(request.body)["compositeRequest"]
            answer = self._get(inner["url"])
            part = {"httpStatusCode": answer.status, "body": orjson.loads(answer.content), "referenceId": "query"}
            return Response(200, {}, render({"compositeResponse": [part]}))
        return self._get(request.path)

    async def describe(self, name: str) -> SObject:
        """Describe an sObject, as Salesforce's JSON says it."""
        content = render(self._org.describe(name, "66.0", instance_url="https://acme.example"))
        return describe.parse(Response(200, {}, content), org="prod", sobject=name)

    def _get(self, path: str) -> Response:
        url = urlsplit(path)
        if url.query:
            soql = parse_qs(url.query)["q"][0]
            self.queries.append(soql)
            if self.refuses and self.refuses in soql:
                return _refused("MALFORMED_QUERY", f"unexpected token: {self.refuses}")
            try:
                found = self._org.query(soql, include_deleted="queryAll" in url.path)
            except SalesforceFault as fault:
                return _refused(fault.error_code, fault.message)
            locator = f"01g{len(self.queries):04}"
            self._results[locator] = (list(found.rows), found.total_size + self.miscounts)
            return self._page(locator, 0)
        locator, _, start = url.path.removeprefix(f"{BASE}/query/").partition("-")
        self.later += 1
        if self.later - 1 in self._lost:
            self._results.pop(locator, None)
        return self._page(locator, int(start))

    def _page(self, locator: str, start: int) -> Response:
        if locator not in self._results:
            return _refused("INVALID_QUERY_LOCATOR", "invalid query locator")
        rows, total = self._results[locator]
        end = start + self.page_size
        page: dict[str, object] = {"totalSize": total, "done": end >= len(rows)}
        if end < len(rows):
            page["nextRecordsUrl"] = f"{BASE}/query/{locator}-{end}"
        return Response(200, {}, render({**page, "records": rows[start:end]}))


def _refused(code: str, message: str) -> Response:
    return Response(400, {}, orjson.dumps([{"errorCode": code, "message": message}]))
