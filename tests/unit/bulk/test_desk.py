"""Room for parts at work, of one load and of all."""

import asyncio

from service.bulk.desk import PARTS_AT_WORK, Slots


async def test_a_load_works_on_so_many_parts_and_no_more():
    """However much room others leave; a part that gives its room back lets the next one in."""
    others = asyncio.Semaphore(100)
    slots = Slots(others)
    for _ in range(PARTS_AT_WORK):
        await slots.acquire()
    waiting = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    has_waited = not waiting.done()

    slots.release()
    await waiting

    assert has_waited


async def test_a_wait_that_is_cancelled_takes_no_room():
    """Neither of its load's, which it had while it waited for the others', nor of theirs."""
    others = asyncio.Semaphore(1)
    slots, another = Slots(others), Slots(others)
    await another.acquire()
    waiting = [asyncio.ensure_future(slots.acquire()) for _ in range(PARTS_AT_WORK)]
    await asyncio.sleep(0)

    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    another.release()

    async with asyncio.timeout(20):
        for _ in range(PARTS_AT_WORK):
            await slots.acquire()
            others.release()
    assert not others.locked()
