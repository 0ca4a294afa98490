"""Replicas and callers that die in the middle of an insert: whoever goes on, every row is in the org exactly once."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb

from service.bulk.failpoints import Failpoint
from service.emulator.fault_rules import parse_rules
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import LoadSettings, OrgSettings
from tests.support.loading import FileCaller, Left, LoadReplica, load_replica
from tests.support.scale import SCALE
from tests.support.stage import org_settings
from tests.support.valkey import valkey_process

ROWS = 1_000
HEADER = pb.BulkLoadHeader(
    object="Lead",
    operation=nouns.BULK_OPERATION_INSERT,
    results=pb.BULK_RESULTS_ALL,
    commit=pb.BULK_COMMIT_BY_PART,
    key_column="LastName",
)
RETRIES = {Failpoint.RETRY_CREATED, Failpoint.RETRY_UPLOADED}
SEVERAL = set(Failpoint) - {Failpoint.BEGUN, Failpoint.ACCEPTED, Failpoint.FINISHING, *RETRIES}
"""Places that a load passes several times."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Loading:
    """A file of rows that are like no others in the org, and what became of it.

    Args:
        emulator: The org.
        token_file: Where the caller stores its token.
        rows: How many there are.

    """

    numbers = itertools.count(1)

    def __init__(self, emulator: Emulator, token_file: Path, rows: int = ROWS) -> None:
        self._emulator = emulator
        self._company = f"C{next(self.numbers)}"
        self.names = [f"N{number:06}" for number in range(rows)]
        data = "LastName,Company\n" + "".join(f"{name},{self._company}\n" for name in self.names)
        self.caller = FileCaller(HEADER, data.encode(), token_file)

    @property
    def in_org(self) -> list[str]:
        """The name of each record, as often as there is one."""
        found = self._emulator.org.query(f"SELECT LastName FROM Lead WHERE Company = '{self._company}'").rows
        return sorted(str(record["LastName"]) for record in found)

    def check(self) -> None:
        """Hold the org and what the caller was told against what was sent."""
        caller = self.caller
        assert caller.finished is not None
        assert self.names == self.in_org
        assert len(self.names) == caller.finished.rows_created == caller.finished.rows_received
        assert dict.fromkeys(range(1, len(self.names) + 1), "CREATED") == caller.rows


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def emulator(keys: Path) -> AsyncIterator[Emulator]:
    """An org."""
    async with Emulator(EmulatorConfig(directory=keys)) as running:
        yield running


@pytest.fixture(scope="module")
def prod(emulator: Emulator, keys: Path) -> OrgSettings:
    """How to log in to it, with parts of two hundred rows."""
    return org_settings(emulator, keys, loads=LoadSettings(part_rows=200))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def survivor(prod: OrgSettings, keys: Path) -> AsyncIterator[LoadReplica]:
    """A replica that nobody kills."""
    async with load_replica(prod, keys) as running:
        yield running


@pytest.fixture
def loading(emulator: Emulator, tmp_path: Path) -> Iterator[Loading]:
    """A file, and its caller."""
    yield Loading(emulator, tmp_path / "token")
    emulator.disturbances.clear()


@pytest.mark.parametrize("point", Failpoint, ids=lambda point: point.value)
async def test_a_replica_is_killed_at(
    loading: Loading, emulator: Emulator, prod: OrgSettings, survivor: LoadReplica, tmp_path: Path, point: Failpoint
):
    """The process dies by SIGKILL at the place; another replica finishes by the last token that was stored."""
    if point in RETRIES:
        lock = {"effect": {"row_lock": {"sobject": "Lead"}}, "times": 3}
        for rule in parse_rules([lock], lambda _name: None):
            emulator.disturbances.add_rule(rule)
    passage = 2 if point in SEVERAL else 1
    async with load_replica(prod, tmp_path, failpoints={point.value: passage}) as first:
        with pytest.raises(aio.AioRpcError):
            await loading.caller.call(first.loads)
        assert -9 == await first.has_died()

    await loading.caller.call(survivor.loads)

    loading.check()


