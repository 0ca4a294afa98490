"""A process that answers like Salesforce at next to no cost: every body, or nearly all of it, is made once.

It checks nothing; whether the service's requests are right is the business of the emulator and its tests. It counts
what it was asked, and `GET /counts` tells: calls and rows by kind, and how many calls carried how many rows.
Writes, and reads of one record, are answered after the latency that `--latency-ms` or, from then on,
`POST /latency?ms=…` says. With `&spread=0.5` each takes up to half as long more or less; with `&slots=…` no more than
so many are worked on at a time. Pages of query results are answered after what `POST /page-latency?ms=…` says, the rest
at once. From `POST /outage?on=1` until `POST /outage?on=0` every call to the API fails.
"""

import argparse
import asyncio
import heapq
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.load.http_server import Answer, Asked, HttpConnection
from tests.load.lead import BASE, COLUMNS, description, row

RECORD_ID = "00Q000000000001AAA"
PAGE_ROWS = 2000
SOQL = f"SELECT {', '.join(COLUMNS)} FROM Lead LIMIT {{rows}}"
"""A query whose result has `rows` rows, in whole pages."""

_SAVED = f'{{"id":"{RECORD_ID}","success":true,"errors":[],"created":false}}'.encode()
_RECORD = f'{{"attributes":{{"type":"Lead"}},"Id":"{RECORD_ID}","LastName":"Curie"}}'.encode()
_ROW_MARK = b'"attributes"'
"""Stands once in each row of a collection."""
_LIMIT = re.compile(r"LIMIT (\d+)")
_HEADERS = b"Content-Type: application/json;charset=UTF-8\r\nSforce-Limit-Info: api-usage=18/10000000\r\n"
"""So many calls are left that the service never holds one back for their price."""
_MILLISECONDS = 1000
_NO_SUCH_RESOURCE = Answer(
    b'[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]', "404 Not Found"
)
_OUT_OF_ORDER = Answer(b"<html><body>Service Unavailable</body></html>", "503 Service Unavailable")


@cache
def _saved(rows: int) -> bytes:
    return b"[" + b",".join([_SAVED] * rows) + b"]"


