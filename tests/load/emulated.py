"""The emulator alone, by HTTP: rows it takes and gives, and how soon it and a further org are there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import aiohttp

from service.emulator.server import Emulator
from tests.load.figure import Figure
from tests.load.processes import Server, running

_COLLECTION_ROWS = 200
_POLL_SECONDS = 0.05


@dataclass(slots=True)
class _Measured:
    """Rows and seconds of each round of one kind of work."""

    rows: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def figure(self, name: str) -> Figure:
        rates = [rows / seconds for rows, seconds in zip(self.rows, self.seconds, strict=True)]
        share = min(1.0, self.cpu_seconds / sum(self.seconds))
        detail = {
            "rows": self.rows[0],
            "rounds": [round(rate) for rate in rates],
            "cpu_microseconds_per_row": round(1e6 * self.cpu_seconds / sum(self.rows), 1),
            "dominates": f"the emulator's process: {100 * share:.0f} % of the time",
        }
        return Figure(name, round(median(rates)), "rows per second", detail)


async def figures(rounds: int, rows: int) -> AsyncIterator[Figure]:
    """Yield the figures of the emulator.

    Args:
        rounds: Of each kind of work, each in rows of its own; also starts of a process.
        rows: Of one round, a multiple of 200.

    """
    starts: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        async with running("service", "emulate", "--json", "--port", "0"):
            starts.append(time.perf_counter() - began)
    yield _duration("emulator_start_s", starts, "seconds", "importing the modules")
    yield _duration("emulator_new_org_ms", await _new_orgs(), "milliseconds", "the first rows of an org")
    async with running("service", "emulate", "--json", "--port", "0", "--edition", "unlimited") as server:
        headers = {"Authorization": f"Bearer {server.addresses['access_token']}"}
        url = f"{server.addresses['instance_url']}/services/data/v66.0/"
        async with aiohttp.ClientSession(url, headers=headers) as session:
            yield await _rounds("emulator_upsert_rows_per_s", _upserts, server, session, rounds, rows)
            yield await _rounds("emulator_query_rows_per_s", _queries, server, session, rounds, rows)
            yield await _rounds("emulator_bulk_rows_per_s", _bulk, server, session, rounds, rows)


def _duration(name: str, durations: list[float], unit: str, dominates: str) -> Figure:
    detail = {"rounds": [round(each, 3) for each in durations], "dominates": dominates}
    return Figure(name, round(median(durations), 3), unit, detail)


async def _new_orgs() -> list[float]:
    durations = []
    async with Emulator() as emulator:
        for _ in range(20):
            began = time.perf_counter()
            emulator.new_org()
            durations.append(1000 * (time.perf_counter() - began))
    return durations


async def _rounds(
    name: str, work: Any, server: Server, session: aiohttp.ClientSession, rounds: int, rows: int
) -> Figure:
    measured = _Measured()
    before = server.cpu_seconds()
    for number in range(rounds):
        seconds, done = await work(session, number, rows)
        measured.seconds.append(seconds)
        measured.rows.append(done)
    measured.cpu_seconds = server.cpu_seconds() - before
    return measured.figure(name)


def _row(number: int, row: int) -> dict[str, object]:
    return {
        "Ext__c": f"L-{number}-{row}",
        "FirstName": "Zoe",
        "LastName": f"Sorensen {row}",
        "Company": "Uebersee GmbH",
        "Email": f"zoe.{row}@example.com",
        "Phone": "+49 40 123456",
        "NumberOfEmployees": row,
        "AnnualRevenue": 1250000.5,
    }


async def _upserts(session: aiohttp.ClientSession, number: int, rows: int) -> tuple[float, int]:
    bodies = [
        json.dumps(
            {
                "records": [
                    _row(number, row) | {"attributes": {"type": "Lead"}}
                    for row in range(first, first + _COLLECTION_ROWS)
                ]
            }
        )
        for first in range(0, rows, _COLLECTION_ROWS)
    ]
    began = time.perf_counter()
    answers = [await _sent(session, "PATCH", "composite/sobjects/Lead/Ext__c", data=body) for body in bodies]
    seconds = time.perf_counter() - began
    if not all(row["success"] for answer in answers for row in json.loads(answer)):
        raise RuntimeError("a row was refused")
    return seconds, rows


async def _queries(session: aiohttp.ClientSession, _number: int, rows: int) -> tuple[float, int]:
    soql = f"SELECT Id, Ext__c, LastName, Company, Email, NumberOfEmployees, CreatedDate FROM Lead LIMIT {rows}"
    pages = []
    began = time.perf_counter()
    page = json.loads(await _sent(session, "GET", "query", params={"q": soql}))
    while not page["done"]:
        pages.append(page)
        page = json.loads(await _sent(session, "GET", page["nextRecordsUrl"]))
    seconds = time.perf_counter() - began
    done = sum(len(each["records"]) for each in [*pages, page])
    if done != rows:
        raise RuntimeError(f"{done} of {rows} rows came")
    return seconds, done


async def _bulk(session: aiohttp.ClientSession, number: int, rows: int) -> tuple[float, int]:
    names = list(_row(0, 0))
    table = [names, *([str(cell) for cell in _row(-1 - number, row).values()] for row in range(rows))]
    text = "".join(",".join(cells) + "\n" for cells in table).encode()
    order = {"object": "Lead", "operation": "upsert", "externalIdFieldName": "Ext__c", "contentType": "CSV"}
    began = time.perf_counter()
    job = json.loads(await _sent(session, "POST", "jobs/ingest", json=order | {"lineEnding": "LF"}))
    path = f"jobs/ingest/{job['id']}"
    await _sent(session, "PUT", f"{path}/batches", data=text, headers={"Content-Type": "text/csv"})
    await _sent(session, "PATCH", path, json={"state": "UploadComplete"})
    while (job := json.loads(await _sent(session, "GET", path)))["state"] != "JobComplete":  # noqa: ASYNC110 - polled over HTTP
        await asyncio.sleep(_POLL_SECONDS)
    await _sent(session, "GET", f"{path}/successfulResults")
    seconds = time.perf_counter() - began
    if (job["numberRecordsProcessed"], job["numberRecordsFailed"]) != (rows, 0):
        raise RuntimeError("a row was refused")
    return seconds, rows


async def _sent(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> bytes:
    options.setdefault("headers", {"Content-Type": "application/json"})
    async with session.request(method, path, **options) as answer:
        content = await answer.read()
        if not answer.ok:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {content[:300]!r}")
        return content
