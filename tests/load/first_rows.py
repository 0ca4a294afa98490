"""How long a caller waits for the first row of a query."""

import asyncio
import time
import urllib.request
from contextlib import aclosing
from statistics import median
from urllib.parse import quote

from sluicegate import Client

from tests.load.figure import Figure
from tests.load.lead import BASE
from tests.load.processes import Server
from tests.load.static_upstream import SOQL
from tests.load.upstream_counts import set_page_latency

_ROWS = 200_000
_MILLISECONDS = 1000
_SECONDS = 30


async def against_page(service: Server, upstream: Server, rounds: int, latency_ms: float) -> Figure:
    """Measure `query_first_row_vs_page`: the time to a caller's first row, in times that the upstream takes for a page.

    The page's time is that of a plain GET of the same page, until its last byte is there.

    Args:
        service: The service on the upstream.
        upstream: The upstream.
        rounds: Rounds of each side; one before them is not counted.
        latency_ms: How long the upstream thinks about a page.

    """
    set_page_latency(upstream, latency_ms)
    pages: list[float] = []
    ours: list[float] = []
    async with Client(service.addresses["grpc"]) as client:
        for _ in range(rounds + 1):
            pages.append(await asyncio.to_thread(_timed_page, upstream))
            ours.append(await _timed_row(client))
    set_page_latency(upstream, 0)
    ratio = median(mine / page for mine, page in zip(ours[1:], pages[1:], strict=True))
    page, row = (_MILLISECONDS * median(seconds[1:]) for seconds in (pages, ours))
    detail = {
        "upstream_latency_ms": latency_ms,
        "page_ms": round(page, 1),
        "first_row_ms": round(row, 1),
        "first_row_of_the_first_query_ms": round(_MILLISECONDS * ours[0], 1),
        "dominates": f"the upstream: {page:.0f} of {row:.0f} ms",
    }
    return Figure("query_first_row_vs_page", round(ratio, 3), "ratio of times", detail)


async def _timed_row(client: Client) -> float:
    began = time.perf_counter()
    async with aclosing(client.query(SOQL.format(rows=_ROWS))) as rows:
        await anext(rows)
        return time.perf_counter() - began


def _timed_page(upstream: Server) -> float:
    began = time.perf_counter()
    url = f"{upstream.addresses['url']}{BASE}/query?q={quote(SOQL.format(rows=_ROWS))}"
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
        answer.read()
    return time.perf_counter() - began
