"""Bulk results of an org that says what is not so: a clear error, and no row that is not one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_BULK

from tests.support.lying_org import JOB_ID, Answering, job, lying, part, read
from tests.support.rich_status import Failure

HEAD = b'"LastName"\n'
ROW = HEAD + b'"a"\n'


async def told(tmp_path: Path, answer: Answering, soql: str = "SELECT LastName FROM Lead") -> tuple[list[str], Failure]:
    """Read in bulk; return the names that came, and how the call failed."""
    async with lying(answer, tmp_path) as (_, channel):
        seen, failure = await read(channel, soql, route=QUERY_ROUTE_BULK)

    assert failure is not None
    return [name for response in seen for name in response.batch.columns[0].string_values], failure


@pytest.mark.parametrize(
    ("parts", "names", "words"),
    [
        ({"": (b'"FirstName"\n"a"\n', part(1))}, [], "other columns than were asked for"),
        ({"": (b'"a"\n', part(1))}, [], "other columns than were asked for"),
        ({"": (b'"LastName","Id"\n"a","b"\n', part(1))}, [], "2 columns instead of 1"),
        ({"": (HEAD + b'"a', part(1))}, [], "its quotes do not match"),
        ({"": (HEAD + b'"' + b"a\n" * 200_000, part(1))}, [], "cannot be read as CSV"),
        ({"": (HEAD + b'"\xff"\n', part(1))}, [], "not UTF-8"),
        ({"": (ROW, part(2))}, ["a"], "1 rows where Salesforce counted 2"),
        ({"": (ROW + b'"b"\n', part(1))}, ["a", "b"], "2 rows where Salesforce counted 1"),
        ({"": (b"", part(1))}, [], "0 rows where Salesforce counted 1"),
        ({"": (ROW, {"Sforce-NumberOfRecords": "9" * 5000, "Sforce-Locator": "null"})}, [], "does not tell its rows"),
        ({"": (ROW, {"Sforce-NumberOfRecords": "-1", "Sforce-Locator": "null"})}, [], "does not tell its rows"),
        ({"": (ROW, {"Sforce-Locator": "null"})}, [], "does not tell its rows"),
        ({"": (ROW, {"Sforce-NumberOfRecords": "1"})}, [], "does not tell its rows"),
        ({"": (ROW, part(1, "../../query"))}, [], "no proper locator"),
        ({"": (ROW, part(1, "a" * 201))}, [], "no proper locator"),
        ({"": (ROW, part(1, "b")), "b": (ROW, part(1, "b"))}, ["a", "a"], "in a circle"),
        ({"": (ROW, part(1, "b")), "b": (ROW, part(1))}, ["a", "a"], "2 rows where Salesforce counted 1"),
    ],
)
async def test_a_part_that_is_not_what_it_says_is_an_error(tmp_path, parts, names, words):
    """What came before it stays true, and the call ends with what is wrong."""
    found, failure = await told(tmp_path, job(1, parts))

    assert ("INTERNAL", "UPSTREAM_PROTOCOL_ERROR") == (failure.code, failure.reason)
    assert words in failure.message
    assert names == found


async def test_nuls_that_no_field_can_hold_are_left_out(tmp_path):
    """Salesforce lets them slip into its results."""
    async with lying(job(1, {"": (HEAD + b'"a\0b"\n', part(1))}), tmp_path) as (_, channel):
        seen, failure = await read(channel, route=QUERY_ROUTE_BULK)

    assert failure is None
    assert ["ab"] == list(seen[0].batch.columns[0].string_values)


@pytest.mark.parametrize(
    "said",
    [
        {"id": "../../composite", "state": "UploadComplete"},
        {"id": "750", "state": "UploadComplete"},
        {"id": JOB_ID, "state": 5},
        {"id": JOB_ID, "state": "JobComplete", "numberRecordsProcessed": 2**40},
        [],
    ],
)
async def test_a_job_that_is_none_is_an_error(tmp_path, said: Any):
    """An id goes into paths, so it has to be one."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(said)

    _, failure = await told(tmp_path, answer)

    assert ("INTERNAL", "UPSTREAM_PROTOCOL_ERROR") == (failure.code, failure.reason)


async def test_a_job_without_an_end_ends_with_the_call(tmp_path):
    """It is asked for ever less often, and aborted when the caller's time is over."""
    aborted = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            aborted.set()
        return web.json_response({"id": JOB_ID, "state": "InProgress"})

    async with lying(answer, tmp_path) as (org, channel):
        _, failure = await read(channel, route=QUERY_ROUTE_BULK, seconds=1.5)
        await asyncio.wait_for(aborted.wait(), 20)

    assert failure is not None
    assert "DEADLINE_EXCEEDED" == failure.code
    assert 8 > len(org.asked)
