"""Bulk loads of large files on an upstream that costs nothing: against one raw PUT, in memory, and against a peer."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
from httpx_aiohttp import AiohttpTransport
from sluicegate import Client, Finished

from tests.load.figure import Figure
from tests.load.lead import BASE
from tests.load.processes import Server, cpu_seconds, resident_bytes, running, service_on

_HEADER = b"Ext__c,FirstName,LastName,Company,Email\n"
_BLOCK_ROWS = 10_000
_SAMPLE_SECONDS = 0.05
_MIB = 1_048_576
_PIECE_BYTES = 256 * 1024
_NO_TIMEOUT = httpx.Timeout(None)


@dataclass(slots=True)
class _Side:
    """What several loads of one side took."""

    seconds: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    growth: dict[str, int] = field(default_factory=dict)
    """Bytes, of the most that a process grew."""


async def figures(size: int, rounds: int, rows: int, limit: float) -> AsyncIterator[Figure]:
    """Yield `bulk_load_vs_raw_put`, `bulk_load_rss_growth_mib` and `bulk_load_vs_simple_salesforce`.

    Args:
        size: Bytes of the file that is loaded against the raw PUT.
        rounds: Loads of each side without limit; with one there is one.
        rows: Rows of the file that is loaded against the peer.
        limit: Bytes a second that the upstream takes where it is limited.

    """
    with TemporaryDirectory() as folder:
        large, peers = Path(folder, "large.csv"), Path(folder, "peers.csv")
        await asyncio.to_thread(_write, large, size=size)
        await asyncio.to_thread(_write, peers, rows=rows)
        async with _stage() as (service, upstream, client):
            limited = await _against_put(service, upstream, client, large, rounds=1, limit=limit)
            unlimited = await _against_put(service, upstream, client, large, rounds=rounds, limit=0.0)
            yield _ratio(limited, unlimited, size, limit)
            yield _growth(limited, unlimited, size)
            yield await _against_peer(service, upstream, client, peers, rows)


@asynccontextmanager
async def _stage() -> AsyncIterator[tuple[Server, Server, Client]]:
    async with (
        running("tests.load.bulk_upstream") as upstream,
        running("service", "serve", "--json", environment=service_on(upstream)) as service,
        Client(service.addresses["grpc"]) as client,
    ):
        yield service, upstream, client


async def _against_put(
    service: Server, upstream: Server, client: Client, path: Path, *, rounds: int, limit: float
) -> tuple[_Side, _Side]:
    mine, raw = _Side(), _Side()
    size = await asyncio.to_thread(os.path.getsize, path)
    pids = {"service": service.pid, "client": os.getpid(), "upstream": upstream.pid}
    async with httpx.AsyncClient(transport=AiohttpTransport(), timeout=_NO_TIMEOUT) as http:
        await http.post(f"{upstream.addresses['url']}/rate?bytes={limit}")
        for _ in range(rounds):
            used = {name: cpu_seconds(pid) for name, pid in pids.items()}
            async with _watched(mine, pids):
                mine.seconds.append(await _load(client, path))
            for name, pid in pids.items():
                mine.cpu[name] = mine.cpu.get(name, 0.0) + cpu_seconds(pid) - used[name]
            raw.seconds.append(await _put(http, upstream.addresses["url"], path, size))
    return mine, raw


@asynccontextmanager
async def _watched(side: _Side, pids: dict[str, int]) -> AsyncIterator[None]:
    """Note how much processes grow."""
    before = {name: resident_bytes(pid) for name, pid in pids.items()}

    async def look() -> None:
        while True:
            for name, pid in pids.items():
                side.growth[name] = max(side.growth.get(name, 0), resident_bytes(pid) - before[name])
            await asyncio.sleep(_SAMPLE_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _load(client: Client, path: Path) -> float:
    began = time.perf_counter()
    async for event in client.bulk_load("Lead", "insert", path, results="none"):
        if isinstance(event, Finished) and event.rows_created != event.rows_received:
            raise RuntimeError(f"a load of {event.rows_received} rows created {event.rows_created}")
    return time.perf_counter() - began


async def _put(http: httpx.AsyncClient, url: str, path: Path, size: int) -> float:
    """Upload the file as the data of one job, without anything else."""
    job = (await http.post(f"{url}{BASE}/jobs/ingest", content=b"{}")).json()["id"]

    async def pieces() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    began = time.perf_counter()
    target = f"{url}{BASE}/jobs/ingest/{job}/batches"
    response = await http.put(target, content=pieces(), headers={"Content-Length": str(size)})
    response.raise_for_status()
    return time.perf_counter() - began


def _ratio(limited: tuple[_Side, _Side], unlimited: tuple[_Side, _Side], size: int, limit: float) -> Figure:
    cpu = {
        name: round(1e9 * seconds / (size * len(unlimited[0].seconds)), 2) for name, seconds in unlimited[0].cpu.items()
    }
    name, most = max(cpu.items(), key=lambda item: item[1])
    detail = {
        "megabytes": round(size / 1e6),
        "upstream_megabytes_per_second": limit / 1e6,
        "megabytes_per_second": {
            "limited": _rates(limited, size),
            "unlimited": _rates(unlimited, size),
        },
        "unlimited_ratio": _quotient(unlimited),
        "cpu_seconds_per_gigabyte_unlimited": cpu,
        "dominates": f"unlimited {_quotient(unlimited)}, where the {name} takes {most:.2f} s of processor time a GB",
    }
    return Figure("bulk_load_vs_raw_put", _quotient(limited), "ratio of bytes per second", detail)


def _rates(sides: tuple[_Side, _Side], size: int) -> dict[str, float]:
    return {
        name: round(size / median(side.seconds) / 1e6, 1) for name, side in zip(("load", "put"), sides, strict=True)
    }


def _quotient(sides: tuple[_Side, _Side]) -> float:
    mine, raw = sides
    return round(median(raw.seconds) / median(mine.seconds), 3)


def _growth(limited: tuple[_Side, _Side], unlimited: tuple[_Side, _Side], size: int) -> Figure:
    grown = {
        name: round(max(sides[0].growth.get(name, 0) for sides in (limited, unlimited)) / _MIB, 1)
        for name in ("service", "client")
    }
    name, most = max(grown.items(), key=lambda item: item[1])
    detail = {"megabytes": round(size / 1e6), **grown, "dominates": f"the {name}"}
    return Figure("bulk_load_rss_growth_mib", most, "MiB", detail)


async def _against_peer(service: Server, upstream: Server, client: Client, path: Path, rows: int) -> Figure:
    side = _Side()
    async with _watched(side, {"service": service.pid, "client": os.getpid()}):
        mine = await _load(client, path)
    arguments = ("-m", "tests.load.bulk_peer", str(upstream.addresses["url"]), str(path))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
    output, _ = await process.communicate()
    peer = json.loads(output)
    detail = {
        "rows": rows,
        "service": {
            "rows_per_second": round(rows / mine),
            "growth_mib": {name: round(size / _MIB, 1) for name, size in side.growth.items()},
        },
        "simple_salesforce": {
            "rows_per_second": round(rows / peer["seconds"]),
            "growth_mib": round(peer["most_mib"] - peer["idle_mib"], 1),
        },
        "dominates": f"simple-salesforce grew by {peer['most_mib'] - peer['idle_mib']:.0f} MiB",
    }
    return Figure(
        "bulk_load_vs_simple_salesforce", round(peer["seconds"] / mine, 2), "ratio of rows per second", detail
    )


def _write(path: Path, *, size: int = 0, rows: int = 0) -> None:
    """Write a file of so many bytes, about, or of so many rows."""
    number, written = 0, 0
    with path.open("wb") as file:
        file.write(_HEADER)
        while written < size or number < rows:
            until = min(number + _BLOCK_ROWS, rows) if rows else number + _BLOCK_ROWS
            block = b"".join(
                f"B-{row},Zoë,Sørensen {row},Übersee GmbH,zoe.{row}@example.com\n".encode()
                for row in range(number, until)
            )
            file.write(block)
            number, written = until, written + len(block)
