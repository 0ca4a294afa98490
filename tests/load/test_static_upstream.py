"""The static upstream answers what the service asks, counts it, and takes as long as it is told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from service.salesforce.calls import describe
from service.salesforce.transport.base import Response
from tests.load.http_server import Asked, HttpConnection
from tests.load.lead import BASE, values
from tests.load.sent import Sent
from tests.load.static_upstream import RECORD_ID, Slots, StaticUpstream

COLLECTION = f"{BASE}/composite/sobjects/Lead/Ext__c"


def _rows(count: int) -> dict[str, Any]:
    return {"records": [{"attributes": {"type": "Lead"}, **values(number)} for number in range(count)]}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of an upstream without latency."""
    upstream = StaticUpstream()
    server = await asyncio.get_running_loop().create_server(lambda: HttpConnection(upstream.answer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client
    server.close()
    await server.wait_closed()


async def _asked(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> Any:
    async with session.request(method, path, **options) as answer:
        return json.loads(await answer.read())


async def test_every_row_of_a_collection_is_answered(session: aiohttp.ClientSession):
    """As many results come back as rows were sent, whatever the number."""
    answers = [await _asked(session, "PATCH", COLLECTION, json=_rows(count)) for count in (1, 7, 200)]

    assert [1, 7, 200] == [len(answer) for answer in answers]
    assert all(row["success"] and row["id"] == RECORD_ID for answer in answers for row in answer)


async def test_rows_per_call_are_counted(session: aiohttp.ClientSession):
    """The counts tell calls from rows, and how the rows were spread over the calls."""
    for count in (3, 3, 200):
        await _asked(session, "PATCH", COLLECTION, json=_rows(count))
    await _asked(session, "DELETE", f"{BASE}/composite/sobjects?ids={RECORD_ID},{RECORD_ID}&allOrNone=false")

    counts = await _asked(session, "GET", "/counts")

    assert {"collection": {"calls": 4, "rows": 208, "rows_per_call": {"2": 1, "3": 2, "200": 1}}} == counts


async def test_a_composite_answers_each_request_by_its_name(session: aiohttp.ClientSession):
    """Answers carry the reference ids of their requests, in order."""
    asked = [
        {"method": "PATCH", "url": f"{BASE}/sobjects/Lead/Ext__c/1", "referenceId": "first", "body": {}},
        {"method": "DELETE", "url": f"{BASE}/sobjects/Lead/Ext__c/2", "referenceId": "second"},
    ]

    answer = await _asked(session, "POST", f"{BASE}/composite", json={"compositeRequest": asked})

    found = [(each["referenceId"], each["httpStatusCode"]) for each in answer["compositeResponse"]]
    assert [("first", 200), ("second", 204)] == found


async def test_writes_take_as_long_as_they_are_told_to(session: aiohttp.ClientSession):
    """The latency holds for writes from when it is set, and for nothing else."""
    await _asked(session, "POST", "/latency?ms=3600000")
    await _asked(session, "GET", f"{BASE}/sobjects/Lead/describe")
    await _asked(session, "POST", "/latency?ms=200")

    began = time.perf_counter()
    await asyncio.gather(*(_asked(session, "PATCH", COLLECTION, json=_rows(1)) for _ in range(50)))
    took = time.perf_counter() - began

    # One after the other they would take ten seconds.
    assert 0.19 < took < 8


async def test_pages_of_results_have_a_latency_of_their_own(session: aiohttp.ClientSession):
    """It holds for every page, and for nothing else."""
    await _asked(session, "POST", "/page-latency?ms=200")
    began = time.perf_counter()
    page = await _asked(session, "GET", f"{BASE}/query", params={"q": "SELECT Id FROM Lead LIMIT 4000"})
    await _asked(session, "GET", page["nextRecordsUrl"])
    took = time.perf_counter() - began
    await _asked(session, "POST", "/page-latency?ms=3600000")
    await _asked(session, "PATCH", COLLECTION, json=_rows(1))

    assert 0.39 < took < 8


async def test_a_result_has_as_many_pages_as_its_limit_says(session: aiohttp.ClientSession):
    """Whole pages of 2,000 rows, each naming the next one but for the last."""
    page = await _asked(session, "GET", f"{BASE}/query", params={"q": "SELECT Id FROM Lead LIMIT 5000"})
    found = [page]
    while not page["done"]:
        page = await _asked(session, "GET", page["nextRecordsUrl"])
        found.append(page)

    assert [2000] * 3 == [len(page["records"]) for page in found]
    assert {6000} == {page["totalSize"] for page in found}


async def test_the_service_reads_the_description(session: aiohttp.ClientSession):
    """Every field that is written is there, and may be written."""
    async with session.get(f"{BASE}/sobjects/Lead/describe") as answer:
        found = describe.parse(Response(200, {}, await answer.read()), org="static", sobject="Lead")

    written = [found.fields[name.lower()] for name in values(0)]
    assert all(field.createable and field.updateable for field in written)
    assert found.fields["ext__c"].is_key


async def test_a_request_may_come_in_pieces():
    """Wherever the network cuts a request, it is answered once it is whole."""
    request = b'PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{"attributes":1}' % COLLECTION.encode()
    upstream = StaticUpstream()

    for cut in range(1, len(request)):
        sent = Sent()
        connection = HttpConnection(upstream.answer)
        connection.connection_made(sent)
        connection.data_received(request[:cut])
        assert sent.data == b""
        connection.data_received(request[cut:])
        assert sent.data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert sent.data.count(b'"success":true') == 1


async def test_chunks_are_refused_in_words():
    """A body without a length would be answered as if it were empty."""
    sent = Sent()
    connection = HttpConnection(StaticUpstream().answer)
    connection.connection_made(sent)

    connection.data_received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert sent.data.startswith(b"HTTP/1.1 411 Length Required\r\n")
    assert sent.closed


async def test_a_record_is_read(session: aiohttp.ClientSession):
    """It has an id and is counted as a read, whatever its key."""
    found = await _asked(session, "GET", f"{BASE}/sobjects/Lead/{RECORD_ID}?fields=LastName")

    assert RECORD_ID == found["Id"]
    assert {"record": {"calls": 1, "rows": 0, "rows_per_call": {"0": 1}}} == await _asked(session, "GET", "/counts")


async def test_an_outage_holds_until_it_is_ended(session: aiohttp.ClientSession):
    """Every call to the API fails meanwhile and is counted; logins go on."""
    await _asked(session, "POST", "/outage?on=1")
    async with session.get(f"{BASE}/sobjects/Lead/{RECORD_ID}") as answer:
        status = answer.status
    token = await _asked(session, "POST", "/services/oauth2/token")
    await _asked(session, "POST", "/outage?on=0")
    await _asked(session, "GET", f"{BASE}/sobjects/Lead/{RECORD_ID}")

    counts = await _asked(session, "GET", "/counts")
    assert 503 == status
    assert token["access_token"]
    assert {"outage": 1, "record": 1} == {kind: found["calls"] for kind, found in counts.items()}


def test_slots_are_taken_first_come_first_served():
    """What finds none free waits for the one that is free first."""
    slots = Slots(2)

    done_in = [slots.done_in(seconds, now) for seconds, now in ((1.0, 10.0), (3.0, 10.0), (1.0, 10.5), (1.0, 20.0))]

    assert [1.0, 3.0, 1.5, 1.0] == done_in


def test_any_number_of_slots_holds_nothing_back():
    """Without a number of slots work takes its own time."""
    slots = Slots()

    done_in = [slots.done_in(1.0, 10.0) for _ in range(3)]

    assert [1.0, 1.0, 1.0] == done_in


async def test_latencies_spread_around_their_mean():
    """Each lies within the part of the mean that was said, and they differ."""
    upstream = StaticUpstream()
    upstream.answer(Asked("POST", "/latency?ms=1000&spread=0.5", b""))

    seconds = [upstream.answer(Asked("GET", f"{BASE}/sobjects/Lead/x", b"")).after_seconds for _ in range(100)]

    assert all(0.5 <= each <= 1.5 for each in seconds)
    assert len(set(seconds)) > 90
