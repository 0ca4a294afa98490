"""Loads that share too small a disk: they wait for one another, and all come to their end."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from service import errors
from service.bulk import room
from service.bulk.cutting.parts import PartLimits
from service.bulk.data import spool
from service.bulk.data.batches import CellColumn, CellKind, RowColumns
from service.bulk.data.formats import Format
from service.bulk.ledger import Ledger
from service.bulk.request import LoadRequest, Operation, WantedResults
from service.bulk.results.outcomes import RowCounts
from service.bulk.room import DiskRoom
from service.bulk.running import consent
from service.bulk.taking import incoming
from service.bulk.taking.messages import DataEnd, Message, PartCommit
from service.bulk.telling.events import Accepted, Event, Finished, PartDone, Prepared, Progress
from tests.support.bulk import FakeBulkOrg
from tests.support.idle_time import in_idle_time
from tests.unit.bulk.loading import SIGNER, Caller, by_part, loader, new_ledger, queued

INSERT = by_part(LoadRequest("Lead", Operation.INSERT, results=WantedResults.ALL, key_column="LastName"))
BATCHES = replace(INSERT, format=Format.BATCHES)
LIMITS = PartLimits(100, 10)
WRITE_AT = spool._write_at
SHARE = room.weight(LIMITS.size_bytes, LIMITS.rows)
DATA = b"LastName\n" + "".join(f"N{number:02}\n" for number in range(60)).encode()


@pytest.fixture(autouse=True)
def small_loads(monkeypatch):
    """Let a load take one byte before it has rows."""
    monkeypatch.setattr(room, "LOAD_BYTES", 1)


class Noting(DiskRoom):
    """Room that knows how much of it was taken at most."""

    most = 0

    def _grant(self, load: Any, size: int) -> None:
        super()._grant(load, size)
        self.most = max(self.most, self.taken)


def rows(first: int) -> RowColumns:
    """Return five rows."""
    return RowColumns(5, (CellColumn("LastName", CellKind.TEXT, [f"N{first + row:02}" for row in range(5)]),))


async def converse(disk: DiskRoom, org: FakeBulkOrg, *, commit: bool = True) -> list[Event]:
    """Load sixty rows as a caller does that sends data as fast as it may, and commits behind it."""
    outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
    for first in range(0, 60, 5):
        outgoing.put_nowait(rows(first))
    outgoing.put_nowait(DataEnd())
    events: list[Event] = []
    running = replace(loader(org), disk=disk).run(BATCHES, new_ledger(BATCHES, LIMITS), queued(outgoing))
    async for event in running:
        events.append(event)
        if isinstance(event, Prepared) and commit:
            outgoing.put_nowait(PartCommit(event.part.number, event.resume_token))
    return events


def counts_of(events: list[Event]) -> RowCounts:
    """Return what a load's end told."""
    assert isinstance(events[-1], Finished)
    return events[-1].counts


