"""Room on the disk: who has it, who waits for it, and that somebody can always go on."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import errors
from service.bulk import room
from service.bulk.room import DiskRoom
from tests.support.clock import settle
from tests.support.idle_time import in_idle_time


@pytest.fixture(autouse=True)
def small_loads(monkeypatch):
    """Let a load take one byte before it has rows."""
    monkeypatch.setattr(room, "LOAD_BYTES", 1)


def test_rows_and_results_are_counted_until_their_part_is_over():
    """What a part holds is given back as a whole, and what a load holds when it ends."""
    disk = DiskRoom(1_000, 200)
    load = disk.open(largest=200)

    assert load.take_now(120)
    assert 121 == disk.taken
    part = load.cut(50, 0)
    assert 101 == disk.taken
    assert load.take_now(20)
    part.close()
    part.close()
    assert 21 == disk.taken
    load.close()
    load.close()

    assert 0 == disk.taken


def test_a_part_takes_no_more_than_the_largest():
    """However many bytes come in until it is cut, as many as leave out columns for example."""
    disk = DiskRoom(1_000, 200)
    load = disk.open(largest=200)

    assert all(load.take_now(180) for _ in range(9))

    assert 201 == disk.taken


def test_a_new_load_is_refused_while_others_wait():
    """The refusal says when to come back, and how much is held."""
    disk = DiskRoom(101, 0)
    load = disk.open(largest=100)
    assert load.take_now(100)

    with pytest.raises(errors.QueueFull, match="no further load") as caught:
        disk.open(largest=100)

    assert 60.0 == caught.value.retry_after_seconds
    assert {"waiting_bytes": "101", "maximum_bytes": "101"} == caught.value.metadata


async def test_who_waits_has_room_in_turn():
    """The first in line comes first, and nobody overtakes it who would need less."""
    disk = DiskRoom(103, 0)
    loads = [disk.open(largest=100) for _ in range(3)]
    assert loads[0].take_now(90)
    first = asyncio.ensure_future(loads[1].take(40))
    await settle()

    assert not loads[2].take_now(2)
    second = asyncio.ensure_future(loads[2].take(2))
    await settle()
    assert (False, False, True) == (first.done(), second.done(), loads[0].is_short)
    loads[0].close()
    await settle()

    assert (True, True, 0) == (first.done(), second.done(), disk.waiting)


async def test_the_last_room_is_kept_for_one():
    """Of loads in the middle of a part, one is brought to its cut; then the next one, when that room is free again."""
    disk = DiskRoom(300, 100)
    loads = [disk.open(largest=100) for _ in range(3)]
    assert [True, True] == [load.take_now(90) for load in loads[:2]]

    assert loads[2].take_now(20)
    others = [asyncio.ensure_future(load.take(10)) for load in loads[:2]]
    own = asyncio.ensure_future(loads[2].take(80))
    await settle()
    assert ([False, False], True) == ([other.done() for other in others], own.done())
    part = loads[2].cut(50, 0)
    await settle()
    assert [False, False] == [other.done() for other in others]
    part.close()
    await settle()

    assert others[0].done()
    assert disk.taken <= disk.limit


@in_idle_time
async def test_nobody_waits_for_ever():
    """Who gets no room is refused after ten minutes, and stands in nobody's way any more."""
    disk = DiskRoom(102, 0)
    holder, load = disk.open(largest=100), disk.open(largest=100)
    assert holder.take_now(100)

    with pytest.raises(errors.QueueFull, match="ten minutes"):
        await load.take(20)

    assert (0, 102) == (disk.waiting, disk.taken)


async def test_room_that_is_given_back_while_a_wait_is_cancelled_goes_to_the_next():
    """The wait has not left the line yet, for its task was cancelled just now; it takes nothing any more."""
    disk = DiskRoom(103, 0)
    holder, *loads = (disk.open(largest=100) for _ in range(3))
    assert holder.take_now(100)
    cancelled, waiting = (asyncio.ensure_future(load.take(50)) for load in loads)
    await settle()

    cancelled.cancel()
    holder.close()
    await settle()

    assert (True, True) == (cancelled.cancelled(), waiting.done())
    assert (0, 52) == (disk.waiting, disk.taken)