async def kill_later(replica: LoadReplica, seconds: float) -> None:
    """Kill a replica in the middle of what it does."""
    await asyncio.sleep(seconds)
    await replica.kill()


async def test_replicas_are_killed_at_random(
    emulator: Emulator, prod: OrgSettings, survivor: LoadReplica, tmp_path: Path
):
    """One after another dies at a time that nobody chose, and the last one finishes."""
    loading = Loading(emulator, tmp_path / "token", 2_000 if SCALE == 1 else 100_000)
    chance = random.Random(7)
    kills = 0

    for _ in range(3 * SCALE):
        async with load_replica(prod, tmp_path) as replica:
            death = asyncio.create_task(kill_later(replica, chance.uniform(0.05, 1)))
            with suppress(aio.AioRpcError):
                await loading.caller.call(replica.loads)
            await death
        kills += loading.caller.finished is None
        if loading.caller.finished is not None:
            break
    if loading.caller.finished is None:
        await loading.caller.call(survivor.loads)

    assert kills >= 1
    loading.check()


@pytest.mark.parametrize("when", ["on_message", "before_commit", "after_commit"])
@pytest.mark.parametrize("number", [1, 3])
async def test_a_caller_is_killed(loading: Loading, survivor: LoadReplica, when: str, number: int):
    """Its file of the token is all that another caller needs."""
    left = number

    def leave(_response: pb.BulkLoadResponse) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Left

    first = loading.caller
    setattr(first, when, leave)
    with pytest.raises(Left):
        await first.call(survivor.loads)
    loading.caller = FileCaller(HEADER, first.data, first.token_file, rows=first.rows)

    await loading.caller.call(survivor.loads)

    loading.check()


async def test_without_its_token_a_load_is_doubled(
    loading: Loading, prod: OrgSettings, survivor: LoadReplica, tmp_path: Path
):
    """What shows that the token is what counts: a caller that lost it writes its rows again."""
    async with load_replica(prod, tmp_path, failpoints={"ended": 2}) as first:
        with pytest.raises(aio.AioRpcError):
            await loading.caller.call(first.loads)

    loading.caller.token_file.unlink()
    await loading.caller.call(survivor.loads)

    assert len(loading.in_org) > ROWS


async def gone_on_with_twice(loading: Loading, replicas: Sequence[LoadReplica], tmp_path: Path) -> list[object]:
    """Have a caller on each replica go on with one token at the same time; return what they ended with."""
    caller = loading.caller

    def leave(_response: pb.BulkLoadResponse) -> None:
        if caller.token_file.exists():
            raise Left

    caller.on_message = leave
    with pytest.raises(Left):
        await caller.call(replicas[0].loads)
    others = []
    for number, _ in enumerate(replicas):
        token_file = tmp_path / f"token-{number}"
        token_file.write_text(caller.token_file.read_text())
        others.append(FileCaller(caller.header, caller.data, token_file))
    calls = (other.call(replica.loads) for other, replica in zip(others, replicas, strict=True))
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_two_callers_with_one_token_write_each_row_once(loading: Loading, prod: OrgSettings, tmp_path: Path):
    """Replicas that share a store have each part written by one job, and both tell what became of its rows."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(valkey_process())
        replicas = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            replicas.append(await stack.enter_async_context(load_replica(prod, folder, store=server.url)))
        ends = await gone_on_with_twice(loading, replicas, tmp_path)

    assert [None, None] == ends
    assert loading.names == loading.in_org


async def test_without_a_store_two_replicas_cannot_tell(
    loading: Loading, prod: OrgSettings, survivor: LoadReplica, tmp_path: Path
):
    """What shows that the store is what keeps two callers with one token from doubling their rows."""
    async with load_replica(prod, tmp_path) as other:
        ends = await gone_on_with_twice(loading, [survivor, other], tmp_path)

    assert [None, None] == ends
    assert sorted(loading.names * 2) == loading.in_org
