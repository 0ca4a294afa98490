"""The end of calls without a deadline. A time of no length is over at the next turn of the event loop."""

import asyncio

from service.rpc.overdue import Overdue


async def turns() -> None:
    """Let the event loop go round more often than anything here needs."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_call_that_goes_on_is_cancelled_and_told_why():
    """The task is left as if nobody had asked it to cancel, so that it can still answer."""
    overdue = Overdue(0)
    task = overdue.begin()
    cancelled = False
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled = True

    assert cancelled
    assert overdue.end(task)
    assert 0 == task.cancelling()


async def test_every_call_that_is_overdue_is_cancelled():
    """One timer serves all, however many end before it rings."""
    overdue = Overdue(0)

    async def call(number: int) -> bool:
        task = overdue.begin()
        try:
            if number % 2:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
        return overdue.end(task)

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(call(number)) for number in range(6)]

    assert [False, True] * 3 == [each.result() for each in calls]


async def test_the_next_call_is_cancelled_when_its_own_time_is_over():
    """The timer that ends one call is set for the one after it."""
    overdue = Overdue(0)
    ends: list[bool] = []

    async def call() -> None:
        task = overdue.begin()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append(overdue.end(task))

    async with asyncio.TaskGroup() as group:
        group.create_task(call())
        await asyncio.sleep(0)
        overdue.seconds = 0.001
        group.create_task(call())

    assert [True, True] == ends


async def test_a_call_that_has_ended_is_left_alone():
    """Its task may do other things afterwards."""
    overdue = Overdue(0)
    task = overdue.begin()

    assert not overdue.end(task)
    await turns()
    assert 0 == task.cancelling()


async def test_calls_begun_later_are_watched_too():
    """After the last call has ended the timer is set anew for the next."""
    overdue = Overdue(0)
    for _ in range(2):
        task = overdue.begin()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert overdue.end(task)
        await turns()


async def test_a_call_that_has_time_left_goes_on():
    """What is cancelled is what is overdue, not all that is open."""
    overdue = Overdue(3600)
    task = overdue.begin()
    overdue._cancel()

    await turns()

    assert 0 == task.cancelling()
    assert not overdue.end(task)
    overdue._cancel()


async def test_a_call_that_another_cancelled_was_not_overdue():
    """Whoever cancels a task of its own accord sees it cancelled, also at the very moment its time is over."""
    overdue = Overdue(0)
    ends: list[bool] = []

    async def call() -> None:
        task = overdue.begin()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append(overdue.end(task))

    async with asyncio.TaskGroup() as group:
        withdrawn = group.create_task(call())
        await asyncio.sleep(0)
        withdrawn.cancel()

    assert withdrawn.cancelled()
    assert [False] == ends


async def test_what_is_overdue_twice_over_is_cancelled():
    """A task asked to cancel by both stays asked by the other."""
    overdue = Overdue(0)
    task = overdue.begin()
    overdue._cancel()
    task.cancel()

    assert not overdue.end(task)
    assert 1 == task.cancelling()
    task.uncancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        assert 0 == task.cancelling()
