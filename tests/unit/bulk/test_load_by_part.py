"""A load whose caller commits each part: when its parts are at work, and what ends it."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from service import errors
from service.bulk import ledger
from service.bulk.cutting.parts import PartLimits
from service.bulk.job import JobState
from service.bulk.results.outcomes import RowCounts
from service.bulk.telling.events import PartDone, Prepared
from tests.support.bulk import FakeBulkOrg
from tests.support.clock import FakeClock
from tests.unit.bulk.loading import Caller, loader, new_ledger, stream
from tests.unit.bulk.sixty_names import DATA, INSERT, NAMES, SMALL, call, names


async def test_each_part_is_prepared_committed_and_done():
    """The parts are those that the data makes, and their counts add up."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    await call(caller, loader(org))

    assert NAMES == names(org)
    assert RowCounts(created=60) == caller.counts
    assert {number + 1: ("created", name) for number, name in enumerate(NAMES)} == caller.told
    assert list(range(1, 7)) == sorted(event.part.number for event in caller.events if isinstance(event, Prepared))
    assert [RowCounts(created=10)] * 6 == [event.part.counts for event in caller.events if isinstance(event, PartDone)]


async def test_nothing_is_written_before_its_commit():
    """A part that is prepared waits, whatever becomes of the others."""
    org = FakeBulkOrg()
    running = loader(org).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA, then=ConnectionResetError()))

    async with aclosing(running) as events:
        with pytest.raises(ConnectionResetError):
            assert [event async for event in events]

    assert [] == org.written
    assert {JobState.OPEN, JobState.ABORTED} >= {job.state for job in org.jobs}


async def test_no_more_parts_are_at_work_than_may_be():
    """Jobs beyond four wait, and with them the reading of data."""
    org = FakeBulkOrg(polls=5)
    most = 0

    class Counting(FakeClock):
        async def sleep(self, seconds):
            nonlocal most
            at_work = sum(job.state in {JobState.UPLOADED, JobState.PROCESSING} for job in org.jobs)
            most = max(most, at_work)
            await super().sleep(seconds)

    caller = Caller(INSERT, DATA, PartLimits(100, 3))

    await caller.call(loader(org, Counting()))

    assert 2 <= most <= 4
    assert NAMES == names(org)


async def test_parts_may_be_written_one_after_another():
    """Rows of one parent in several parts then lock it for nobody."""
    org = FakeBulkOrg(polls=5)
    most = 0

    class Counting(FakeClock):
        async def sleep(self, seconds):
            nonlocal most
            most = max(most, sum(job.state in {JobState.UPLOADED, JobState.PROCESSING} for job in org.jobs))
            await super().sleep(seconds)

    caller = Caller(replace(INSERT, is_serial=True), DATA, SMALL)

    await caller.call(loader(org, Counting()))

    assert 1 == most
    assert NAMES == names(org)


async def test_loads_share_the_room_for_parts():
    """Parts of all loads wait for one another, and what a load that ended early took is given back."""
    room = asyncio.Semaphore(1)
    org = FakeBulkOrg()
    broken = replace(loader(org), slots=room).run(INSERT, new_ledger(INSERT, SMALL), stream(DATA))
    async with aclosing(broken) as events:
        with pytest.raises(errors.InvalidRequest):
            assert [event async for event in events]
    callers = [Caller(INSERT, DATA, SMALL) for _ in range(3)]

    await asyncio.gather(*(call(caller, replace(loader(org), slots=room)) for caller in callers))

    assert [60, 60, 60] == [caller.counts.created for caller in callers]
    assert not room.locked()


async def test_a_load_that_has_too_many_parts_ends_after_them(monkeypatch):
    """The parts that its token has room for are loaded and told of, and the refusal names the first row that is not."""
    monkeypatch.setattr(ledger, "MAX_PARTS", 3)
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA, SMALL)

    with pytest.raises(errors.MessageTooLarge, match="from 31 on"):
        await call(caller, loader(org))

    assert NAMES[:30] == names(org)
    assert 3 == sum(isinstance(event, PartDone) for event in caller.events)


async def test_a_bad_row_ends_the_load_after_the_parts_before_it():
    """What was loaded before the row at fault is told of, and then the row."""
    org, caller = FakeBulkOrg(), Caller(INSERT, DATA + b'"cut in the mid', SMALL)

    with pytest.raises(errors.InvalidData) as caught:
        await call(caller, loader(org))

    assert 61 == caught.value.row
    done = [event.part.rows for event in caller.events if isinstance(event, PartDone)]
    assert len(org.written) == sum(done) == 50
