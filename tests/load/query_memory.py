"""What a large result costs of memory, in the service and in the client that reads it row by row."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.load.figure import Figure
from tests.load.processes import Server, resident_bytes

_SAMPLE_SECONDS = 0.02
_MIB = 1_048_576


@dataclass(slots=True)
class _Resident:
    """The memory of a process."""

    pid: int
    idle: int = 0
    most: int = 0

    def begin(self) -> None:
        self.idle = self.most = resident_bytes(self.pid)

    def sample(self) -> None:
        self.most = max(self.most, resident_bytes(self.pid))

    @property
    def growth_mib(self) -> float:
        return round((self.most - self.idle) / _MIB, 1)

    def summary(self) -> dict[str, float]:
        return {"idle_mib": round(self.idle / _MIB, 1), "growth_mib": self.growth_mib}


async def growth(service: Server, rows: int) -> Figure:
    """Measure `query_rss_growth_mib`: how much the service and its client grow while all rows of a query pass.

    The greater of both is the figure. They have read one row before: what begins with the first query, as modules and
    connections do, is no matter of how many rows there are.

    Args:
        service: A service that has done nothing yet, on a static upstream.
        rows: How many rows, a multiple of 2,000.

    """
    async with _reader(service.addresses["grpc"], rows) as reader:
        sides = {"service": _Resident(service.pid), "client": _Resident(reader.pid)}
        for side in sides.values():
            side.begin()
        began = time.perf_counter()
        found = await _read(reader, list(sides.values()))
        seconds = time.perf_counter() - began
    if found != rows:
        raise RuntimeError(f"a query of {rows} rows gave {found}")
    name, side = max(sides.items(), key=lambda item: item[1].growth_mib)
    detail = {
        "rows": rows,
        "rows_per_second": round(rows / seconds),
        **{each: resident.summary() for each, resident in sides.items()},
        "dominates": f"{name}: {side.growth_mib} MiB, for pages under way and what is made of them",
    }
    return Figure("query_rss_growth_mib", side.growth_mib, "MiB", detail)


@asynccontextmanager
async def _reader(address: str, rows: int) -> AsyncIterator[Process]:
    """Start a reader and wait until it has read its first row."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.query_reader", address, str(rows), stdin=PIPE, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise RuntimeError("the reader ended before it was ready")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _read(reader: Process, watched: list[_Resident]) -> int:
    """Let the reader begin, watch until it is done, and return how many rows it read."""
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(b"\n")
    async with asyncio.TaskGroup() as tasks:
        told = tasks.create_task(reader.stdout.readline())
        while not told.done():
            await asyncio.sleep(_SAMPLE_SECONDS)
            for each in watched:
                each.sample()
    line = told.result()
    return int(json.loads(line)["rows"]) if line else 0
