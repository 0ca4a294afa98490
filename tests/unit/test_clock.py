"""Time, and long work that shares it."""

import asyncio

from service.clock import Turns
from tests.support.clock import FakeClock


async def test_long_work_gives_turns_by_the_time_it_took():
    """Whoever works asks as often as it likes; others run each time five milliseconds are over."""
    clock = FakeClock()
    seen = 0

    async def other() -> None:
        nonlocal seen
        while True:
            await asyncio.sleep(0)
            seen += 1

    others = asyncio.ensure_future(other())
    turns = Turns(clock)
    for _ in range(100):
        clock.advance(1 / 512)
        await turns.give()
    others.cancel()

    assert 32 == seen