class Pages:
    """The pages of query results; the rows of each are the same, and made once."""

    def __init__(self) -> None:
        rows = [row(number) for number in range(PAGE_ROWS)]
        self._records = json.dumps(rows, ensure_ascii=False).encode() + b"}"

    def first(self, soql: str) -> Answer:
        """Return the first page of the result of a query with a LIMIT."""
        limit = _LIMIT.search(soql)
        return self._page(1, -(-int(limit[1]) // PAGE_ROWS) if limit else 1)

    def following(self, locator: str) -> Answer:
        """Return the page that a page before named."""
        pages, page = locator.removeprefix("01g").split("-")
        return self._page(int(page), int(pages))

    def _page(self, page: int, pages: int) -> Answer:
        following = f'"nextRecordsUrl":"{BASE}/query/01g{pages:03d}-{page + 1}",' if page < pages else ""
        head = f'{{"totalSize":{pages * PAGE_ROWS},"done":{str(page == pages).lower()},{following}"records":'
        return Answer(head.encode(), tail=self._records)


class Slots:
    """Work that is done so many pieces at a time, first come, first served, whether or not anyone still waits for it.

    Args:
        count: Pieces at a time; 0 for any number.

    """

    def __init__(self, count: int = 0) -> None:
        self._free_at = [0.0] * count
        """When each slot will be free; a heap."""

    def done_in(self, seconds: float, now: float) -> float:
        """Take a piece of work that takes so long, and return in how many seconds it will be done."""
        if not self._free_at:
            return seconds
        end = max(now, self._free_at[0]) + seconds
        heapq.heapreplace(self._free_at, end)
        return end - now


class StaticUpstream:
    """Answers and counts.

    Args:
        latency_seconds: How long each write and each read of one record takes.

    """

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self.url = ""
        self._latency_seconds = latency_seconds
        self._page_latency_seconds = 0.0
        self._spread = 0.0
        self._chance = Random(7)
        self._slots = Slots()
        self._is_out_of_order = False
        self._calls: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._pages = Pages()
        self._description = description()
        self._exact: dict[str, Callable[[Asked], Answer]] = {
            "/services/oauth2/token": self._token,
            "/counts": self._counts,
            "/latency": self._set_latency,
            "/page-latency": self._set_page_latency,
            "/outage": self._set_outage,
            f"{BASE}/query": self._query,
            f"{BASE}/query/": self._query,
            f"{BASE}/composite/sobjects": self._collection,
            f"{BASE}/composite": self._composite,
            f"{BASE}/composite/graph": self._graph,
            f"{BASE}/sobjects/Lead/describe": lambda _: self._read("describe", self._description),
        }

    def answer(self, asked: Asked) -> Answer:
        """Answer any request."""
        path = asked.target.partition("?")[0]
        if self._is_out_of_order and path.startswith(BASE):
            self._calls["outage"][0] += 1
            return _OUT_OF_ORDER
        exact = self._exact.get(path)
        if exact is not None:
            return exact(asked)
        if path.startswith(f"{BASE}/composite/sobjects/"):
            return self._collection(asked)
        if path.startswith(f"{BASE}/sobjects/"):
            if asked.method == "GET":
                return self._worked("record", 0, _RECORD)
            return self._worked("single", 1, _SAVED, "201 Created" if asked.method == "POST" else "200 OK")
        if path.startswith(f"{BASE}/query/"):
            return self._paged(self._pages.following(path.rpartition("/")[2]))
        return _NO_SUCH_RESOURCE

    def _query(self, asked: Asked) -> Answer:
        return self._paged(self._pages.first(_parameter(asked, "q")))

    def _paged(self, page: Answer) -> Answer:
        self._calls["query"][0] += 1
        return replace(page, after_seconds=self._page_latency_seconds)

    def _read(self, kind: str, body: bytes) -> Answer:
        self._calls[kind][0] += 1
        return Answer(body)

    def _worked(self, kind: str, rows: int, body: bytes, status: str = "200 OK") -> Answer:
        self._calls[kind][rows] += 1
        seconds = self._latency_seconds
        if self._spread:
            seconds *= self._chance.uniform(1.0 - self._spread, 1.0 + self._spread)
        return Answer(body, status, self._slots.done_in(seconds, time.monotonic()))

    def _collection(self, asked: Asked) -> Answer:
        ids = _parameter(asked, "ids") if asked.method == "DELETE" else ""
        rows = ids.count(",") + 1 if ids else asked.body.count(_ROW_MARK)
        return self._worked("collection", rows, _saved(rows))

    def _composite(self, asked: Asked) -> Answer:
        answers = _subanswers(json.loads(asked.body)["compositeRequest"])
        return self._worked("composite", len(answers), json.dumps({"compositeResponse": answers}).encode())

    def _graph(self, asked: Asked) -> Answer:
        graphs = [
            {
                "graphId": graph["graphId"],
                "graphResponse": {"compositeResponse": _subanswers(graph["compositeRequest"])},
                "isSuccessful": True,
            }
            for graph in json.loads(asked.body)["graphs"]
        ]
        rows = sum(len(graph["graphResponse"]["compositeResponse"]) for graph in graphs)
        return self._worked("graph", rows, json.dumps({"graphs": graphs}).encode())

    def _token(self, _: Asked) -> Answer:
        return Answer(json.dumps({"access_token": "00D!load", "instance_url": self.url}).encode())

    def _counts(self, _: Asked) -> Answer:
        counts = {
            kind: {
                "calls": sum(calls.values()),
                "rows": sum(rows * times for rows, times in calls.items()),
                "rows_per_call": {str(rows): times for rows, times in sorted(calls.items())},
            }
            for kind, calls in self._calls.items()
        }
        return Answer(json.dumps(counts).encode())

    def _set_latency(self, asked: Asked) -> Answer:
        self._latency_seconds = float(_parameter(asked, "ms")) / _MILLISECONDS
        self._spread = float(_parameter(asked, "spread") or 0.0)
        self._slots = Slots(int(_parameter(asked, "slots") or 0))
        return Answer(b"{}")

    def _set_page_latency(self, asked: Asked) -> Answer:
        self._page_latency_seconds = float(_parameter(asked, "ms")) / _MILLISECONDS
        return Answer(b"{}")

    def _set_outage(self, asked: Asked) -> Answer:
        self._is_out_of_order = _parameter(asked, "on") == "1"
        return Answer(b"{}")


def _subanswers(requests: list[dict[str, str]]) -> list[dict[str, object]]:
    """Answer each request of a composite as if it were alone."""
    answers: list[dict[str, object]] = []
    for request in requests:
        deleted = request["method"] == "DELETE"
        answers.append(
            {
                "body": None if deleted else json.loads(_SAVED),
                "httpHeaders": {},
                "httpStatusCode": 204 if deleted else 200,
                "referenceId": request["referenceId"],
            }
        )
    return answers


def _parameter(asked: Asked, name: str) -> str:
    return parse_qs(urlsplit(asked.target).query).get(name, [""])[0]


async def serve(latency_seconds: float) -> None:
    """Serve on a free port until the process is ended; print the address first."""
    upstream = StaticUpstream(latency_seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(upstream.answer, _HEADERS), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    upstream.url = f"http://{host}:{port}"
    print(json.dumps({"url": upstream.url}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--latency-ms", type=float, default=0.0, help="how long each write and each read of one record takes"
    )
    uvloop.run(serve(arguments.parse_args().latency_ms / _MILLISECONDS))
