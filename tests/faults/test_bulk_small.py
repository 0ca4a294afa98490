"""Replicas that die while they write a small load by calls: whoever goes on, every record is as the data has it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb

from service.bulk.failpoints import Failpoint
from service.emulator.disturbances import Page
from service.emulator.effects import Drop
from service.emulator.server import Emulator, EmulatorConfig
from service.settings import OrgSettings
from tests.support.loading import FileCaller, LoadReplica, load_replica
from tests.support.stage import org_settings

ROWS = 1_000
HEADER = pb.BulkLoadHeader(
    object="Lead",
    operation=nouns.BULK_OPERATION_UPSERT,
    external_id_field="Ext__c",
    results=pb.BULK_RESULTS_ALL,
    commit=pb.BULK_COMMIT_BY_PART,
)
NUMBERS = itertools.count(1)
WITHOUT_JOB = {
    Failpoint.BEGUN: 1,
    Failpoint.ACCEPTED: 1,
    Failpoint.CUT: 1,
    Failpoint.PREPARED: 1,
    Failpoint.COMMIT_RECEIVED: 1,
    Failpoint.COMMITTED: 1,
    Failpoint.ENDED: 1,
    Failpoint.REPORTING: 1,
    Failpoint.REPORTED: 1,
    Failpoint.DONE: 1,
    Failpoint.FINISHING: 1,
}
"""The places that such a load passes; COMMITTED comes after the first 800 rows."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Loading:
    """A file of rows that are like no others in the org, and what became of it.

    Args:
        emulator: The org.
        token_file: Where the caller stores its token.

    """

    def __init__(self, emulator: Emulator, token_file: Path) -> None:
        self._emulator = emulator
        self._key = f"K{next(NUMBERS)}"
        self.names = {f"{self._key}-{number:04}": f"N{number:04}" for number in range(ROWS)}
        rows = "".join(f"{key},{name},R\n" for key, name in self.names.items())
        self.caller = FileCaller(HEADER, f"Ext__c,LastName,Company\n{rows}".encode(), token_file)

    @property
    def in_org(self) -> list[tuple[str, str]]:
        """The key and name of each record, as often as there is one."""
        found = self._emulator.org.query(f"SELECT Ext__c, LastName FROM Lead WHERE Ext__c LIKE '{self._key}-%'").rows
        return sorted((str(row["Ext__c"]), str(row["LastName"])) for row in found)

    def check(self) -> None:
        """Hold the org and what the caller was told against what was sent."""
        caller, finished = self.caller, self.caller.finished
        assert finished is not None
        assert sorted(self.names.items()) == self.in_org
        assert len(self.names) == finished.rows_created + finished.rows_updated == finished.rows_received
        assert set(range(1, ROWS + 1)) == set(caller.rows)
        assert sum(outcome == "CREATED" for outcome in caller.rows.values()) == finished.rows_created
        assert nouns.BULK_WAY_COLLECTIONS == finished.load.parts[0].way


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def emulator(keys: Path) -> AsyncIterator[Emulator]:
    """An org."""
    async with Emulator(EmulatorConfig(directory=keys)) as running:
        yield running


@pytest.fixture(scope="module")
def prod(emulator: Emulator, keys: Path) -> OrgSettings:
    """How to log in to it."""
    return org_settings(emulator, keys)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def survivor(prod: OrgSettings, keys: Path) -> AsyncIterator[LoadReplica]:
    """A replica that nobody kills."""
    async with load_replica(prod, keys) as running:
        yield running


@pytest.fixture
def loading(emulator: Emulator, tmp_path: Path) -> Loading:
    """A file, and its caller."""
    return Loading(emulator, tmp_path / "token")


@pytest.mark.parametrize(("point", "passage"), WITHOUT_JOB.items(), ids=[point.value for point in WITHOUT_JOB])
async def test_a_replica_is_killed_at(
    loading: Loading, prod: OrgSettings, survivor: LoadReplica, tmp_path: Path, point: Failpoint, passage: int
):
    """The process dies by SIGKILL at the place; another replica writes all rows again, or knows of all."""
    async with load_replica(prod, tmp_path, failpoints={point.value: passage}) as first:
        with pytest.raises(aio.AioRpcError):
            await loading.caller.call(first.loads)
        assert -9 == await first.has_died()

    await loading.caller.call(survivor.loads)

    loading.check()


async def test_a_lost_answer_is_repaired_by_writing_again(loading: Loading, emulator: Emulator, survivor: LoadReplica):
    """Calls whose answers are lost or are those of an outage cost nobody a row."""
    away = emulator.disturbances.add(Page(503), path="composite/sobjects", times=3)
    lost = emulator.disturbances.add(Drop(after_handling=True), path="composite/sobjects", times=2)

    await loading.caller.call(survivor.loads)

    assert (3, 2) == (away.hits, lost.hits)
    loading.check()


async def test_what_is_committed_is_written_though_its_caller_dies(loading: Loading, survivor: LoadReplica):
    """The service writes on, as Salesforce would with a job; whoever goes on is told of all rows."""

    def leave(response: pb.BulkLoadResponse) -> None:
        if response.progress.load.rows_processed:
            raise ConnectionResetError

    loading.caller.on_message = leave
    with pytest.raises(ConnectionResetError):
        await loading.caller.call(survivor.loads)
    async with asyncio.timeout(30):
        while len(loading.in_org) < ROWS:  # noqa: ASYNC110 - what becomes of a call that is over tells nobody
            await asyncio.sleep(0.05)
    loading.caller.on_message = lambda response: None

    await loading.caller.call(survivor.loads)

    assert loading.caller.finished is not None
    assert ROWS == loading.caller.finished.rows_updated
    loading.check()
