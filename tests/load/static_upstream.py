"""A process that answers like Salesforce at next to no cost: every body is made once.

It checks nothing; whether the service's requests are right is the business of the emulator and its tests. It counts
what it was asked, and `GET /counts` tells.
"""

import asyncio
import json
import re
from collections import Counter

import uvloop
from aiohttp import web

RECORD_ID = "00Q000000000001AAA"
PAGE_ROWS = 2000
PAGES = 100
FIELDS = {
    "Id": "id",
    "Ext__c": "string",
    "FirstName": "string",
    "LastName": "string",
    "Company": "string",
    "Email": "email",
    "Status": "picklist",
    "NumberOfEmployees": "int",
    "AnnualRevenue": "currency",
    "IsConverted": "boolean",
    "CreatedDate": "datetime",
}
"""The columns of every query, with their types in describe."""
SOQL = f"SELECT {', '.join(FIELDS)} FROM Lead LIMIT {{rows}}"
"""A query whose result has `rows` rows, at most 200,000."""

_BASE = "/services/data/v66.0"
_SAVED = f'{{"id":"{RECORD_ID}","success":true,"errors":[],"created":false}}'.encode()
_UPSERT = re.compile(r"/sobjects/\w+/\w+/[^/]+$")
_LIMIT = re.compile(r"LIMIT (\d+)")
_HEADERS = {"Content-Type": "application/json;charset=UTF-8", "Sforce-Limit-Info": "api-usage=18/5000"}


def _row(number: int) -> dict[str, object]:
    return {
        "attributes": {"type": "Lead", "url": f"{_BASE}/sobjects/Lead/00Q{number:012d}AAA"},
        "Id": f"00Q{number:012d}AAA",
        "Ext__c": f"L-{number:06d}",
        "FirstName": None if number % 7 == 0 else "Zoë",
        "LastName": f"Sørensen {number}",
        "Company": f"Übersee Handel {number % 100} GmbH",
        "Email": f"zoe.{number}@example.com",
        "Status": "Open - Not Contacted",
        "NumberOfEmployees": number % 5000,
        "AnnualRevenue": number * 12.5,
        "IsConverted": number % 3 == 0,
        "CreatedDate": "2026-03-01T12:34:56.000+0000",
    }


class Answers:
    """Bodies by request."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.url = ""
        self._records = json.dumps([_row(number) for number in range(PAGE_ROWS)], ensure_ascii=False).encode()
        self._pages: dict[tuple[int, int], bytes] = {}
        fields: list[dict[str, object]] = [
            {"name": name, "type": kind, "precision": 15, "relationshipName": None, "referenceTo": []}
            for name, kind in FIELDS.items()
        ]
        self._describe = json.dumps({"name": "Lead", "fields": fields}).encode()

    def _prepare(self, pages: int) -> None:
        for page in range(1, pages + 1):
            if (page, pages) not in self._pages:
                following = f'"nextRecordsUrl":"{_BASE}/query/01g{pages:03d}-{page + 1}",' if page < pages else ""
                head = f'{{"totalSize":{pages * PAGE_ROWS},"done":{str(page == pages).lower()},{following}"records":'
                self._pages[page, pages] = head.encode() + self._records + b"}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        path = request.path
        body = await request.read()
        if request.method == "PATCH" and _UPSERT.search(path):
            self.counts["upsert"] += 1
            return _json(_SAVED)
        if "/composite/sobjects/" in path:
            self.counts["collection"] += 1
            rows = len(json.loads(body)["records"])
            self.counts["collection_rows"] += rows
            return _json(b"[" + b",".join([_SAVED] * rows) + b"]")
        if path == "/services/oauth2/token":
            return _json(json.dumps({"access_token": "00D!load", "instance_url": self.url}).encode())
        if path.endswith("/describe"):
            return _json(self._describe)
        if path.startswith(f"{_BASE}/query"):
            self.counts["query"] += 1
            locator = path.removeprefix(f"{_BASE}/query").strip("/")
            return _json(self._page(locator, request.query.get("q", "")))
        if path == "/counts":
            return _json(json.dumps(self.counts).encode())
        return web.Response(status=404)

    def _page(self, locator: str, soql: str) -> bytes:
        if locator:
            pages, page = locator.removeprefix("01g").split("-")
            return self._pages[int(page), int(pages)]
        limit = _LIMIT.search(soql)
        pages_wanted = min(PAGES, -(-int(limit[1]) // PAGE_ROWS)) if limit else PAGES
        self._prepare(pages_wanted)
        return self._pages[1, pages_wanted]


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, headers=_HEADERS)


async def serve() -> None:
    """Serve on a free port until the process is ended; print the address first."""
    answers = Answers()
    runner = web.ServerRunner(web.Server(answers.answer, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    answers.url = f"http://{host}:{port}"
    print(json.dumps({"url": answers.url}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
