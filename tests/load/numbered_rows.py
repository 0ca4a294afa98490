"""A process that answers like an org of any number of leads, made when they are asked for.

It knows one query: leads in the order of their ids, from an id on, page by page or by a query job. It misbehaves when
it is told to: `GET /forget` gives up every result that was begun, `/revoke` ends the session and what it holds open,
`/break?answers=3` resets the connections of the next three answers with rows in their middle, `/shorten?answers=1` lets
the next part of a job lack its last row, and between `/hold?jobs=1` and `/hold?jobs=0` no job gets done. From
`/gate?rows=1000` on no row is sent behind the first thousand until the gate is moved. `/counts` tells how often it was
logged in to, and how many queries and jobs were begun, connections reset and sessions refused. `/begin?rows=1000` makes
it another org, which has a thousand leads and behaves.
"""

import argparse
import asyncio
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

import uvloop

from tests.load.http_server import Answer, Asked, HttpConnection
from tests.load.lead import BASE, description

PAGE_ROWS = 2000
PART_ROWS = 5_000
SOQL = "SELECT LastName, Company, NumberOfEmployees, Email FROM Lead"
"""What may be asked; the service adds the order."""

_JOBS = f"{BASE}/jobs/query"
_AFTER = re.compile(r"Id > '00Q(\d{15})'")
_SELECT = re.compile(r"SELECT (.+?) FROM")
_TOKEN = re.compile(rb"(?i)\r\nauthorization: bearer (\S+)")
_HEADERS = b"Content-Type: application/json;charset=UTF-8\r\nSforce-Limit-Info: api-usage=18/500000\r\n"


def _refused(status: str, code: str, message: str) -> Answer:
    return Answer(json.dumps([{"errorCode": code, "message": message}]).encode(), status)


