"""A load whose caller leaves it: what is not committed is aborted, and what is goes on."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from service import errors
from service.bulk.job import JobState
from service.bulk.request import WantedResults
from service.bulk.telling.events import Accepted, Progress
from tests.support.bulk import FakeBulkOrg
from tests.unit.bulk.loading import loader, new_ledger, stream
from tests.unit.bulk.three_rows import DATA, INSERT, run


async def test_a_caller_whose_stream_breaks_writes_nothing():
    """An error of the caller's stream passes through."""
    org = FakeBulkOrg()
    data = stream(b"LastName\n" + b"Curie\n" * 20_000, then=ConnectionResetError())

    with pytest.raises(ConnectionResetError):
        await consume(data, org)

    assert [JobState.ABORTED] == [job.state for job in org.jobs]


async def consume(data, org):
    async with aclosing(run(INSERT, org, data)) as events:
        assert [event async for event in events]


class SlowUpload(FakeBulkOrg):
    """An org that never takes data."""

    def __post_init__(self):
        super().__post_init__()
        self.begun = asyncio.Event()

    async def upload(self, job_id, content):
        self.begun.set()
        await asyncio.Event().wait()


async def test_a_caller_that_leaves_aborts():
    """Closing the iterator before the commit aborts the job."""
    org = SlowUpload()

    async with aclosing(run(INSERT, org, stream(DATA))) as events:
        assert isinstance(await anext(events), Accepted)
        await org.begun.wait()

    assert [JobState.ABORTED] == [job.state for job in org.jobs]


async def test_a_caller_that_leaves_after_the_commit_does_not_abort():
    """A committed load goes on in Salesforce whoever listens."""
    org = FakeBulkOrg(polls=10)

    async with aclosing(run(INSERT, org, stream(DATA))) as events:
        async for event in events:
            if isinstance(event, Progress) and event.load.state is JobState.PROCESSING:
                break

    assert "abort" not in org.calls
    assert org.jobs[0].state is JobState.PROCESSING


async def test_a_cancelled_load_aborts():
    """Cancelling the caller while data goes up aborts the job before the cancellation passes on."""
    org = SlowUpload()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is JobState.ABORTED


class SlowAbort(SlowUpload):
    """An org that takes its time to abort, too."""

    def __post_init__(self):
        super().__post_init__()
        self.aborting = asyncio.Event()
        self.may_end = asyncio.Event()

    async def abort(self, job_id):
        self.aborting.set()
        await self.may_end.wait()
        return await super().abort(job_id)


async def test_a_second_cancellation_does_not_stop_the_abort():
    """An abort under way is finished even when the caller is cancelled again."""
    org = SlowAbort()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    await org.aborting.wait()
    task.cancel()
    await asyncio.sleep(0)
    org.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is JobState.ABORTED


async def test_an_abort_that_hangs_is_given_up(monkeypatch):
    """Salesforce cannot hold a caller back for longer than the bound."""
    monkeypatch.setattr("service.bulk.running.job_steps.ABORT_SECONDS", 0.0)
    org = SlowAbort()
    task = asyncio.ensure_future(consume(stream(DATA), org))
    await org.begun.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert org.jobs[0].state is JobState.OPEN


class Telling(FakeBulkOrg):
    """An org that lets know when its results are asked for."""

    def __post_init__(self):
        super().__post_init__()
        self.asked = asyncio.Event()

    async def results(self, job_id, file, begin):
        self.asked.set()
        return await super().results(job_id, file, begin)


async def test_a_caller_that_reads_nothing_gives_its_room_back(monkeypatch):
    """What the load holds is freed while its caller sleeps, which is told so when it wakes."""
    monkeypatch.setattr("service.bulk.telling.outbox.UNREAD_SECONDS", 0.01)
    org, slots = Telling(polls=1), asyncio.Semaphore(1)
    request, data = replace(INSERT, results=WantedResults.ALL), b"LastName\n" + b"Curie\n" * 20_000
    running = replace(loader(org), slots=slots).run(request, new_ledger(request), stream(data))

    async with aclosing(running) as events, asyncio.timeout(20):
        await anext(events)
        await org.asked.wait()
        await slots.acquire()
        with pytest.raises(errors.DeadlineExceeded, match="was read"):
            assert [event async for event in events]

    assert "abort" not in org.calls
