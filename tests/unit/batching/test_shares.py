"""Who pays for a call for several callers, and how urgent it is."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from service.batching.item import Outcome
from service.batching.policy import Policy
from service.context import CallContext, Priority
from service.salesforce.calls.writes import Operation, Row, Saved, WriteOptions
from tests.support.clock import ManualClock, settle
from tests.support.transport import call
from tests.unit.batching.conftest import RECORD_ID, ManualCalls, coalescer_of, prepared


class NotingCalls(ManualCalls):
    """Writes everything at once, and notes on whose behalf."""

    def __init__(self) -> None:
        super().__init__()
        self.contexts: list[CallContext] = []

    async def write_rows(
        self, _operation: Operation, rows: Sequence[Row], _options: WriteOptions, context: CallContext, *, field: str
    ) -> Sequence[Outcome]:
        """Note the context."""
        del field
        self.contexts.append(context)
        return [Saved(RECORD_ID) for _ in rows]


async def context_of(clock: ManualClock, *riders: tuple[str, Priority]) -> CallContext:
    """Return the context of the one call that carries a record of each rider."""
    calls = NotingCalls()
    async with coalescer_of(calls, clock) as coalescer, asyncio.TaskGroup() as group:
        for number, (caller, priority) in enumerate(riders):
            context = replace(call(clock), caller=caller, priority=priority)
            group.create_task(coalescer.write(prepared(f"r{number}"), context))
    (context,) = calls.contexts
    return context


async def test_riders_pay_by_their_records(clock: ManualClock) -> None:
    """The call takes its turn as the one with the fewest records, whom those of the others must not delay."""
    riders = [("bulk", Priority.STANDARD)] * 3 + [("shop", Priority.STANDARD)]

    context = await context_of(clock, *riders)

    assert {"bulk": 0.75, "shop": 0.25} == context.charged
    assert "shop" == context.caller


async def test_a_caller_that_rides_alone_pays_alone(clock: ManualClock) -> None:
    """There is nothing to share out."""
    context = await context_of(clock, ("bulk", Priority.BATCH), ("bulk", Priority.BATCH))

    assert ("bulk", {}, Priority.BATCH) == (context.caller, context.charged, context.priority)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
async def test_a_call_is_as_urgent_as_its_most_urgent_record(clock: ManualClock, order: list[int]) -> None:
    """Whoever waits for an answer does not wait for the night, whatever else rides along."""
    riders = [(f"c{number}", Priority(number)) for number in order]

    context = await context_of(clock, *riders)

    assert Priority.INTERACTIVE is context.priority


@pytest.mark.parametrize(("deadlines", "expected"), [([5, 9, 7], 9), ([5, None, 7], None)])
async def test_a_call_may_take_as_long_as_its_most_patient_record(
    clock: ManualClock, deadlines: list[int | None], expected: int | None
) -> None:
    """A caller in a hurry stops waiting by itself; it must not end the call of the others."""
    calls = NotingCalls()
    until = [None if seconds is None else clock.monotonic() + seconds for seconds in deadlines]
    async with coalescer_of(calls, clock) as coalescer, asyncio.TaskGroup() as group:
        for number, deadline in enumerate(until):
            group.create_task(coalescer.write(prepared(f"r{number}"), replace(call(clock), deadline=deadline)))

    assert [None if expected is None else clock.monotonic() + expected] == [each.deadline for each in calls.contexts]


async def test_callers_take_turns_by_their_weights(clock: ManualClock) -> None:
    """Of a call that all wait for, who weighs three times as much fills three times as much."""
    calls = ManualCalls()
    policy = Policy(busy_seconds=0, calls_in_flight=1, turn=1, turns={"heavy": 3})
    async with coalescer_of(calls, clock, policy) as coalescer:
        tasks = [asyncio.create_task(coalescer.write(prepared("first"), call(clock)))]
        await settle()
        for caller in ("light", "heavy"):
            context = replace(call(clock), caller=caller)
            tasks += [asyncio.create_task(coalescer.write(prepared(f"{caller}{n}"), context)) for n in range(300)]
        await settle()
        await calls.sent[0].succeed()
        second = calls.names[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert (50, 150) == tuple(sum(name.startswith(caller) for name in second) for caller in ("light", "heavy"))
