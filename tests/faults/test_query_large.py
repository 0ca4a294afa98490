"""`sluicegate query` over a result larger than any memory, while what it reads through dies and comes back."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sluicegate import Client, SluicegateError

from tests.load.numbered_rows import SOQL
from tests.load.processes import Server, running, service_on
from tests.support.forked import ForkedProcess, forked
from tests.support.ports import lasting_port
from tests.support.scale import SCALE

ROWS = 50_000 * SCALE
TENTH = ROWS // 10
FEWER = 20_000 * SCALE
QUARTER = FEWER // 4
"""It ends where a part of a job does, as a tenth of all rows does."""
MOST_GROWTH_MIB = 32
MIB = 1_048_576
KEYS = {"SLUICEGATE_TOKEN_KEYS": '{"2026": "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}'}
Fault = Callable[[], Awaitable[None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
        self._rows = 0
        self.port = port
        self.service: ForkedProcess | None = None
        self.memory = Memory()

    async def begin(self, rows: int) -> None:
        """Let the org be another one that has so many rows, and the service run."""
        self._rows = rows
        self.memory = Memory()
        await self.misbehave(f"/begin?rows={rows}")
        if self.service is None or self.service.returncode is not None:
            await self.start()

    async def start(self) -> None:
        """Start the service."""
        settings = {**service_on(self._upstream), **KEYS, "SLUICEGATE_GRPC__PORT": str(self.port)}
        self.service = await self._stack.enter_async_context(forked("serve", "--json", environment=settings))
        assert self.service.stdout is not None
        await self.service.stdout.readline()

    async def kill(self) -> None:
        """End the service as a crash would."""
        assert self.service is not None
        self.service.kill()
        await self.service.wait()

    async def restart(self) -> None:
        """Let the service crash, and start it again."""
        await self.kill()
        await self.start()

    async def revoke(self) -> None:
        """Let the org's session end."""
        await self.misbehave("/revoke")

    async def break_connections(self) -> None:
        """Let two connections break in the middle of an answer."""
        await self.misbehave("/break?answers=2")

    async def shorten(self) -> None:
        """Let a part of a job lack its last row."""
        await self.misbehave("/shorten?answers=1")

    async def forget(self) -> None:
        """Let the org give up every result."""
        await self.misbehave("/forget")

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

    async def command(self, soql: str, *arguments: str) -> ForkedProcess:
        """Begin to read."""
        target = f"127.0.0.1:{self.port}"
        return await self._stack.enter_async_context(
            forked("query", soql, "--target", target, "-o", "csv", *arguments, stderr=PIPE)
        )

    async def read(self, process: ForkedProcess, faults: Mapping[int, Sequence[Fault]] | None = None) -> int:
        """Read what the command writes to its end, and return how many rows there were; each has to be the next one.

        Args:
            process: The command.
            faults: What happens once so many rows have come, before any other is sent.

        """
        waiting = dict(sorted((faults or {}).items()))
        assert process.stdout is not None
        assert self.service is not None
        await self._open_gate(waiting)
        await process.stdout.readline()
        rows = 0
        while line := await process.stdout.readline():
            assert line.startswith(b"N%d," % rows)
            rows += 1
            if not rows % 1000:
                self.memory.look(process.pid)
                self.memory.look(self.service.pid)
            if rows in waiting:
                for fault in waiting.pop(rows):
                    await fault()
                await self._open_gate(waiting)
        return rows

    async def _open_gate(self, waiting: Mapping[int, Sequence[Fault]]) -> None:
        await self.misbehave(f"/gate?rows={next(iter(waiting), self._rows)}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Scene]:
    """An org, and a service on it."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running("tests.load.numbered_rows"))
        yield Scene(stack, upstream, lasting_port())


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Scene) -> Scene:
    """The same, with rows that take no time."""
    await stage.begin(FEWER)
    return stage


@pytest_asyncio.fixture(loop_scope="module")
async def large_scene(stage: Scene) -> Scene:
    """The same with all rows, and a service that has just started."""
    await stage.begin(ROWS)
    await stage.restart()
    return stage


of_linux = pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is told by Linux only")


@of_linux
@pytest.mark.timeout(1500)
async def test_every_row_comes_once_in_little_memory(large_scene: Scene):
    """Connections break, the session ends, the service is killed, the result is given up: the caller sees nothing."""
    process = await large_scene.command(SOQL, "--route", "rest")

    rows = await large_scene.read(
        process,
        {
            TENTH: [large_scene.break_connections],
            3 * TENTH: [large_scene.revoke],
            5 * TENTH: [large_scene.restart],
            7 * TENTH: [large_scene.forget],
            9 * TENTH: [large_scene.revoke, large_scene.break_connections],
        },
    )

    counts = await large_scene.counts()
    assert (0, ROWS) == (await process.wait(), rows)
    assert 4 <= counts["queries"]
    assert 4 == counts["resets"]
    assert MOST_GROWTH_MIB >= max(large_scene.memory.growth_mib()), large_scene.memory


@of_linux
@pytest.mark.timeout(1500)
async def test_every_row_comes_once_in_bulk(large_scene: Scene):
    """A job outlives the service and the session, and its parts are read again where they broke off."""
    process = await large_scene.command(SOQL, "--route", "bulk")

    rows = await large_scene.read(
        process,
        {
            TENTH: [large_scene.break_connections],
            3 * TENTH: [large_scene.revoke],
            5 * TENTH: [large_scene.restart],
            7 * TENTH: [large_scene.revoke, large_scene.break_connections],
        },
    )

    counts = await large_scene.counts()
    assert (0, ROWS) == (await process.wait(), rows)
    assert (1, 4) == (counts["jobs"], counts["resets"])
    assert MOST_GROWTH_MIB >= max(large_scene.memory.growth_mib()), large_scene.memory


@pytest.mark.parametrize("fault", ["restart", "revoke", "forget"])
async def test_what_befalls_a_running_job(scene: Scene, fault: str):
    """Whoever waits for a job gets its rows, or those of another one that is run in its place."""
    await scene.misbehave("/hold?jobs=1")
    process = await scene.command(SOQL, "--route", "bulk")
    while not (await scene.counts()).get("jobs"):  # noqa: ASYNC110 - another process is asked
        await asyncio.sleep(0.05)

    await getattr(scene, fault)()
    await scene.misbehave("/hold?jobs=0")
    rows = await scene.read(process)

    assert (0, FEWER) == (await process.wait(), rows)


@pytest.mark.parametrize("order", ["", " ORDER BY Id"])
async def test_a_job_that_is_deleted_while_it_is_read(scene: Scene, order: str):
    """Its rest is another job's where the query itself has the order for it; otherwise the command says so."""
    process = await scene.command(SOQL + order, "--route", "bulk")

    rows = await scene.read(process, {QUARTER: [scene.forget, scene.shorten]})
    told = await said(process)

    expected = (0, True, 2) if order else (1, False, 1)
    assert expected == (process.returncode, rows == FEWER, (await scene.counts())["jobs"]), told
    assert order or "QUERY_NOT_RESUMABLE" in told


async def test_without_the_tokens_a_killed_service_ends_the_reading(scene: Scene):
    """What shows that going on is what helps: a client that does not is left with the rows that came before."""
    rows, code = 0, ""
    await scene.misbehave(f"/gate?rows={QUARTER}")

    async with Client(f"127.0.0.1:{scene.port}") as client:
        try:
            async for batch in client.query_batches(SOQL, reconnect=False):
                rows += batch.row_count
                if rows == QUARTER:
                    await scene.kill()
        except SluicegateError as error:
            code = error.code

    assert ("UNAVAILABLE", QUARTER) == (code, rows)


@pytest.mark.parametrize("fault", ["revoke", "forget"])
async def test_without_an_order_a_lost_result_ends_the_reading(scene: Scene, fault: str):
    """What shows that the restart is what helps: a query that has no order to be restarted by ends in the middle."""
    process = await scene.command(f"{SOQL} ORDER BY Status", "--route", "rest")

    rows = await scene.read(process, {QUARTER: [getattr(scene, fault)]})

    assert 1 == await process.wait()
    assert QUARTER <= rows < FEWER
    assert "QUERY_NOT_RESUMABLE" in await said(process)


@pytest.mark.parametrize("route", ["rest", "bulk"])
async def test_a_command_that_is_killed_goes_on_in_its_file(scene: Scene, tmp_path: Path, route: str):
    """What it had written is kept as far as it was whole, and no row of the rest is there twice or missing."""
    output = tmp_path / "rows.csv"
    arguments = ("--route", route, "--output", str(output), "--resume", str(tmp_path / "progress"))
    await scene.misbehave(f"/gate?rows={QUARTER}")
    killed = await scene.command(SOQL, *arguments)
    while len(await lines_of(output)) <= QUARTER:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.05)

    killed.kill()
    await killed.wait()
    with output.open("ab") as file:
        file.write(b"N%d,half a ro" % QUARTER)
    await scene.misbehave(f"/gate?rows={FEWER}")
    status = await finished(await scene.command(SOQL, *arguments))

    assert 0 == status
    assert [f"N{number}" for number in range(FEWER)] == [line.split(",")[0] for line in (await lines_of(output))[1:]]


