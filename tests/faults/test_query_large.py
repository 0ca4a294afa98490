"""`sluicegate query` over a result larger than any memory, while what it reads through dies and comes back."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sluicegate import Client, SluicegateError

from tests.load.numbered_rows import SOQL
from tests.load.processes import Server, running, service_on

SCALE = int(os.environ.get("SLUICEGATE_TEST_SCALE", "1"))
ROWS = 50_000 * SCALE
MOST_GROWTH_MIB = 32
MIB = 1_048_576
PAUSE_SECONDS = 0.05
KEYS = {"SLUICEGATE_TOKEN_KEYS": '{"2026": "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}'}
WITHOUT_ORDER = f"{SOQL} ORDER BY Status"
"""A query that cannot be restarted: what follows a picklist's value is not known."""


@dataclass
class Memory:
    """What processes hold, looked at all the time.

    Attributes:
        first: What each held when it was first looked at, by its id, in bytes.
        most: The most that each held.

    """

    first: dict[int, int] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        """Look at a process, if it lives."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return
        held = pages * os.sysconf("SC_PAGE_SIZE")
        if held:
            self.first.setdefault(pid, held)
            self.most[pid] = max(self.most.get(pid, 0), held)

    def growth_mib(self) -> list[float]:
        """Return by how much each process grew at most."""
        return [round((self.most[pid] - held) / MIB, 1) for pid, held in self.first.items()]


class Scene:
    """An org, a service on it that dies and comes back at the same place, and the command that reads.

    Args:
        stack: Ends what is started.
        upstream: The org.
        port: Where the service listens.

    """

    def __init__(self, stack: AsyncExitStack, upstream: Server, port: int) -> None:
        self._stack = stack
        self._upstream = upstream
        self.port = port
        self.service: Server | None = None
        self.memory = Memory()

    async def start(self) -> None:
        """Start the service."""
        settings = {**service_on(self._upstream), **KEYS, "SLUICEGATE_GRPC__PORT": str(self.port)}
        self.service = await self._stack.enter_async_context(
            running("service", "serve", "--json", environment=settings)
        )

    def kill(self) -> None:
        """End the service as a crash would."""
        assert self.service is not None
        os.kill(self.service.pid, signal.SIGKILL)

    async def restart(self) -> None:
        """Let the service crash, and start it again."""
        self.kill()
        await self.start()

    async def misbehave(self, how: str) -> None:
        """Tell the org what to do from now on."""
        await self._told(how)

    async def counts(self) -> dict[str, int]:
        """Return what the org counted."""
        return await self._told("/counts")

    async def _told(self, path: str) -> dict[str, int]:
        async with httpx.AsyncClient(base_url=self._upstream.addresses["url"], trust_env=False) as client:
            found: dict[str, int] = (await client.get(path)).raise_for_status().json()
            return found

    async def command(self, soql: str, *arguments: str) -> Process:
        """Begin to read."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
        target = f"127.0.0.1:{self.port}"
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "query", soql, "--target", target, "-o", "csv", *arguments),
            env=environment,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def read(self, process: Process, faults: dict[int, Callable[[], Awaitable[None]]] | None = None) -> int:
        """Read what the command writes to its end, and return how many rows there were; each has to be the next one.

        Args:
            process: The command.
            faults: What happens once so many rows have come.

        """
        waiting = sorted((faults or {}).items())
        rows = 0
        assert process.stdout is not None
        assert self.service is not None
        await process.stdout.readline()
        while line := await process.stdout.readline():
            assert line.startswith(b"N%d," % rows), (rows, line)
            rows += 1
            if not rows % 1000:
                self.memory.look(process.pid)
                self.memory.look(self.service.pid)
            if waiting and rows >= waiting[0][0]:
                await waiting.pop(0)[1]()
        return rows


@pytest.fixture
async def scene(unused_tcp_port: int) -> AsyncIterator[Scene]:
    """An org with the rows, and a service on it."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("tests.load.numbered_rows", "--rows", str(ROWS)))
        made = Scene(stack, upstream, unused_tcp_port)
        await made.start()
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told by Linux only")
@pytest.mark.timeout(1500)
async def test_a_large_result(scene: Scene):
    """Killed services, a revoked session, broken connections, a result given up: each row once, in little memory."""
    process = await scene.command(SOQL)
    rows = await scene.read(
        process,
        {
            ROWS // 10: scene.restart,
            ROWS * 3 // 10: lambda: scene.misbehave("/revoke"),
            ROWS * 5 // 10: lambda: scene.misbehave("/break?answers=2"),
            ROWS * 7 // 10: scene.restart,
            ROWS * 8 // 10: lambda: scene.misbehave("/forget"),
        },
    )

    print(await scene.counts())
    print(scene.memory.growth_mib(), scene.memory)
    assert (0, ROWS) == (await process.wait(), rows)
    assert MOST_GROWTH_MIB >= max(scene.memory.growth_mib())