_DEAD = _refused("401 Unauthorized", "INVALID_SESSION_ID", "Session expired or invalid")
_LOST = _refused("400 Bad Request", "INVALID_QUERY_LOCATOR", "invalid query locator")
_NO_JOB = _refused("404 Not Found", "NOT_FOUND", "The requested resource does not exist")


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query from one on."""

    first: int
    """Number of the first row."""
    columns: tuple[str, ...]


class NumberedRows:
    """Answers queries of leads that are numbered from 0.

    Args:
        rows: How many leads there are.

    """

    def __init__(self, rows: int) -> None:
        self.url = ""
        self._rows = rows
        self._sessions = 1
        self._cursors: dict[str, Result] = {}
        """By what their locators begin with."""
        self._jobs: dict[str, Result] = {}
        self._serial = itertools.count(1)
        self._is_held = False
        self._gate = rows
        self._opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the gate is moved."""
        self._breaks = 0
        self._shortens = 0
        self._counts: Counter[str] = Counter()
        self._description = description()

    def answer(self, asked: Asked) -> Answer:
        """Answer any request."""
        url = urlsplit(asked.target)
        if not url.path.startswith(BASE):
            return self._told(url.path, int(parse_qs(url.query or "n=0").popitem()[1][0]))
        token = _TOKEN.search(asked.head)
        if token is None or token[1].decode() != self._token:
            self._counts["refused"] += 1
            return _DEAD
        if url.path == f"{BASE}/sobjects/Lead/describe":
            return Answer(self._description)
        if url.path.startswith(_JOBS):
            return self._job(asked, url.path, parse_qs(url.query))
        if url.path == f"{BASE}/query":
            self._counts["queries"] += 1
            name = f"01g{next(self._serial):05d}"
            self._cursors[name] = _result(unquote(parse_qs(url.query)["q"][0]))
            return self._page(name, 0)
        name, _, start = url.path.rpartition("/")[2].partition("-")
        return self._page(name, int(start)) if name in self._cursors else _LOST

    @property
    def _token(self) -> str:
        return f"00D!{self._sessions}"

    def _told(self, path: str, number: int) -> Answer:
        """Log in, or misbehave from now on."""
        if path == "/counts":
            return Answer(json.dumps(self._counts).encode())
        if path == "/services/oauth2/token":
            self._counts["logins"] += 1
            return Answer(json.dumps({"access_token": self._token, "instance_url": self.url}).encode())
        self._obey(path, number)
        return Answer(b"{}")

    def _obey(self, path: str, number: int) -> None:
        if path in {"/revoke", "/begin"}:
            self._sessions += 1
        if path in {"/forget", "/revoke", "/begin"}:
            self._cursors.clear()
        if path in {"/forget", "/begin"}:
            self._jobs.clear()
        if path == "/begin":
            self._begin(number)
        if path == "/hold":
            self._is_held = number > 0
        if path == "/gate":
            self._gate = min(number, self._rows)
            self._opening.set_result(None)
            self._opening = asyncio.get_running_loop().create_future()
        if path == "/break":
            self._breaks = number
        if path == "/shorten":
            self._shortens = number

    def _begin(self, rows: int) -> None:
        self._rows = self._gate = rows
        self._is_held = False
        self._breaks = self._shortens = 0
        self._counts.clear()

    def _page(self, name: str, start: int) -> Answer:
        found = self._cursors[name]
        total = self._rows - found.first
        end = min(start + PAGE_ROWS, total)
        if found.first + start < self._gate:
            # A page may have fewer rows than were asked for.
            end = min(end, self._gate - found.first)
        records = ",".join(_record(found.first + number) for number in range(start, end))
        following = f'"nextRecordsUrl":"{BASE}/query/{name}-{end}",' if end < total else ""
        done = str(end == total).lower()
        body = f'{{"totalSize":{total},"done":{done},{following}"records":[{records}]}}'
        return self._sent(Answer(body.encode()), found.first + end)

    def _job(self, asked: Asked, path: str, query: dict[str, list[str]]) -> Answer:
        if asked.method == "POST":
            self._counts["jobs"] += 1
            name = f"750{next(self._serial):015d}"
            self._jobs[name] = _result(json.loads(asked.body)["query"])
            return _told_of(name, "UploadComplete", 0)
        name, _, part = path.removeprefix(f"{_JOBS}/").partition("/")
        found = self._jobs.get(name)
        if found is None:
            return _NO_JOB
        if part == "results":
            return self._part(found, int(query.get("locator", ["0"])[0]))
        if part:
            return _NO_JOB
        if asked.method == "DELETE":
            del self._jobs[name]
            return Answer(status="204 No Content")
        return _told_of(name, *(("InProgress", 0) if self._is_held else ("JobComplete", self._rows - found.first)))

    def _part(self, found: Result, start: int) -> Answer:
        total = self._rows - found.first
        end = min(start + PART_ROWS, total)
        lines = [
            ",".join(f'"{_values(found.first + number)[name]}"' for name in found.columns)
            for number in range(start, end)
        ]
        headers = f"Sforce-NumberOfRecords: {end - start}\r\nSforce-Locator: {end if end < total else 'null'}\r\n"
        if self._shortens:
            self._shortens -= 1
            lines.pop()
        head = ",".join(f'"{name}"' for name in found.columns)
        body = "".join(f"{line}\n" for line in (head, *lines))
        return self._sent(Answer(body.encode(), headers=headers.encode()), found.first + end)

    def _sent(self, answer: Answer, end: int) -> Answer:
        """Return an answer with rows up to one, as it is sent."""
        if end > self._gate:
            return replace(answer, after=self._opening)
        if not self._breaks:
            return answer
        self._breaks -= 1
        self._counts["resets"] += 1
        return replace(answer, broken_at=len(answer.body) // 2)


def _result(soql: str) -> Result:
    after = _AFTER.search(soql)
    select = _SELECT.search(soql)
    assert select is not None
    return Result(int(after[1]) + 1 if after else 0, tuple(select[1].split(", ")))


def _told_of(job: str, state: str, rows: int) -> Answer:
    return Answer(json.dumps({"id": job, "state": state, "numberRecordsProcessed": rows}).encode())


def _values(number: int) -> dict[str, object]:
    return {
        "LastName": f"N{number}",
        "Company": f"Company of {number}",
        "NumberOfEmployees": number % 1000,
        "Email": f"n{number}@example.com",
        "Id": f"00Q{number:015d}",
    }


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
