"""Callers that leave in the middle of a result, or that never come back for it."""

import asyncio
import logging

import pytest
from aiohttp import web
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_BULK, QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from tests.load.lead import BASE
from tests.support.lying_org import JOB_ID, Answering, lying, named, page, part
from tests.support.stage import until

CALLERS = 20
REQUEST = QueryRequest(soql="SELECT LastName FROM Lead", batch_size=50)
WIDE = named(*["x" * 10_000] * 200)


def endless() -> Answering:
    """Answer page after page of megabytes."""
    pages = iter(range(10**9))

    async def answer(_request: web.Request) -> web.StreamResponse:
        following = f"{BASE}/query/01gA-{next(pages)}"
        return web.json_response(page(WIDE, totalSize=2**31 - 1, nextRecordsUrl=following))

    return answer


async def test_who_leaves_while_a_message_is_on_its_way_is_no_error(tmp_path, caplog):
    """Callers come and go: nothing of it stands in the log, and the reading of Salesforce stops."""
    async with lying(endless(), tmp_path) as (org, channel):
        calls = [QueryServiceStub(channel).Query(REQUEST) for _ in range(CALLERS)]
        await asyncio.gather(*(call.read() for call in calls))
        # Until nothing more fits on the way to those who do not read.
        asked = -1
        while asked != len(org.asked):
            asked = len(org.asked)
            await asyncio.sleep(0.2)

        for call in calls:
            call.cancel()
        await asyncio.sleep(0.5)
        left = len(org.asked)
        await asyncio.sleep(0.5)

    assert left == len(org.asked)
    assert 5 * CALLERS > left
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("stuck", [1, 2])
async def test_the_page_that_is_awaited_is_given_up(tmp_path, stuck):
    """Whoever leaves while Salesforce is asked takes the question along, for the first page and for any other."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if stuck == 1 or request.path.startswith(f"{BASE}/query/"):
            await asyncio.Event().wait()
        return web.json_response(page(named("a"), totalSize=2, nextRecordsUrl=f"{BASE}/query/01gA-1"))

    async with lying(answer, tmp_path) as (org, channel):
        call = QueryServiceStub(channel).Query(REQUEST)
        reading = asyncio.ensure_future(call.read())
        await until(lambda: len(org.asked) == stuck)

        call.cancel()
        await asyncio.gather(reading, return_exceptions=True)

        await until(lambda: org.left == 1)
        assert stuck == len(org.asked)


@pytest.mark.parametrize(("stuck", "cleared"), [("POST", "PATCH"), ("GET job", "PATCH"), ("GET results", "DELETE")])
async def test_a_bulk_query_that_is_given_up_leaves_no_job(tmp_path, stuck, cleared):
    """Whenever its caller leaves before the first row, the job is aborted, or deleted if it has ended."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        kind = "results" if request.path.endswith("/results") else "job"
        if stuck in {request.method, f"{request.method} {kind}"}:
            reached.set()
            await go_on.wait()
        if kind == "results":
            return web.Response(body=b'"LastName"\n"a"\n', headers=part(1))
        state = "UploadComplete" if request.method == "POST" else "JobComplete"
        return web.json_response({"id": JOB_ID, "state": state, "numberRecordsProcessed": 1})

    async with lying(answer, tmp_path) as (org, channel):
        request = QueryRequest(soql="SELECT LastName FROM Lead", route=QUERY_ROUTE_BULK)
        call = QueryServiceStub(channel).Query(request)
        reading = asyncio.ensure_future(call.read())
        await asyncio.wait_for(reached.wait(), 30)

        call.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.sleep(0.1)
        go_on.set()

        await until(lambda: org.asked[-1] == f"{cleared} /jobs/query/{JOB_ID}")