async def test_a_wait_that_is_cancelled_takes_nothing():
    """The next in line has the room then."""
    disk = DiskRoom(103, 0)
    loads = [disk.open(largest=100) for _ in range(3)]
    assert loads[0].take_now(80)
    waits = [asyncio.ensure_future(load.take(size)) for load, size in zip(loads[1:], (100, 10), strict=True)]
    await settle()

    waits[0].cancel()
    await settle()

    assert waits[1].done()
    assert 0 == disk.waiting


def test_results_that_are_larger_than_their_rows():
    """They have what is free, and where nothing is, they are refused, not the machine's disk filled."""
    disk = DiskRoom(301, 0)
    load = disk.open(largest=200)
    assert load.take_now(200)
    part = load.cut(100, 0)

    part.charge(150)
    assert 251 == disk.taken
    with pytest.raises(errors.QueueFull, match="for results"):
        part.charge(100)
    part.charge(-150)
    part.charge(100)
    part.close()
    load.close()

    assert 0 == disk.taken


@given(loads=st.integers(1, 12), parts=st.integers(1, 4), kept=st.integers(200, 600), seed=st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_whatever_they_take_all_come_to_their_end(loads, parts, kept, seed):
    """Loads that take room by bits and give it back by parts never stop one another, nor pass the limit."""
    chance = random.Random(seed)
    disk = DiskRoom(kept + 200, 200)
    most = 0

    async def run(load):
        nonlocal most
        for _ in range(parts):
            left = size = chance.randint(1, 100)
            while left:
                bit = chance.randint(1, left)
                left -= bit
                if not load.take_now(2 * bit):
                    await load.take(2 * bit)
                most = max(most, disk.taken)
                await asyncio.sleep(0)
            part = load.cut(size, 0)
            await asyncio.sleep(0)
            part.close()
        load.close()

    async def all_of_them():
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for load in [disk.open(largest=200) for _ in range(loads)]:
                group.create_task(run(load))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "LOAD_BYTES", 0)
        asyncio.run(all_of_them())

    assert most <= kept + 200
    assert 0 == disk.taken


def test_no_caller_has_more_loads_than_are_left_to_others():
    """Loads that are begun and never sent anything keep nobody out."""
    disk = DiskRoom(30, 0)

    for _ in range(15):
        disk.open(largest=10, caller="idle")
    with pytest.raises(errors.QueueFull):
        disk.open(largest=10, caller="idle")
    disk.open(largest=10, caller="other")

    assert 16 == disk.taken


async def test_who_has_no_load_may_stand_in_line():
    """Where one caller has all the room, others need not come at the right moment; they are seen to wait."""
    disk = DiskRoom(101, 0)
    hoard = disk.open(largest=100, caller="hoarder")
    assert hoard.take_now(100)

    newcomers = [disk.open(largest=10, caller=f"newcomer {number}") for number in range(room.MOST_NEWCOMERS)]
    waiting = asyncio.ensure_future(newcomers[0].take(10))
    await settle()
    for caller in ("hoarder", "newcomer 0", "one more"):
        with pytest.raises(errors.QueueFull):
            disk.open(largest=10, caller=caller)

    assert (True, 101) == (hoard.is_short, disk.taken)
    hoard.close()
    await waiting
    for newcomer in newcomers:
        newcomer.close()
    assert 0 == disk.taken
    disk.open(largest=10, caller="newcomer 0").close()
    assert 0 == disk.taken


def test_what_is_read_ahead_is_counted():
    """All loads together hold so much in memory and no more, and one that ends holds nothing."""
    disk = DiskRoom(1_000, 200)
    first, second = disk.open(caller="a"), disk.open(caller="b")

    first.read_ahead(room.MOST_AHEAD_BYTES - 1)
    assert second.may_read_ahead
    second.read_ahead(1)
    assert not first.may_read_ahead
    first.close()
    first.close()

    assert (1, True) == (disk.ahead, second.may_read_ahead)
