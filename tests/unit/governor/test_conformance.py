"""What every governor keeps to."""

import asyncio
from collections.abc import Callable

import pytest

from service.clock import Clock
from service.context import CallContext, Priority
from service.governor.base import Cost, Governor, Observed, Sign, Usage
from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.governor.noop import NoopGovernor
from service.governor.replica import Replica
from tests.support.clock import ManualClock
from tests.support.shared_budget import PlaceInMemory

Make = Callable[[Clock], Governor]


def local(clock: Clock) -> Governor:
    return LocalGovernor(Limits(), clock, org="prod", jitter=lambda: 0.5)


def shared(clock: Clock) -> Governor:
    replica = Replica("prod", Limits(), PlaceInMemory(clock), clock, name="one")
    return LocalGovernor(Limits(), clock, org="prod", shared=replica, jitter=lambda: 0.5)


def noop(_clock: Clock) -> Governor:
    return NoopGovernor()


@pytest.fixture(params=[local, shared, noop], ids=lambda make: make.__name__)
def governor(request: pytest.FixtureRequest, clock: ManualClock) -> Governor:
    make: Make = request.param
    return make(clock)


async def test_a_permit_is_given_at_once_while_nothing_is_short(governor: Governor, context: CallContext):
    """An idle governor lets a call pass and counts the permit."""
    governor.admit(context)
    async with governor.permit(Cost(), context):
        during = governor.statistics()
    after = governor.statistics()

    assert (1, 1) == (during.permits, during.in_flight)
    assert (1, 0) == (after.permits, after.in_flight)


async def test_a_permit_comes_back_however_the_attempt_ends(governor: Governor, context: CallContext):
    """A failure and a cancellation return the permit and reach the caller unchanged."""

    async def fail() -> None:
        async with governor.permit(Cost(), context):
            raise ConnectionError

    async def hang() -> None:
        async with governor.permit(Cost(), context):
            await asyncio.Event().wait()

    with pytest.raises(ConnectionError):
        await fail()
    task = asyncio.ensure_future(hang())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (2, 0) == (governor.statistics().permits, governor.statistics().in_flight)


async def test_usage_is_told_as_it_was_learned(governor: Governor):
    """What Salesforce said last is what the statistics say."""
    before = governor.statistics().usage
    governor.learn(Usage(10, 100_000))
    governor.learn(Usage(12, 100_000))

    assert before is None
    assert Usage(12, 100_000) == governor.statistics().usage


@pytest.mark.parametrize("sign", list(Sign))
async def test_every_sign_may_be_observed_at_any_time(governor: Governor, context: CallContext, sign: Sign):
    """No sign makes a governor fail, though it knows nothing of the org yet and no permit was given."""
    governor.observe(Observed(sign, 0.1))
    governor.observe(Observed(sign, 0.1, retry_after_seconds=3.0))

    assert 0 == governor.statistics().in_flight


@pytest.mark.parametrize("priority", list(Priority))
async def test_nothing_is_held_back_while_calls_are_plenty(governor: Governor, make_context, priority: Priority):
    """The price of a call is 0 with a tenth of the allocation used."""
    governor.learn(Usage(10_000, 100_000))
    async with governor.permit(Cost(), make_context(priority=priority)):
        pass

    assert 0.0 == governor.hold(1, 200)


async def test_a_full_call_is_never_held_back(governor: Governor):
    """Whatever the price, a call that can carry no more leaves."""
    governor.learn(Usage(99_999, 100_000))

    assert 0.0 == governor.hold(200, 200)
