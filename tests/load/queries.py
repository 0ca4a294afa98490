"""Rows of a query as Python dicts: through the service, and straight from the upstream with simple-salesforce."""

import asyncio
import os
import time
from collections.abc import Mapping
from statistics import median

from simple_salesforce.api import Salesforce
from sluicegate import Client

from tests.load.figure import Figure
from tests.load.peer import simple_salesforce
from tests.load.processes import Server, cpu_seconds
from tests.load.static_upstream import SOQL


async def against_simple_salesforce(service: Server, upstream: Server, rounds: int, rows: int) -> Figure:
    """Measure `query_rows_vs_simple_salesforce`.

    Args:
        service: The service on the upstream.
        upstream: The upstream.
        rounds: Rounds of each side; one before them is not counted.
        rows: Rows of one round, a multiple of 2,000.

    """
    text = SOQL.format(rows=rows)
    ours: list[float] = []
    theirs: list[float] = []
    used = dict.fromkeys(("service", "upstream", "client"), 0.0)
    peer = simple_salesforce(upstream)
    async with Client(service.addresses["grpc"]) as client:
        for number in range(rounds + 1):
            before = _cpu(service, upstream)
            mine = await timed_query(client, text, rows)
            spent = {name: value - before[name] for name, value in _cpu(service, upstream).items()}
            peers = await asyncio.to_thread(_timed_peer_query, peer, text, rows)
            if number:
                ours.append(rows / mine)
                theirs.append(rows / peers)
                used = {name: used[name] + spent[name] for name in used}
    costs = {name: round(1e6 * seconds / (rounds * rows), 2) for name, seconds in used.items()}
    name, most = max(costs.items(), key=lambda item: item[1])
    detail = {
        "rows": rows,
        "columns": 11,
        "service": {
            "rows_per_second": round(median(ours)),
            "rounds": [round(rate) for rate in ours],
            "cpu_microseconds_per_row": costs,
        },
        "simple_salesforce": {"rows_per_second": round(median(theirs)), "rounds": [round(rate) for rate in theirs]},
        "dominates": f"{name}: {most:.1f} of {sum(costs.values()):.1f} µs of processor time a row",
    }
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return Figure("query_rows_vs_simple_salesforce", round(ratio, 3), "ratio of rows per second", detail)


def _cpu(service: Server, upstream: Server) -> Mapping[str, float]:
    return {
        "service": service.cpu_seconds(),
        "upstream": upstream.cpu_seconds(),
        "client": cpu_seconds(os.getpid()),
    }


async def timed_query(client: Client, text: str, rows: int) -> float:
    """Return how many seconds it takes to read a query row by row.

    Args:
        client: Is connected to the service.
        text: The query.
        rows: How many rows it has.

    Raises:
        RuntimeError: It has another number of rows.

    """
    began = time.perf_counter()
    found = 0
    async for _ in client.query(text):
        found += 1
    _check(found, rows)
    return time.perf_counter() - began


def _timed_peer_query(peer: Salesforce, text: str, rows: int) -> float:
    began = time.perf_counter()
    _check(sum(1 for _ in peer.query_all_iter(text)), rows)
    return time.perf_counter() - began


def _check(found: int, rows: int) -> None:
    if found != rows:
        raise RuntimeError(f"a query of {rows} rows gave {found}")