async def test_loads_wait_for_one_another():
    """Five loads of six parts each, and room for one part and a half: each row is written once, within the limit."""
    org, disk = FakeBulkOrg(), Noting(SHARE * 3 // 2 + 5, SHARE)

    async with asyncio.timeout(30):
        told = await asyncio.gather(*(converse(disk, org) for _ in range(5)))

    assert [RowCounts(created=60)] * 5 == [counts_of(events) for events in told]
    assert 300 == len(org.written)
    assert SHARE < disk.most <= disk.limit
    assert 0 == disk.taken
    reasons = {event.waiting_for for events in told for event in events if isinstance(event, Progress)}
    assert any("disk" in reason for reason in reasons)


async def test_commits_overtake_data_that_waits():
    """A part that waits for its commit holds the only room, and the commit stands behind data that waits for some."""
    disk = DiskRoom(SHARE + 2, SHARE)

    async with asyncio.timeout(20):
        events = await converse(disk, FakeBulkOrg())

    assert RowCounts(created=60) == counts_of(events)
    assert 0 == disk.taken


class SlowOrg(FakeBulkOrg):
    """An org whose uploads take a second."""

    async def upload(self, job_id: str, content: Any) -> None:
        """Take the data."""
        await asyncio.sleep(1)
        await super().upload(job_id, content)


async def commits_first(data: list[Message], commits: "asyncio.Queue[Message]") -> AsyncIterator[Message]:
    """Yield messages as over a connection that holds nothing: a commit comes before all data that was not read yet."""
    for message in data:
        while not commits.empty():
            yield commits.get_nowait()
        yield message
    while True:
        yield await commits.get()


@in_idle_time
async def test_no_memory_is_spent_on_data_before_a_commit_is_owed(monkeypatch):
    """Else there would be none left to reach the commits in, once the parts are prepared that they are for."""
    monkeypatch.setattr(incoming, "AHEAD_BYTES", 1)
    disk, commits = DiskRoom(SHARE + 2, SHARE), asyncio.Queue[Message]()
    data: list[Message] = [*(rows(first) for first in range(0, 60, 5)), DataEnd()]
    running = replace(loader(SlowOrg()), disk=disk).run(
        BATCHES, new_ledger(BATCHES, LIMITS), commits_first(data, commits)
    )

    events: list[Event] = []
    async with aclosing(running) as telling:
        async for event in telling:
            events.append(event)
            if isinstance(event, Prepared):
                commits.put_nowait(PartCommit(event.part.number, event.resume_token))
            if isinstance(event, Finished):
                break

    assert RowCounts(created=60) == counts_of(events)


@in_idle_time
async def test_without_reading_ahead_such_a_load_is_stuck(monkeypatch):
    """What shows that commits have to overtake: where none is read, the load waits for itself and is refused."""
    monkeypatch.setattr(incoming, "AHEAD_BYTES", 0)
    monkeypatch.setattr(room, "WAIT_SECONDS", room.WAIT_SECONDS - 1)
    disk = DiskRoom(SHARE + 2, SHARE)

    with pytest.raises(errors.QueueFull):
        await converse(disk, FakeBulkOrg())

    assert 0 == disk.taken


@in_idle_time
async def test_a_caller_that_owes_a_commit_does_not_hold_others_for_ever(monkeypatch):
    """While others wait for room, a part waits for its commit for ten minutes, and the load can be gone on with."""
    monkeypatch.setattr(consent, "WAIT_SECONDS", room.WAIT_SECONDS - 1)
    org, disk = FakeBulkOrg(), DiskRoom(SHARE + 2, SHARE)

    with pytest.raises(errors.DeadlineExceeded, match="was not committed for 599 seconds"):
        await converse(disk, org, commit=False)

    assert (0, []) == (disk.taken, org.written)


async def test_a_load_too_many_is_refused_and_costs_nothing():
    """It is told when to come back before any job was made for it."""
    org, disk = FakeBulkOrg(), DiskRoom(SHARE, SHARE)

    with pytest.raises(errors.QueueFull) as caught:
        await Caller(INSERT, DATA, LIMITS).call(replace(loader(org), disk=disk))

    assert (60.0, []) == (caught.value.retry_after_seconds, org.calls)


async def test_a_full_disk_is_told_and_outlived(monkeypatch):
    """A full disk ends the load with a clear refusal, and its token goes on when there is room again."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, LIMITS)
    disk = DiskRoom()
    full = False

    def write_at(file: int, data: bytes, at: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        WRITE_AT(file, data, at)

    monkeypatch.setattr("service.bulk.data.spool._write_at", write_at)
    monkeypatch.setattr("service.bulk.results.result_files.MEMORY_BYTES", 0)

    def fill(event: Event) -> None:
        nonlocal full
        full = full or isinstance(event, PartDone)

    caller.on_event = fill
    with pytest.raises(errors.QueueFull, match="disk"):
        await caller.call(replace(loader(org), disk=disk))
    full, caller.on_event = False, lambda event: None
    await caller.call(replace(loader(org), disk=disk))

    assert RowCounts(created=60) == caller.counts
    assert 60 == len(org.written)
    assert 0 == disk.taken
    assert isinstance(caller.events[0], Accepted)
    assert Ledger.of(SIGNER.read(caller.stored, org="prod")).has_ended


async def silent(disk: DiskRoom, org: FakeBulkOrg, *messages: Message) -> None:
    """Begin a load, send so much, and say nothing any more."""
    outgoing: asyncio.Queue[Message | None] = asyncio.Queue()
    for message in messages:
        outgoing.put_nowait(message)
    running = replace(loader(org), disk=disk, caller="silent").run(
        BATCHES, new_ledger(BATCHES, LIMITS), queued(outgoing)
    )
    async for _ in running:
        pass


@pytest.mark.parametrize("sent", [(), (rows(0),), (rows(0), rows(5), rows(10))])
@in_idle_time
async def test_a_caller_that_falls_silent_does_not_hold_others_for_ever(sent):
    """While others wait for room a caller that owes data has ten minutes; without others it has all time."""
    org, disk = FakeBulkOrg(), DiskRoom(SHARE + 2, SHARE)
    silence = asyncio.ensure_future(silent(disk, org, *sent))
    await asyncio.sleep(room.WAIT_SECONDS * 9.5)
    assert not silence.done()

    told = await converse(disk, org)
    if sent:
        with pytest.raises(errors.DeadlineExceeded):
            await silence

    silence.cancel()
    await asyncio.gather(silence, return_exceptions=True)
    assert RowCounts(created=60) == counts_of(told)
    assert 0 == disk.taken


@in_idle_time
async def test_loads_that_wait_hold_no_more_memory_than_there_is(monkeypatch):
    """Beyond that a load that waits reads nothing, so that the connection holds its caller back."""
    monkeypatch.setattr(room, "MOST_AHEAD_BYTES", 1)
    monkeypatch.setattr(room, "WAIT_SECONDS", room.WAIT_SECONDS - 1)
    disk = DiskRoom(SHARE + 2, SHARE)
    other = disk.open(caller="other")
    other.read_ahead(1)

    with pytest.raises(errors.QueueFull):
        await converse(disk, FakeBulkOrg())

    other.close()
    assert (0, 0) == (disk.taken, disk.ahead)
