"""A process that answers like an org of any number of leads, made when they are asked for.

It knows one query: leads in the order of their ids, from an id on. `GET /forget` gives up every result that was begun.
"""

import argparse
import asyncio
import itertools
import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import uvloop

from tests.load.http_server import Answer, Asked, HttpConnection
from tests.load.lead import BASE, description

PAGE_ROWS = 2000
SOQL = "SELECT LastName, Company, NumberOfEmployees, Email FROM Lead"
"""What may be asked; the service adds the order."""

_AFTER = re.compile(r"Id > '00Q(\d{15})'")
_HEADERS = b"Content-Type: application/json;charset=UTF-8\r\nSforce-Limit-Info: api-usage=18/500000\r\n"
_LOST = Answer(b'[{"errorCode":"INVALID_QUERY_LOCATOR","message":"invalid query locator"}]', "400 Bad Request")


class NumberedRows:
    """Answers queries of leads that are numbered from 0.

    Args:
        rows: How many leads there are.

    """

    def __init__(self, rows: int) -> None:
        self.url = ""
        self._rows = rows
        self._results: dict[str, int] = {}
        """The number before the first row of each result, by what its locators begin with."""
        self._serial = itertools.count(1)
        self._description = description()

    def answer(self, asked: Asked) -> Answer:
        """Answer any request."""
        path = asked.target.partition("?")[0]
        if path == "/services/oauth2/token":
            return Answer(json.dumps({"access_token": "00D!load", "instance_url": self.url}).encode())
        if path == f"{BASE}/sobjects/Lead/describe":
            return Answer(self._description)
        if path == "/forget":
            self._results.clear()
            return Answer(b"{}")
        if path == f"{BASE}/query":
            soql = unquote(parse_qs(urlsplit(asked.target).query)["q"][0])
            after = _AFTER.search(soql)
            name = f"01g{next(self._serial):05d}"
            self._results[name] = int(after[1]) + 1 if after else 0
            return self._page(name, 0)
        name, _, start = path.rpartition("/")[2].partition("-")
        return self._page(name, int(start)) if name in self._results else _LOST

    def _page(self, name: str, start: int) -> Answer:
        first = self._results[name]
        total = self._rows - first
        end = min(start + PAGE_ROWS, total)
        records = ",".join(_record(first + number) for number in range(start, end))
        following = f'"nextRecordsUrl":"{BASE}/query/{name}-{end}",' if end < total else ""
        done = str(end == total).lower()
        return Answer(f'{{"totalSize":{total},"done":{done},{following}"records":[{records}]}}'.encode())


def _record(number: int) -> str:
    return (
        f'{{"attributes":{{"type":"Lead","url":"{BASE}/sobjects/Lead/00Q{number:015d}"}},"LastName":"N{number}",'
        f'"Company":"Company of {number}","NumberOfEmployees":{number % 1000},"Email":"n{number}@example.com",'
        f'"Id":"00Q{number:015d}"}}'
    )


async def serve(rows: int) -> None:
    """Serve on a free port until the process is ended; print the address first."""
    upstream = NumberedRows(rows)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(upstream.answer, _HEADERS), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    upstream.url = f"http://{host}:{port}"
    print(json.dumps({"url": upstream.url}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000, help="how many leads there are")
    uvloop.run(serve(arguments.parse_args().rows))
