"""`sluicegate bulk load` of a file while replicas and the command itself are killed."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.emulator.server import Emulator, EmulatorConfig
from service.settings import LoadSettings, OrgSettings
from tests.support.loading import LoadReplica, load_replica
from tests.support.ports import lasting_port
from tests.support.scale import SCALE
from tests.support.stage import org_settings

ROWS = 20_000 if SCALE == 1 else 1_000_000
MOST_GROWTH_MIB = 64
PARTS = 20
SECONDS_BETWEEN_LOOKS = 0.05 if SCALE == 1 else 0.5
MIB = 1_048_576


class Resident:
    """The most memory of the processes that did one thing, one after another."""

    def __init__(self) -> None:
        self.most = 0
        """Bytes."""

    def look(self, pid: int) -> None:
        """Look at a process; nothing happens where the system does not tell (anything but Linux)."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError):
            return
        self.most = max(self.most, pages * os.sysconf("SC_PAGE_SIZE"))


class Scene:
    """An org, the one replica that serves it, the one command that loads, and what they hold.

    Args:
        emulator: The org.
        prod: How replicas log in to it.
        folder: Where their settings are.

    """

    def __init__(self, emulator: Emulator, prod: OrgSettings, folder: Path) -> None:
        self._org = emulator.org
        self._prod = prod
        self._folder = folder
        self._port = lasting_port()
        self.service, self.client = Resident(), Resident()
        self._idle = 0, 0

    @property
    def address(self) -> str:
        """Where replicas listen, one after another."""
        return f"127.0.0.1:{self._port}"

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[LoadReplica]:
        """Run a replica."""
        async with load_replica(self._prod, self._folder, port=self._port) as running:
            yield running

    async def load_one_row(self, data: Path, *arguments: object) -> None:
        """Load a row, and note what a replica and a command hold that have loaded one."""
        await asyncio.to_thread(data.write_text, "name,Company\nN,Polonium\n", encoding="utf-8")
        async with self.replica() as replica:
            command = await self.begin(data, *arguments)
            while command.returncode is None:
                self.service.look(replica.pid)
                self.client.look(command.pid)
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS / 10)
            assert 0 == command.returncode
        self._idle = self.service.most, self.client.most

    def growth(self) -> tuple[int, int]:
        """Return how much more any replica and any command held than those that loaded one row, in MiB."""
        service, client = self._idle
        return (self.service.most - service) // MIB, (self.client.most - client) // MIB

    async def begin(self, *arguments: object) -> Process:
        """Begin a load."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service", "bulk", "load", "-o", "json", *map(str, arguments)),
            env=environment,
            stdout=PIPE,
            stderr=DEVNULL,
        )

    async def until(self, rows: int, command: Process, replica: LoadReplica) -> None:
        """Wait until the org has so many rows, and watch the memory of both."""
        while self.count() < rows and command.returncode is None:
            self.service.look(replica.pid)
            self.client.look(command.pid)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        assert command.returncode is None

    def count(self) -> int:
        """Count the org's leads."""
        return int(self._org.query("SELECT COUNT() FROM Lead WHERE Company = 'Radium'").total_size)

    def names(self) -> tuple[int, str, str]:
        """Return how many names of leads there are, the first and the last one."""
        soql = "SELECT COUNT_DISTINCT(LastName) n, MIN(LastName) a, MAX(LastName) z FROM Lead WHERE Company = 'Radium'"
        (row,) = self._org.query(soql).rows
        return int(str(row["n"])), str(row["a"]), str(row["z"])


@pytest.fixture
async def scene(keys: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    """An org without leads."""
    async with Emulator(EmulatorConfig(directory=keys)) as emulator:
        prod = org_settings(emulator, keys, loads=LoadSettings(part_rows=ROWS // PARTS))
        yield Scene(emulator, prod, tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of rows that are like no others."""
    path = tmp_path / "leads.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("name,Company\n")
        file.writelines(f"N{number:07},Radium\n" for number in range(ROWS))
    return path


async def test_an_insert_outlives_its_service_and_its_command(scene: Scene, data: Path):
    """Both are killed twice, and every row of the file is in the org exactly once, in flat memory."""
    note = data.with_name("leads.csv.load")
    how = ("--object", "Lead", "--map", "name=LastName", "--target", scene.address)
    given = (data, *how)
    await scene.load_one_row(data.with_name("one.csv"), *how)

    async with scene.replica() as replica:
        command = await scene.begin(*given)
        await scene.until(ROWS // 10, command, replica)
        await replica.kill()
    async with scene.replica() as replica:
        # It goes on by itself.
        await scene.until(ROWS * 3 // 10, command, replica)
        command.kill()
        await command.wait()
        command = await scene.begin("--resume", note)
        await scene.until(ROWS * 5 // 10, command, replica)
        await replica.kill()
    async with scene.replica() as replica:
        await scene.until(ROWS * 7 // 10, command, replica)
        command.kill()
        await command.wait()
        command = await scene.begin("--resume", note)
        watching = asyncio.create_task(scene.until(ROWS + 1, command, replica))
        output, _ = await command.communicate()
        watching.cancel()
        await asyncio.wait([watching])

    told = json.loads(output)
    assert 0 == command.returncode
    assert (ROWS, ROWS, None) == (told["received"], told["created"], told["failures"])
    assert (ROWS, (ROWS, "N0000000", f"N{ROWS - 1:07}")) == (scene.count(), scene.names())
    assert max(scene.growth()) <= MOST_GROWTH_MIB, scene.growth()
