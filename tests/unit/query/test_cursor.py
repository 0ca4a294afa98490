"""The reading of a result, page by page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from service import soql
from service.context import CallContext
from service.errors import QueryNotResumable, UpstreamProtocolError, UpstreamUnavailable
from service.query.batches import Batch
from service.query.cursor import read
from service.query.options import Options
from service.query.resume import ResumeSigner
from service.salesforce.calls.describe import Field, SObject
from service.salesforce.client import SalesforceClient
from service.salesforce.transport.base import Request, Response
from service.settings.signing_key import SigningKey
from tests.support.clock import FakeClock
from tests.support.transport import ScriptedTransport, answer, call, fault

SIGNER = ResumeSigner((SigningKey("k", b"k" * 32),))
BASE = "/services/data/v66.0"
LEAD = SObject("Lead", {"n__c": Field("N__c", "int")}, {})


def page(*numbers: int, total: int, locator: str = "") -> Response:
    """Return a page of rows; a locator says that there are more."""
    document: dict[str, Any] = {
        "totalSize": total,
        "done": not locator,
        "records": [{"attributes": {"type": "Lead"}, "N__c": number} for number in numbers],
    }
    if locator:
        document["nextRecordsUrl"] = f"{BASE}/query/{locator}"
    return answer(200, document)


def reading(transport: Any, *, soql_text: str = "SELECT N__c FROM Lead", **options: Any) -> AsyncIterator[Batch]:
    """Read a query over a transport."""

    async def describe(_name: str) -> SObject:
        return LEAD

    client = SalesforceClient(transport, org="prod", api_version="66.0")
    context, query, chosen = call(FakeClock()), soql.parse(soql_text), Options(**options)
    start = SIGNER.open(query, chosen, context.clock.now(), org="prod")
    return read(query, chosen, client, describe, context, start=start, signer=SIGNER)


async def numbers(batches: AsyncIterator[Batch]) -> list[list[int]]:
    """Return the one column of each batch."""
    return [list(batch.columns[0].values) async for batch in batches]


async def test_pages_come_in_order():
    """Each page is a batch, and each tells the size of the whole."""
    transport = ScriptedTransport(
        page(1, 2, total=5, locator="01g-2"), page(3, 4, total=5, locator="01g-4"), page(5, total=5)
    )

    batches = [batch async for batch in reading(transport)]

    assert [[1, 2], [3, 4], [5]] == [list(batch.columns[0].values) for batch in batches]
    assert [5, 5, 5] == [batch.total_size for batch in batches]
    assert [f"{BASE}/query?q=SELECT%20N__c%20FROM%20Lead", f"{BASE}/query/01g-2", f"{BASE}/query/01g-4"] == [
        request.path for request in transport.requests
    ]


async def test_a_page_is_cut_into_batches():
    """A batch holds at most as many rows as were asked for."""
    transport = ScriptedTransport(page(1, 2, 3, total=4, locator="01g-3"), page(4, total=4))

    assert [[1, 2], [3], [4]] == await numbers(reading(transport, batch_size=2))


@pytest.mark.parametrize(("batch_size", "page_size"), [(0, 2000), (1, 200), (700, 700), (2000, 2000)])
async def test_pages_are_asked_for_in_the_size_of_batches(batch_size, page_size):
    """Salesforce takes 200 to 2,000 rows a page."""
    transport = ScriptedTransport(page(total=0))

    await numbers(reading(transport, batch_size=batch_size))

    assert f"batchSize={page_size}" == transport.requests[0].headers["Sforce-Query-Options"]


async def test_deleted_rows_are_another_resource():
    """The recycle bin is read through queryAll."""
    transport = ScriptedTransport(page(total=0))

    await numbers(reading(transport, include_deleted=True))

    assert transport.requests[0].path.startswith(f"{BASE}/queryAll?q=")


async def test_a_result_without_rows_is_one_empty_batch():
    """The columns and the size are told even when there is nothing."""
    batches = [batch async for batch in reading(ScriptedTransport(page(total=0)))]

    assert [(0, 0, ["N__c"])] == [
        (batch.row_count, batch.total_size, [item.column.name for item in batch.columns]) for batch in batches
    ]


async def test_count_tells_the_size_alone():
    """COUNT() has neither rows nor columns."""
    transport = ScriptedTransport(page(total=42))

    batches = [batch async for batch in reading(transport, soql_text="SELECT COUNT() FROM Lead")]

    assert [(0, 42, ())] == [(batch.row_count, batch.total_size, batch.columns) for batch in batches]


async def test_a_page_that_fails_ends_the_reading():
    """The rows before the fault were yielded and stay true."""
    transport = ScriptedTransport(page(1, total=2, locator="01g-1"), UpstreamUnavailable("away"))
    batches = reading(transport)

    first = await anext(batches)
    with pytest.raises(UpstreamUnavailable):
        await anext(batches)

    assert [1] == list(first.columns[0].values)


@pytest.mark.parametrize(
    "url", ["https://evil.example/services/data/v66.0/query/01g", f"{BASE}/query/../sobjects", f"{BASE}/limits", "/x"]
)
async def test_the_token_goes_to_the_query_resource_only(url):
    """A page that names its next page elsewhere is refused."""
    document = {"totalSize": 2, "done": False, "nextRecordsUrl": url, "records": [{"N__c": 1}]}

    with pytest.raises(UpstreamProtocolError):
        await numbers(reading(ScriptedTransport(answer(200, document))))


class Gate:
    """A transport whose every page leads to another, and that waits until it is let through."""

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.open = asyncio.Event()

    async def send(self, _request: Request, _context: object) -> Response:
        """Answer the first page at once and the others when the gate opens."""
        self.asked += 1
        if self.asked > 1:
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return page(self.asked, total=9, locator=f"01g-{self.asked}")


async def test_one_page_is_read_ahead():
    """While the consumer holds a page the next one is on its way, and no further one."""
    gate = Gate()
    gate.open.set()

    async with aclosing(reading(gate)) as batches:  # type: ignore[type-var]
        await anext(batches)
        for _ in range(20):
            await asyncio.sleep(0)

        assert 2 == gate.asked

        await anext(batches)
        for _ in range(20):
            await asyncio.sleep(0)

        assert 3 == gate.asked


async def test_leaving_stops_the_reading():
    """Closing the iterator cancels the page that is on its way."""
    gate = Gate()

    async with aclosing(reading(gate)) as batches:  # type: ignore[type-var]
        await anext(batches)
        await asyncio.sleep(0)

    assert (2, 1) == (gate.asked, gate.cancelled)


async def test_cancelling_the_consumer_stops_the_reading():
    """Whoever waits for a page and is cancelled takes the page with them."""
    gate = Gate()

    async def consume() -> None:
        async for _ in reading(gate):
            pass

    task = asyncio.create_task(consume())
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert (2, 1) == (gate.asked, gate.cancelled)


async def test_pages_without_rows_do_not_go_on_for_ever():
    """An org that answers empty pages, each naming a next one, is a fault and not an endless stream."""
    endless = ScriptedTransport(page(1, total=9, locator="01g-1"), page(total=9, locator="01g-1"))

    with pytest.raises(UpstreamProtocolError):
        await numbers(reading(endless))

    assert len(endless.requests) < 5


@pytest.mark.parametrize(
    ("most", "expected"), [(1, [[1]]), (2, [[1, 2]]), (3, [[1, 2], [3]]), (4, [[1, 2], [3, 4]]), (9, [[1, 2], [3, 4]])]
)
async def test_no_more_rows_come_than_were_asked_for(most, expected):
    """The call ends well at the bound, and reads no page for rows that nobody wants."""
    transport = ScriptedTransport(page(1, 2, total=4, locator="01g-2"), page(3, 4, total=4))

    assert expected == await numbers(reading(transport, max_rows=most))
    assert len(expected) == len(transport.requests)


@pytest.mark.parametrize(
    ("options", "page_size"),
    [({"page_size": 300}, 300), ({"page_size": 50}, 200), ({"page_size": 500, "batch_size": 2000}, 500),
     ({"max_rows": 10}, 200), ({"max_rows": 5000}, 2000)],
)  # fmt: skip
async def test_the_size_of_pages_may_be_chosen(options, page_size):
    """Within what Salesforce takes, and never for more rows than are wanted."""
    transport = ScriptedTransport(page(total=0))

    await numbers(reading(transport, **options))

    assert f"batchSize={page_size}" == transport.requests[0].headers["Sforce-Query-Options"]


async def test_each_batch_tells_its_place():
    """How many rows came before, over all pages."""
    transport = ScriptedTransport(page(1, 2, 3, total=5, locator="01g-3"), page(4, 5, total=5))

    batches = [batch async for batch in reading(transport, batch_size=2)]

    assert [0, 2, 3] == [batch.first_row for batch in batches]


async def test_a_token_goes_on_within_the_page_of_the_next_row():
    """The page is read again and what was sent of it is left out, even if it is smaller now."""
    transport = ScriptedTransport(page(1, total=5, locator="01g-1"), page(2, 3, 4, 5, total=5))
    _, second, *_ = [batch async for batch in reading(transport, batch_size=1)][:3]
    again = ScriptedTransport(page(2, total=5, locator="01g-2"), page(3, 4, total=5, locator="01g-4"), page(5, total=5))

    batches = [batch async for batch in reading(again, batch_size=1, resume_token=second.resume)]

    assert [3, 4, 5] == [value for batch in batches for value in batch.columns[0].values]
    assert [(2, 5), (3, 5), (4, 5)] == [(batch.first_row, batch.total_size) for batch in batches]
    assert [f"{BASE}/query/01g-1", f"{BASE}/query/01g-2", f"{BASE}/query/01g-4"] == [
        request.path for request in again.requests
    ]


async def test_behind_the_last_row_nothing_is_read():
    """The token of the last response goes on with an empty batch, and costs no call."""
    transport = ScriptedTransport(page(1, 2, total=2))
    *_, last = [batch async for batch in reading(transport)]
    silent = ScriptedTransport(page(total=0))

    batches = [batch async for batch in reading(silent, resume_token=last.resume)]

    assert [(0, 2, 2)] == [(batch.row_count, batch.first_row, batch.total_size) for batch in batches]
    assert [] == silent.requests


async def test_a_bound_counts_over_all_calls():
    """A call that goes on returns only what is left of the rows that were wanted."""
    transport = ScriptedTransport(page(1, 2, 3, 4, total=9, locator="01g-4"), page(5, 6, 7, 8, 9, total=9))
    first, *_ = [batch async for batch in reading(transport, batch_size=4, max_rows=6)]
    again = ScriptedTransport(page(5, 6, 7, 8, 9, total=9))

    assert [[5, 6]] == await numbers(reading(again, batch_size=4, max_rows=6, resume_token=first.resume))


async def test_the_first_page_cannot_be_read_again():
    """It has no locator: without an order to go by, the rest of it cannot be told."""
    transport = ScriptedTransport(page(1, 2, total=2))
    first, _ = [batch async for batch in reading(transport, batch_size=1)]

    with pytest.raises(QueryNotResumable) as raised:
        await numbers(reading(transport, batch_size=1, resume_token=first.resume))

    assert {"org": "prod", "rows": "1", "cause": "FIRST_PAGE"} == raised.value.metadata


@pytest.mark.parametrize("lost", [fault(400, "INVALID_QUERY_LOCATOR"), fault(401, "INVALID_SESSION_ID")])
async def test_a_result_that_is_gone_ends_a_reading_without_an_order(lost):
    """The rows before it were yielded, and their token is worth another try; none is guessed."""
    transport = ScriptedTransport(page(1, total=2, locator="01g-1"), lost)
    batches = reading(transport)

    await anext(batches)
    with pytest.raises(QueryNotResumable, match="not ordered by Id"):
        await anext(batches)


async def test_a_result_that_is_begun_is_finished():
    """The first page may be refused for its caller's or its class's share; what it cost is not thrown away after it."""
    begun = []

    class Noting(ScriptedTransport):
        async def send(self, request: Request, context: CallContext) -> Response:
            begun.append(context.begun)
            return await super().send(request, context)

    await numbers(
        reading(Noting(page(1, total=3, locator="01g-1"), page(2, total=3, locator="01g-2"), page(3, total=3)))
    )

    assert [False, True, True] == begun
