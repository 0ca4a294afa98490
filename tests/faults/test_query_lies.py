"""Queries of an org that says what is not so: a clear error in a moment, nothing short, double or endless."""

import gzip
import itertools
import resource
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.load.lead import BASE
from tests.support.lying_org import Answering, LyingOrg, always, lying, named, page, read, told

QUERY = f"{BASE}/query/"
ONE = named("a")
MIB = 1_048_576


def raw(body: bytes, **headers: str) -> Answering:
    """Answer everything with the same bytes."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Type": "application/json", **headers})

    return answer


def row(cell: str, field: str = "LastName") -> bytes:
    """Return a page of one row as JSON, of which one cell is written by hand."""
    return f'{{"totalSize":1,"done":true,"records":[{{"Id":"00Q000000000001AAA","{field}":{cell}}}]}}'.encode()


async def failed(tmp_path: Path, answer: Answering, **request: Any) -> tuple[int, str, LyingOrg]:
    """Run a query that fails as what Salesforce must not say; return the rows before, what was told, and the org."""
    async with lying(answer, tmp_path) as (org, channel):
        seen, failure = await read(channel, **request)

    assert failure is not None
    assert ("INTERNAL", "UPSTREAM_PROTOCOL_ERROR") == (failure.code, failure.reason)
    return sum(response.batch.row_count for response in seen), failure.message, org


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example{QUERY}01gA-1",
        f"//evil.example{QUERY}01gA-1",
        f"{QUERY}../../../../admin",
        f"{QUERY}%2e%2e/admin",
        f"{QUERY}01gA?q=SELECT",
        f"{QUERY}01gA\r\nX-Evil: 1",
        f"{QUERY}01gÄ-1",
        f"{QUERY}{'0' * 201}",
        "",
    ],
)
async def test_only_pages_of_the_query_resource_are_followed(tmp_path, url):
    """The token goes nowhere but where it belongs, whatever a page names as its next one."""
    _, message, org = await failed(tmp_path, always(page(ONE, totalSize=2, nextRecordsUrl=url)))

    assert "outside the query resource" in message
    assert 1 == len(org.asked)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
async def test_pages_in_a_circle_end(tmp_path, length):
    """A page that comes again and again, by itself or with others, is noticed."""
    pages = {f"01gA-{number}": f"01gA-{(number + 1) % length}" for number in range(length)}

    async def answer(request: web.Request) -> web.StreamResponse:
        following = pages.get(request.path.removeprefix(QUERY), "01gA-0")
        return web.json_response(page(ONE, totalSize=2**31 - 1, nextRecordsUrl=QUERY + following))

    _, message, org = await failed(tmp_path, answer)

    assert "name each other in a circle" in message
    assert 4 * length + 4 > len(org.asked)


@pytest.mark.parametrize(
    ("document", "rows", "words"),
    [
        (page(ONE, totalSize=5), 0, "has 1 rows where Salesforce counted 5"),
        (page(ONE, totalSize=0), 0, "more rows than the 0"),
        (page(ONE, totalSize=-1), 0, "more rows than the -1"),
        (page(ONE, done=True, nextRecordsUrl=f"{QUERY}01gA-1"), 0, "is the last and names a next one"),
        (page(ONE, done=False), 0, "names no next page and is not the last"),
        (page([], totalSize=1, nextRecordsUrl=f"{QUERY}01gA-1"), 0, "without rows names a next one"),
        (page(ONE, totalSize=2**31), 0, "does not fit"),
        (page(ONE, totalSize="1"), 0, "does not fit"),
        (page(named(5)), 0, "does not fit"),
        (page([{"Id": "00Q000000000001AAA"}]), 0, "does not fit"),
        ({"totalSize": 1, "done": True, "records": [None]}, 0, "does not fit"),
        ({"totalSize": 1, "done": True, "records": None}, 0, "does not fit"),
        ([], 0, "does not fit"),
    ],
)
async def test_a_page_that_contradicts_itself_is_an_error(tmp_path, document, rows, words):
    """Nothing is guessed: rows that are missing, too many or of other types end the call, and with what is wrong."""
    found, message, _ = await failed(tmp_path, always(document))

    assert rows == found
    assert words in message


async def test_more_rows_than_were_counted_are_not_sent(tmp_path):
    """Pages that go on behind the end of the result end the call there."""
    numbers = iter(range(100))

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(page(ONE, totalSize=4, nextRecordsUrl=f"{QUERY}01gA-{next(numbers)}"))

    rows, message, org = await failed(tmp_path, answer)

    assert 4 == rows
    assert "more rows than the 4" in message
    assert 7 > len(org.asked)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"[" * MIB, "LastName"),
        (b'{"x":' + b"[" * MIB + b"]" * MIB + b',"totalSize":0,"done":true,"records":[]}', "LastName"),
        (row('{"a":' * MIB + "1" + "}" * MIB), "LastName"),
        (row('"\\ud800"'), "LastName"),
        (row('"?"').replace(b"?", b"\xff"), "LastName"),
        (row("NaN", "AnnualRevenue"), "AnnualRevenue"),
        (row("1e999999999", "AnnualRevenue"), "AnnualRevenue"),
        (row('{"a":1}', "AnnualRevenue"), "AnnualRevenue"),
        (row("1e400", "NumberOfEmployees"), "NumberOfEmployees"),
        (row(str(2**70), "NumberOfEmployees"), "NumberOfEmployees"),
        (row('"true"', "IsConverted"), "IsConverted"),
    ],
    ids=[f"body {number}" for number in range(11)],
)
async def test_what_is_no_page_is_an_error(tmp_path, body, field):
    """Neither endless nesting nor numbers without an end nor broken text do more than end the call."""
    await failed(tmp_path, raw(body), soql=f"SELECT {field} FROM Lead")


@cache
def _zipped(mib: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b"a" * MIB) for _ in range(mib)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "gzip,gzip,gzip", "deflate", "br"])
async def test_a_page_that_unpacks_to_gigabytes_is_stopped(tmp_path, coding):
    """What a page may have is counted unpacked, and nothing is unpacked twice."""
    body = _zipped(512)
    for _ in range(coding.count(",")):
        body = gzip.compress(body)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    _, message, _ = await failed(tmp_path, raw(body, **{"Content-Encoding": coding}))

    assert "more than 67,108,864 bytes" in message or "an encoding that nobody asked for" in message
    assert 192 * 1024 > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_restarts_that_lead_in_a_circle_end(tmp_path, length):
    """An org that gives up every result, and begins anew with rows that were sent, is noticed."""
    numbers = itertools.cycle(named(*"abcde"[:length]))

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith(QUERY):
            return told("INVALID_QUERY_LOCATOR")
        return web.json_response(page([next(numbers)], totalSize=1000, nextRecordsUrl=f"{QUERY}01gA-1"))

    rows, message, _ = await failed(tmp_path, answer)

    assert "brought the rows that were sent before" in message
    assert 4 * length + 4 > rows
