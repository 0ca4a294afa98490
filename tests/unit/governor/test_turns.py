"""Whose turn it is when things go wrong: callers that leave, pauses, objects that have their fill, greedy callers."""

import asyncio

import pytest

from service.context import Priority
from service.errors import ConcurrencyLimitExceeded
from service.governor.base import Cost, Observed, Sign
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from tests.support.attempts import attempts_of
from tests.support.clock import ManualClock, settle

ACCOUNT = Cost(bulkhead="account")


def govern(clock: ManualClock, **limits) -> LocalGovernor:
    return LocalGovernor(Limits(**limits), clock, org="prod", jitter=lambda: 1.0)


async def test_a_probe_cancelled_as_its_turn_comes_leaves_the_gate_to_the_next(clock, context):
    """The one that would have found out how the allocation stands has gone; another one does."""
    governor = govern(clock, max_in_flight=1)
    async with attempts_of(governor) as attempts:
        await attempts.start("old", context)
        await attempts.start("gone", context)
        governor.observe(Observed(Sign.USED_UP, 1.0))
        clock.advance(301)
        attempts.let_end("old")
        await asyncio.sleep(0)
        granted = governor.statistics().permits
        attempts.tasks["gone"].cancel()
        await settle()
        clock.advance(11)
        await attempts.start("next", context)

        assert 2 == granted
        assert ["old", "next"] == attempts.begun


@pytest.mark.parametrize("leaves", ["cancelled", "overdue", "refused"])
async def test_who_is_called_back_for_its_object_and_leaves_calls_the_next(clock, make_context, leaves: str):
    """Its place is another's: nobody of its object is left who could end and so call the others back."""
    governor = govern(clock, max_in_flight=2)
    async with attempts_of(governor) as attempts:
        await attempts.start("first", make_context(), ACCOUNT)
        deadline = clock.monotonic() + 2.0 if leaves == "overdue" else None
        await attempts.start("second", make_context(deadline=deadline), ACCOUNT)
        await attempts.start("third", make_context(), ACCOUNT)
        governor.observe(Observed(Sign.USED_UP if leaves == "refused" else Sign.OVERLOADED, 0.1))
        await attempts.end("first")
        if leaves == "cancelled":
            attempts.tasks["second"].cancel()
        await clock.pass_time(20.0)

        assert attempts.tasks["second"].done()
        assert 0 == governor.statistics().waiting
        assert (["first"] if leaves == "refused" else ["first", "third"]) == attempts.begun


async def test_interactive_calls_keep_within_the_orgs_long_running_limit(clock, make_context):
    """Salesforce would refuse the one above it, and the ones of all the org's other clients with it."""
    governor = govern(clock, long_running_limit=3, long_running_headroom=1)
    context = make_context(priority=Priority.INTERACTIVE)
    async with attempts_of(governor) as attempts:
        for number in range(3):
            await attempts.start(f"long-{number}", context)
        await clock.pass_time(20.0)
        await attempts.start("waiting", context)
        before = attempts.begun.copy()
        await attempts.end("long-0")

        assert "waiting" not in before
        assert "waiting" in attempts.begun


async def test_callers_that_fill_the_waiting_room_leave_places_to_others(clock, make_context):
    """Nobody takes more places than are left, so that whoever has few waiting always finds one."""
    governor = govern(clock, max_in_flight=1, max_waiting=40, max_waiting_per_caller=30)
    refused = 0
    async with attempts_of(governor) as attempts:
        for caller in ("greedy-1", "greedy-2", "greedy-3"):
            for number in range(40):
                task = await attempts.start(f"{caller}-{number}", make_context(caller=caller))
                refused += task.done()
        modest = [await attempts.start(f"modest-{number}", make_context(caller="modest")) for number in range(3)]

        assert not any(task.done() for task in modest)
        assert refused > 0
        with pytest.raises(ConcurrencyLimitExceeded) as raised:
            await attempts.tasks["greedy-1-39"]
        assert "max_waiting_per_caller" == raised.value.metadata["limit"]


async def test_callers_that_are_not_told_apart_pay_together_where_they_ride_along(clock, make_context):
    """Names without end would else be charged to nobody, and always be next."""
    governor = govern(clock, max_in_flight=1, max_callers=1)
    governor.admit(make_context(caller="honest"))
    async with attempts_of(governor) as attempts:
        await attempts.start("first", make_context(caller="honest"))
        for number in range(6):
            riders = {f"{number}-a": 0.5, f"{number}-b": 0.5}
            await attempts.start(f"crowd-{number}", make_context(caller=f"{number}-a", charged=riders))
        for number in range(6):
            await attempts.start(f"honest-{number}", make_context(caller="honest"))
        for _ in range(6):
            await attempts.end(attempts.begun[-1])

        assert 3 == sum(name.startswith("honest") for name in attempts.begun[1:])


async def test_whoever_has_many_waiting_expects_more_turns_before_its_next(clock, make_context):
    """One whose own attempts wait is told that it would be in vain while a newcomer's turn comes in time."""
    governor = govern(clock, max_in_flight=1)
    async with attempts_of(governor) as attempts:
        governor.observe(Observed(Sign.WELL, 1.0))
        await attempts.start("open", make_context(caller="other"))
        for number in range(4):
            await attempts.start(f"greedy{number}", make_context(caller="greedy"))
        await attempts.start("waits", make_context(caller="other"))
        deadline = clock.monotonic() + 9.0
        hasty = await attempts.start("hasty", make_context(caller="greedy", deadline=deadline))
        hurried = await attempts.start("hurried", make_context(caller="new", deadline=clock.monotonic() + 3.0))
        newcomer = await attempts.start("newcomer", make_context(caller="new", deadline=deadline))

        assert isinstance(hasty.exception(), ConcurrencyLimitExceeded)
        assert isinstance(hurried.exception(), ConcurrencyLimitExceeded)
        assert not newcomer.done()
        for name in ("open", "greedy0", "waits"):
            await attempts.end(name)
        assert "newcomer" in attempts.begun
