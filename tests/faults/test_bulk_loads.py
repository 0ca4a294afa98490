"""Loads into an org that is away, slow, full of bad rows, or run by people who abort jobs."""

import asyncio
import csv
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from grpc import aio
from sluicegate.v1 import bulk_load_pb2 as nouns
from sluicegate.v1 import bulk_service_pb2 as pb
from sluicegate.v1.bulk_service_pb2_grpc import BulkServiceStub

from service.app import App
from service.bulk.data.spool import Spool
from service.bulk.job import Job, ResultFile
from service.emulator.effects import Drop, Page, RevokeSessions, SlowJob
from service.emulator.rule import Rule
from service.emulator.server import Emulator, EmulatorConfig
from service.orgs.bulk_jobs import OrgBulkJobs
from service.settings import LoadSettings
from tests.support.loading import FileCaller
from tests.support.rich_status import failure
from tests.support.service import free_ports
from tests.support.stage import org_settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quick_polls")]

HEADER = pb.BulkLoadHeader(
    object="Lead",
    operation=nouns.BULK_OPERATION_INSERT,
    results=pb.BULK_RESULTS_ALL,
    commit=pb.BULK_COMMIT_BY_PART,
    key_column="LastName",
)
ROWS = 600
PART_ROWS = 200
JOB_INFO, RESULTS = OrgBulkJobs.job_info, OrgBulkJobs.results
_companies = (f"C{number}" for number in itertools.count(1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def emulator(keys: Path) -> AsyncIterator[Emulator]:
    """An org."""
    async with Emulator(EmulatorConfig(directory=keys)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loads(emulator: Emulator, keys: Path) -> AsyncIterator[BulkServiceStub]:
    """A service whose parts have two hundred rows."""
    prod = org_settings(emulator, keys, loads=LoadSettings(part_rows=PART_ROWS))
    async with App(free_ports(orgs={"prod": prod})) as app:
        assert app.addresses is not None
        async with aio.insecure_channel(app.addresses.grpc) as channel:
            yield BulkServiceStub(channel)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is waited for be looked at sooner: an org on this machine is soon well again."""
    monkeypatch.setattr("service.bulk.patience.FIRST_POLL_SECONDS", 0.02)
    monkeypatch.setattr("service.bulk.running.job_run.PAUSES_SECONDS", (0.05, 0.05, 0.05))


@pytest.fixture
def company(emulator: Emulator) -> Iterator[str]:
    """What the rows of a test have in common; the org behaves again afterwards."""
    yield next(_companies)
    emulator.disturbances.clear()


def caller_of(company: str, folder: Path, *, bad: int = 0) -> FileCaller:
    """Return the caller of a file in which every so many rows one has no name."""
    lines = (f"{'' if bad and number % bad == 0 else f'N{number:04}'},{company}\n" for number in range(ROWS))
    return FileCaller(HEADER, ("LastName,Company\n" + "".join(lines)).encode(), folder / "token")


def in_org(emulator: Emulator, company: str) -> list[str]:
    """Return the name of each record, as often as there is one."""
    found = emulator.org.query(f"SELECT LastName FROM Lead WHERE Company = '{company}'").rows
    return sorted(str(record["LastName"]) for record in found)


ALL = [f"N{number:04}" for number in range(ROWS)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jobs/ingest"),
        ("PUT", "/batches"),
        ("PATCH", "/jobs/ingest/"),
        ("GET", "/jobs/ingest/"),
        ("GET", "Results"),
    ],
)
@pytest.mark.parametrize("effect", [Page(503), Drop(), Drop(after_handling=True)], ids=["page", "lost", "answer-lost"])
async def test_calls_that_fail_are_outlasted(emulator, loads, company, tmp_path, method, path, effect):
    """Whatever is lost of whichever call, before or after it had its effect: every row is written once."""
    emulator.disturbances.add(effect, method=method, path=path, times=5)
    caller = caller_of(company, tmp_path)

    await caller.call(loads)

    assert ALL == in_org(emulator, company)
    assert caller.finished is not None
    assert ROWS == caller.finished.rows_created == len(caller.rows)


async def test_bad_rows_are_told_one_by_one(emulator, loads, company, tmp_path):
    """One row in twenty is refused, under its own number, and the others are written."""
    caller = caller_of(company, tmp_path, bad=20)

    await caller.call(loads)

    assert caller.finished is not None
    assert (ROWS, 570, 30) == (
        caller.finished.rows_received,
        caller.finished.rows_created,
        caller.finished.rows_failed,
    )
    assert set(range(1, ROWS + 1, 20)) == {row for row, outcome in caller.rows.items() if outcome == "FAILED"}
    assert 570 == len(in_org(emulator, company))


async def test_locked_rows_are_written_in_the_end(emulator, loads, company, tmp_path):
    """Rows that were locked are given to another job, and the caller sees each row written once."""
    emulator.disturbances.lock_rows(30, skip=100)
    caller = caller_of(company, tmp_path)

    await caller.call(loads)

    assert caller.finished is not None
    assert (ROWS, 0) == (caller.finished.rows_created, caller.finished.rows_failed)
    assert ALL == in_org(emulator, company)


async def test_a_job_that_an_administrator_aborts_is_told_exactly(emulator, loads, company, tmp_path):
    """What was written before is told as created, the rest as not processed; together they are all rows."""
    caller = caller_of(company, tmp_path)
    aborted: list[str] = []

    def abort(response: pb.BulkLoadResponse) -> None:
        states = (part for part in response.progress.load.parts if part.state == nouns.BULK_PART_STATE_COMMITTED)
        for part in states:
            if not aborted:
                tenant = emulator._tenants.by_org_id(emulator.credentials.org_id)
                assert tenant is not None
                job = tenant.jobs.get(part.job_ids[0])
                if job.state in {"UploadComplete", "InProgress"}:
                    tenant.jobs.abort(job)
                    aborted.append(job.id)

    emulator.disturbances.add(SlowJob(wait_seconds=1), times=None)
    caller.on_message = abort

    await caller.call(loads)

    assert caller.finished is not None
    assert aborted
    written = len(in_org(emulator, company))
    assert written == caller.finished.rows_created
    assert ROWS == written + caller.finished.rows_not_processed
    assert nouns.BULK_LOAD_STATE_ABORTED == caller.finished.load.state


async def test_a_file_that_is_cut_in_a_quoted_cell_is_refused_with_its_row(emulator, loads, company, tmp_path):
    """The parts before it are written and told of, and the refusal names the row."""
    caller = caller_of(company, tmp_path)
    caller.data += b'"cut in the mid'
    done: list[int] = []
    caller.on_message = lambda response: (
        done.append(response.part_done.part.row_count) if response.HasField("part_done") else None
    )

    with pytest.raises(aio.AioRpcError) as raised:
        await caller.call(loads)

    failed = failure(raised.value)
    assert ("INVALID_DATA", str(ROWS + 1)) == (failed.reason, failed.metadata["row"])
    assert sum(done) == len(in_org(emulator, company))


async def test_a_cell_that_is_too_long_is_refused_with_its_row(loads, company, tmp_path):
    """Salesforce takes 131,072 characters; nothing is sent of a file whose first part holds more in a cell."""
    caller = caller_of(company, tmp_path)
    caller.data = f"LastName,Company\nN1,{company}\n{'x' * 131_073},{company}\n".encode()

    with pytest.raises(aio.AioRpcError) as raised:
        await caller.call(loads)

    failed = failure(raised.value)
    assert ("INVALID_DATA", "2") == (failed.reason, failed.metadata["row"])


async def test_a_slow_org_is_waited_for(emulator, loads, company, tmp_path, monkeypatch):
    """Jobs that are asked for a hundred times until they are over are no failure."""
    monkeypatch.setattr("service.bulk.patience.LAST_POLL_SECONDS", 0.004)
    asked = 0

    async def counting(jobs: OrgBulkJobs, job_id: str) -> Job:
        nonlocal asked
        asked += 1
        return await JOB_INFO(jobs, job_id)

    monkeypatch.setattr(OrgBulkJobs, "job_info", counting)
    emulator.disturbances.add(SlowJob(wait_seconds=1.5), times=None)
    caller = caller_of(company, tmp_path)

    await caller.call(loads)

    assert asked >= 100
    assert ALL == in_org(emulator, company)


@pytest.mark.parametrize("event", ["accepted", "prepared", "progress", "part_done"])
async def test_a_session_that_dies_in_the_middle_is_renewed(emulator, loads, company, tmp_path, event):
    """Whatever the load does when its session ends, it goes on with another, and writes each row once."""
    caller = caller_of(company, tmp_path)
    rules: list[Rule] = []

    def revoke(response: pb.BulkLoadResponse) -> None:
        if response.HasField(event) and not rules:
            rules.append(emulator.disturbances.add(RevokeSessions(), path="/jobs/ingest"))

    caller.on_message = revoke

    await caller.call(loads)

    assert rules
    assert ALL == in_org(emulator, company)


async def test_a_session_that_is_not_renewed_ends_the_load(emulator, loads, company, tmp_path, monkeypatch):
    """Where a dead session is not seen for what it is the load breaks off, and goes on where it is."""
    caller = caller_of(company, tmp_path)

    def revoke(response: pb.BulkLoadResponse) -> None:
        if response.HasField("prepared"):
            emulator.disturbances.add(RevokeSessions(), path="/jobs/ingest")

    caller.on_message = revoke
    with monkeypatch.context() as patched:
        patched.setattr("service.salesforce.faults.is_dead_session", lambda _response: False)
        with pytest.raises(aio.AioRpcError):
            await caller.call(loads)
    emulator.disturbances.clear()
    caller.on_message = lambda response: None
    await caller.call(loads)

    assert ALL == in_org(emulator, company)


@pytest.mark.parametrize(("times", "unknown"), [(1, 0), (1_000, 3)], ids=["once", "always"])
async def test_results_that_a_proxy_cuts_end_no_load(loads, emulator, company, tmp_path, monkeypatch, times, unknown):
    """A file of results without its last line is read again; rows that none tells of are told as unknown."""
    monkeypatch.setattr("service.bulk.results.coverage.PAUSES_SECONDS", (0.01, 0.01, 0.01))
    left = times

    async def cut(jobs: OrgBulkJobs, job_id: str, file: ResultFile, begin: Callable[[], Spool]) -> Spool:
        nonlocal left
        left -= 1
        whole = b"".join((await RESULTS(jobs, job_id, file, begin)).chunks())
        spool = begin()
        spool.write(whole[: whole.rstrip().rindex(b"\n") + 1] if left >= 0 and whole.count(b"\n") > 1 else whole)
        return spool

    monkeypatch.setattr(OrgBulkJobs, "results", cut)
    caller = caller_of(company, tmp_path)

    await caller.call(loads)

    assert caller.finished is not None
    assert (ROWS - unknown, unknown) == (caller.finished.rows_created, caller.finished.rows_unknown)
    assert unknown == list(caller.rows.values()).count("UNKNOWN")
    assert ALL == in_org(emulator, company)


async def test_two_loads_at_a_time_are_told_apart(emulator, loads, tmp_path):
    """Loads of the same object, by the same user, at the same time: each is told of its own rows."""
    callers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        callers.append(caller_of(next(_companies), tmp_path / name))

    await asyncio.gather(*(caller.call(loads) for caller in callers))

    for caller in callers:
        rows = list(csv.reader(caller.data.decode().splitlines()))
        assert ALL == in_org(emulator, rows[1][1])
        assert caller.finished is not None
        assert ROWS == caller.finished.rows_created
