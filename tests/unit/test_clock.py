"""Time, and long work that shares it."""

import asyncio

import pytest

from service.clock import Turns, backoff_seconds
from service.context import CallContext
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


def test_pauses_double_up_to_a_bound() -> None:
    """The bound doubles from attempt to attempt and is never passed; jitter takes any part of it."""
    pauses = [
        backoff_seconds(attempt, base_seconds=0.5, longest_seconds=3.0, jitter=lambda: 0.5) for attempt in range(1, 5)
    ]

    assert [0.5, 1.0, 1.5, 1.5] == pauses


@pytest.mark.parametrize(("deadline", "expected"), [(None, True), (1002.1, True), (1002.0, False), (1000.0, False)])
def test_a_call_has_time_only_before_its_deadline(deadline: float | None, *, expected: bool) -> None:
    """A pause that ends with the deadline leaves no time for another attempt."""
    context = CallContext("test/Call", "r", FakeClock(monotonic=1000.0), deadline=deadline)

    assert expected == context.has_time_for(2.0)
