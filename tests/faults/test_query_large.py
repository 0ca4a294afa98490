"""A result larger than any memory, read by two replicas: the first dies in the middle, and the org gives it up."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from grpc import aio
from sluicegate.v1.query_service_pb2 import QUERY_ROUTE_REST, QueryRequest
from sluicegate.v1.query_service_pb2_grpc import QueryServiceStub

from tests.load.numbered_rows import SOQL
from tests.load.processes import Server, running, service_on

SCALE = int(os.environ.get("SLUICEGATE_TEST_SCALE", "1"))
ROWS = 50_000 * SCALE
MOST_GROWTH_MIB = 32
KEYS = {"SLUICEGATE_TOKEN_KEYS": '{"2026": "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}'}
MIB = 1_048_576


class Reader:
    """Reads the rows and holds none.

    Attributes:
        rows: How many rows came.
        most: The most memory that each process held, by its id, in bytes.

    """

    def __init__(self) -> None:
        self.rows = 0
        self.token = ""
        self.most: dict[int, int] = {}

    async def read(self, service: Server, until: int) -> None:
        """Read so many rows, or until the replica dies; each has to be the next one."""
        async with aio.insecure_channel(service.addresses["grpc"]) as channel:
            request = QueryRequest(soql=SOQL, route=QUERY_ROUTE_REST, resume_token=self.token)
            call = QueryServiceStub(channel).Query(request)
            async for response in call:
                names = response.batch.columns[0].string_values
                assert self.rows == response.first_row
                assert [f"N{number}" for number in range(self.rows, self.rows + len(names))] == list(names)
                self.rows += len(names)
                self.token = response.resume_token
                self.note(service.pid)
                self.note(os.getpid())
                if self.rows >= until:
                    return

    def note(self, pid: int) -> None:
        """Take note of what a process holds."""
        self.most[pid] = max(self.most.get(pid, 0), resident_bytes(pid))


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
async def upstream() -> AsyncIterator[Server]:
    """An org with the rows."""
    async with running("tests.load.numbered_rows", "--rows", str(ROWS)) as server:
        yield server


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told by Linux only")
@pytest.mark.timeout(1500)
async def test_a_large_result_is_read_in_little_memory(upstream: Server):
    """Each row comes once, and neither replica nor the caller grows with the number of rows."""
    settings = {**service_on(upstream), **KEYS}
    async with (
        running("service", "serve", "--json", environment=settings) as first,
        running("service", "serve", "--json", environment=settings) as second,
    ):
        for service in (first, second):
            await Reader().read(service, 1)
        before = {pid: resident_bytes(pid) for pid in (first.pid, second.pid, os.getpid())}
        reader = Reader()

        await reader.read(first, ROWS // 2)
        os.kill(first.pid, signal.SIGKILL)
        async with httpx.AsyncClient(base_url=upstream.addresses["url"], trust_env=False) as client:
            await client.get("/forget")
        await reader.read(second, ROWS)

    assert ROWS == reader.rows
    growth = {pid: (most - before[pid]) / MIB for pid, most in reader.most.items()}
    assert MOST_GROWTH_MIB >= max(growth.values()), growth
