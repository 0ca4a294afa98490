"""Rows of a query in the caller: through the service in Python, and straight from the upstream with jsforce in Node."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from sluicegate import Client

from tests.load.figure import Figure
from tests.load.processes import Server
from tests.load.queries import timed_query
from tests.load.static_upstream import SOQL

FOLDER = Path(__file__).parents[1] / "conformance" / "jsforce"
"""Where jsforce is installed."""

_NAME = "query_rows_vs_jsforce"
_UNIT = "ratio of rows per second"
_SCRIPT = Path(__file__).with_name("jsforce_rows.mjs")
_SECONDS = 60
"""How long a round of jsforce may take."""


def missing() -> str:
    """Return why jsforce cannot be run; empty if it can."""
    if shutil.which("node") is None:
        return "Node.js is not on this machine"
    if not (FOLDER / "node_modules").is_dir():
        return "jsforce is not installed; `make test` does it"
    return ""


async def against_jsforce(service: Server, upstream: Server, rounds: int, rows: int) -> Figure:
    """Measure `query_rows_vs_jsforce`; without jsforce, return the figure without a value.

    Args:
        service: The service on the upstream.
        upstream: The upstream.
        rounds: Rounds of each side; one before them is not counted.
        rows: Rows of one round, a multiple of 2,000.

    """
    if reason := missing():
        return Figure(_NAME, None, _UNIT, {"dominates": f"not measured: {reason}"})
    text = SOQL.format(rows=rows)
    ours: list[float] = []
    theirs: list[float] = []
    async with _reader(upstream, text) as reader, Client(service.addresses["grpc"]) as client:
        for _ in range(rounds + 1):
            ours.append(rows / await timed_query(client, text, rows))
            theirs.append(rows / await _timed_peer_query(reader, rows))
    detail = {
        "rows": rows,
        "columns": 11,
        "service": {"rows_per_second": round(median(ours[1:])), "rounds": [round(rate) for rate in ours[1:]]},
        "jsforce": {"rows_per_second": round(median(theirs[1:])), "rounds": [round(rate) for rate in theirs[1:]]},
        "dominates": "the service's processor time; jsforce parses neither dates nor decimals",
    }
    ratio = median(mine / peer for mine, peer in zip(ours[1:], theirs[1:], strict=True))
    return Figure(_NAME, round(ratio, 3), _UNIT, detail)


@asynccontextmanager
async def _reader(upstream: Server, text: str) -> AsyncIterator[Process]:
    """Start a process that reads with jsforce when it is told to."""
    environment = {"PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        "node", str(_SCRIPT), str(FOLDER), upstream.addresses["url"], text, stdin=PIPE, stdout=PIPE, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _timed_peer_query(reader: Process, rows: int) -> float:
    """Return how many seconds a query took, as the reader itself measured."""
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(b"\n")
    line = await asyncio.wait_for(reader.stdout.readline(), _SECONDS)
    told = json.loads(line) if line else {"rows": 0}
    if told["rows"] != rows:
        raise RuntimeError(f"a query of {rows} rows gave {told['rows']} with jsforce")
    return float(told["seconds"])
