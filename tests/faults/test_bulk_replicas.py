"""Replicas and callers that die in the middle of an insert: whoever goes on, every row is in the org exactly once."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb

from service.bulk.failpoints import Failpoint
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import LoadSettings, OrgSettings
from tests.support.loading import FileCaller, Left, LoadReplica, load_replica
from tests.support.stage import org_settings

SCALE = int(os.environ.get("SLUICEGATE_TEST_SCALE", "1"))
ROWS = 1_000
HEADER = pb.BulkLoadHeader(
    object="Lead",
    operation=nouns.BULK_OPERATION_INSERT,
    results=pb.BULK_RESULTS_ALL,
    commit=pb.BULK_COMMIT_BY_PART,
    key_column="LastName",
)
NAMES = [f"N{number:06}" for number in range(ROWS)]
DATA = "LastName,Company\n" + "".join(f"{name},Radium\n" for name in NAMES)
RETRIES = {Failpoint.RETRY_CREATED, Failpoint.RETRY_UPLOADED}


@pytest.fixture
async def emulator(keys: Path) -> AsyncIterator[Emulator]:
    """An org."""
    async with Emulator(EmulatorConfig(directory=keys)) as running:
        yield running


def settings_of(emulator: Emulator, keys: Path) -> OrgSettings:
    """Return how to log in to the org, with parts of two hundred rows."""
    return org_settings(emulator, keys, loads=LoadSettings(part_rows=200))


def names_in(emulator: Emulator) -> list[str]:
    """Return the name of each record, as often as there is one."""
    found = emulator.org.query("SELECT LastName FROM Lead WHERE Company = 'Radium'").rows
    return sorted(record["LastName"] for record in found)


def check(caller: FileCaller, emulator: Emulator, names: list[str] | None = None) -> None:
    """Hold the org and what the caller was told against what was sent."""
    assert caller.finished is not None
    assert (names or NAMES) == names_in(emulator)
    assert len(names or NAMES) == caller.finished.rows_created == caller.finished.rows_received
    assert set(range(1, len(names or NAMES) + 1)) == {
        row for row, outcome in caller.rows.items() if outcome == "CREATED"
    }


@pytest.mark.parametrize("point", [point for point in Failpoint if point not in RETRIES], ids=lambda point: point.value)
async def test_a_replica_is_killed_at(emulator: Emulator, keys: Path, tmp_path: Path, point: Failpoint):
    """The process dies by SIGKILL at the place; another replica finishes by the last token that was stored."""
    prod = settings_of(emulator, keys)
    caller = FileCaller(HEADER, DATA.encode(), tmp_path / "token")
    passage = 1 if point in {Failpoint.BEGUN, Failpoint.ACCEPTED, Failpoint.FINISHING} else 2
    async with load_replica(prod, tmp_path, failpoints={point.value: passage}) as first:
        with pytest.raises(aio.AioRpcError):
            await caller.call(first.loads)
        assert -9 == await first.has_died()

    async with load_replica(prod, tmp_path) as second:
        await caller.call(second.loads)

    check(caller, emulator)


async def kill_later(replica: LoadReplica, seconds: float) -> None:
    """Kill a replica in the middle of what it does."""
    await asyncio.sleep(seconds)
    await replica.kill()


async def test_replicas_are_killed_at_random(emulator: Emulator, keys: Path, tmp_path: Path):
    """One after another dies at a time that nobody chose, and the last one finishes."""
    prod = settings_of(emulator, keys)
    number = ROWS * 2 * SCALE
    names = [f"N{index:06}" for index in range(number)]
    data = "LastName,Company\n" + "".join(f"{name},Radium\n" for name in names)
    caller = FileCaller(HEADER, data.encode(), tmp_path / "token")
    chance = random.Random(7)
    kills = 0

    for _ in range(5 * SCALE):
        async with load_replica(prod, tmp_path) as replica:
            with suppress(aio.AioRpcError):
                await asyncio.gather(caller.call(replica.loads), kill_later(replica, chance.uniform(0.05, 1.5)))
            kills += replica.is_dead
        if caller.finished is not None:
            break
    if caller.finished is None:
        async with load_replica(prod, tmp_path) as replica:
            await caller.call(replica.loads)

    assert kills >= 2
    check(caller, emulator, names)


@pytest.mark.parametrize("when", ["on_message", "before_commit", "after_commit"])
@pytest.mark.parametrize("number", [1, 3])
async def test_a_caller_is_killed(emulator: Emulator, keys: Path, tmp_path: Path, when: str, number: int):
    """Its file of the token is all that another caller needs."""
    prod = settings_of(emulator, keys)
    left = number

    def leave(_response: pb.BulkLoadResponse) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Left

    first, second = (FileCaller(HEADER, DATA.encode(), tmp_path / "token") for _ in range(2))
    setattr(first, when, leave)
    async with load_replica(prod, tmp_path) as replica:
        with pytest.raises(Left):
            await first.call(replica.loads)
        second.rows = first.rows
        await second.call(replica.loads)

    check(second, emulator)


async def test_without_its_token_a_load_is_doubled(emulator: Emulator, keys: Path, tmp_path: Path):
    """What shows that the token is what counts: a caller that lost it writes its rows again."""
    prod = settings_of(emulator, keys)
    caller = FileCaller(HEADER, DATA.encode(), tmp_path / "token")
    async with load_replica(prod, tmp_path, failpoints={"ended": 2}) as first:
        with pytest.raises(aio.AioRpcError):
            await caller.call(first.loads)

    caller.token_file.unlink()
    async with load_replica(prod, tmp_path) as second:
        await caller.call(second.loads)

    assert len(names_in(emulator)) > ROWS