@pytest.mark.skipif(SCALE < 2, reason="the command is patient for 30 seconds; SLUICEGATE_TEST_SCALE=20 has the time")
@pytest.mark.parametrize("route", ["rest", "bulk"])
async def test_what_an_org_out_of_order_ends_goes_on_by_the_same_command(scene: Scene, tmp_path: Path, route: str):
    """Connections that break again and again end the command, and it goes on where it stopped; no row twice."""
    output = tmp_path / "rows.csv"
    arguments = ("--route", route, "--output", str(output), "--resume", str(tmp_path / "progress"))
    await scene.misbehave(f"/gate?rows={QUARTER}")
    stopped = await scene.command(SOQL, *arguments)
    while len(await lines_of(output)) <= QUARTER:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.05)
    await scene.misbehave("/break?answers=1000")
    await scene.misbehave(f"/gate?rows={FEWER}")
    told = await said(stopped)
    before = len(await lines_of(output)) - 1
    await scene.misbehave("/break?answers=0")

    # The service tries an org that was out of order only after some seconds.
    async with asyncio.timeout(120):
        while await finished(await scene.command(SOQL, *arguments)):  # noqa: ASYNC110 - the command is another process
            await asyncio.sleep(1)

    assert 1 == stopped.returncode
    assert "goes on behind them" in told
    assert FEWER > before >= QUARTER
    assert [f"N{number}" for number in range(FEWER)] == [line.split(",")[0] for line in (await lines_of(output))[1:]]


async def said(process: ForkedProcess) -> str:
    """Return what the command said beside its output, once it has ended."""
    _, errors = await process.communicate()
    return errors.decode()


async def finished(process: ForkedProcess) -> int:
    """Return the status of the command, once it has ended."""
    await said(process)
    return await process.wait()


async def lines_of(path: Path) -> list[str]:
    """Return what was written so far."""
    found = await asyncio.to_thread(lambda: path.read_text(encoding="utf-8") if path.exists() else "")
    return found.splitlines()
