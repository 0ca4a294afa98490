"""How many results are read at a time, and whose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.context import CallContext
from service.errors import ConcurrencyLimitExceeded
from service.query.open_results import OpenResults
from tests.support.clock import ManualClock, settle


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


class Readers:
    """Callers that read results until they are told to end."""

    def __init__(self, results: OpenResults, clock: ManualClock) -> None:
        self._results = results
        self._clock = clock
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.reading: list[str] = []

    async def start(self, name: str, caller: str = "") -> None:
        """Let one begin."""
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._read(name, caller))
        await settle()

    async def end(self, name: str) -> None:
        """Let one end."""
        self._ends[name].set()
        await settle()

    async def _read(self, name: str, caller: str) -> None:
        context = CallContext("m", name, self._clock, caller=caller)
        async with self._results.place(context):
            self.reading.append(name)
            await self._ends[name].wait()
        self.reading.remove(name)


@asynccontextmanager
async def readers(most: int, clock: ManualClock) -> AsyncIterator[Readers]:
    """Yield readers of so many results at a time; those that are left are cancelled."""
    found = Readers(OpenResults(most, "prod"), clock)
    try:
        yield found
    finally:
        for task in found.tasks.values():
            task.cancel()
        await asyncio.gather(*found.tasks.values(), return_exceptions=True)


async def test_who_finds_no_place_waits_for_one(clock):
    """They begin in their order as others end."""
    async with readers(2, clock) as reading:
        for name in "abcd":
            await reading.start(name)
        before = reading.reading.copy()
        await reading.end("a")

        assert ["a", "b"] == before
        assert ["b", "c"] == reading.reading


async def test_a_caller_that_reads_nothing_leaves_places_to_others(clock):
    """A fifth is for callers that hold less than that."""
    async with readers(10, clock) as reading:
        for number in range(12):
            await reading.start(f"greedy-{number}", "greedy")
        for number in range(3):
            await reading.start(f"modest-{number}", "modest")

        assert [*(f"greedy-{number}" for number in range(8)), "modest-0", "modest-1"] == reading.reading


async def test_nobody_waits_for_ever(clock):
    """After half a minute the call is refused, and says how many are open and whose."""
    async with readers(1, clock) as reading:
        await reading.start("a", "one")
        await reading.start("b", "two")
        await clock.pass_time(30.0)

        with pytest.raises(ConcurrencyLimitExceeded) as raised:
            await reading.tasks["b"]

    assert ("open_results", "1", "1") == tuple(
        raised.value.metadata[name] for name in ("limit", "in_flight", "concurrency_limit")
    )
    assert raised.value.retry_after_seconds


async def test_a_reader_that_leaves_gives_its_place_up(clock):
    """Whether it waits, has its turn just now, or reads."""
    async with readers(1, clock) as reading:
        for name in "abcd":
            await reading.start(name)
        reading.tasks["b"].cancel()
        await settle()
        reading._ends["a"].set()
        await asyncio.sleep(0)
        reading.tasks["c"].cancel()
        await settle()
        last = reading.reading.copy()
        reading.tasks["d"].cancel()
        await settle()
        await reading.start("e")

        assert ["d"] == last
        assert "e" in reading.reading
