"""OrgService on an org that remembers whether it was asked."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from sluicegate.v1.org_pb2 import Limit as LimitMessage
from sluicegate.v1.org_service_pb2 import GetLimitsRequest, WatchLimitsRequest

from service.errors import DailyLimitExceeded, ShuttingDown
from service.governor.base import Statistics, Usage
from service.rpc.orgs import OrgService
from service.salesforce.calls.limits import Limit
from tests.support.clock import FakeClock, ManualClock, settle
from tests.support.transport import call


class FakeOrg:
    """An org with limits and a governor."""

    name = "prod"

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.statistics = Statistics(permits=7, in_flight=0, usage=None)

    async def limits(self, _context: Any) -> tuple[Limit, ...]:
        """Count the call."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Limit("DailyApiRequests", 1000, 400), Limit("DataStorageMB", 5, 4)

    def governor_statistics(self) -> Statistics:
        """Return how things stand."""
        return self.statistics


class Orgs:
    """A registry of one."""

    def __init__(self, org: FakeOrg) -> None:
        self._org = org

    def get(self, _name: str) -> FakeOrg:
        """Return the org."""
        return self._org


@pytest.fixture
def org() -> FakeOrg:
    """The org."""
    return FakeOrg()


@pytest.fixture
def draining() -> asyncio.Event:
    """What is set when the service ends."""
    return asyncio.Event()


@pytest.fixture
def service(org, draining) -> OrgService:
    """The service."""
    orgs: Any = Orgs(org)
    return OrgService(orgs, draining)


async def test_limits_are_read_and_explained(service, org):
    """What Salesforce says now, and not what it said before, comes with what the governor makes of it."""
    org.statistics = Statistics(permits=7, in_flight=0, usage=Usage(599, 1000))
    clock = FakeClock(now=1_700_000_000.5)

    limits = (await service.get_limits(GetLimitsRequest(), call(clock))).limits

    assert LimitMessage(name="DailyApiRequests", maximum=1000, remaining=400) == limits.api_requests
    assert ["DailyApiRequests", "DataStorageMB"] == [limit.name for limit in limits.limits]
    assert ("prod", 7, 1) == (limits.org, limits.governor.permits, org.asked)
    assert limits.observe_time.ToMilliseconds() == 1_700_000_000_500


@pytest.mark.parametrize(("used", "remaining"), [(600, 400), (1000, 0), (1001, 0)])
async def test_what_is_known_costs_no_call(service, org, used, remaining):
    """Salesforce is not asked; its last answer tells how many calls are left, never less than none."""
    org.statistics = Statistics(permits=7, in_flight=0, usage=Usage(used, 1000))

    limits = (await service.get_limits(GetLimitsRequest(known_only=True), call(FakeClock()))).limits

    assert LimitMessage(name="DailyApiRequests", maximum=1000, remaining=remaining) == limits.api_requests
    assert (0, 0, 7) == (org.asked, len(limits.limits), limits.governor.permits)


async def test_what_is_not_known_is_not_made_up(service):
    """Before Salesforce's first answer there is no figure for its limit."""
    limits = (await service.get_limits(GetLimitsRequest(known_only=True), call(FakeClock()))).limits

    assert not limits.HasField("api_requests")


@pytest.mark.parametrize(
    ("interval", "seconds"), [(None, 5), (Duration(seconds=1), 1), (Duration(seconds=2, nanos=500_000_000), 2.5)]
)
async def test_a_watch_tells_at_once_and_after_each_interval(service, org, interval, seconds):
    """No answer waits for the first interval to pass, and none costs a call."""
    clock = FakeClock(monotonic=0.0)
    told = []

    async with aclosing(service.watch_limits(WatchLimitsRequest(interval=interval), call(clock))) as answers:
        async for _ in answers:
            told.append(clock.monotonic())
            if len(told) == 3:
                break

    assert [0.0, seconds, 2 * seconds] == told
    assert org.asked == 0


async def test_a_watch_tells_what_changed(service, org):
    """Each answer is of its own time."""
    async with aclosing(service.watch_limits(WatchLimitsRequest(), call(FakeClock()))) as answers:
        before = await anext(answers)
        org.statistics = Statistics(permits=8, in_flight=0, usage=None)
        after = await anext(answers)

    assert (7, 8) == (before.limits.governor.permits, after.limits.governor.permits)


async def test_a_watch_may_ask_each_time(service, org):
    """Whoever wants Salesforce's limits pays a call for each answer, and hears why there is none."""
    answers = service.watch_limits(WatchLimitsRequest(ask_salesforce=True), call(FakeClock()))
    first = await anext(answers)
    await anext(answers)
    org.error = DailyLimitExceeded("none left")

    with pytest.raises(DailyLimitExceeded):
        await anext(answers)

    assert (2, 3) == (len(first.limits.limits), org.asked)


async def test_a_crowd_of_watchers_costs_one_call_a_second(service, org):
    """Each hears of its own time, though Salesforce is asked for all of them at once."""
    clock = ManualClock()
    request = WatchLimitsRequest(interval=Duration(seconds=1), ask_salesforce=True)
    crowd = [service.watch_limits(request, call(clock)) for _ in range(100)]
    await asyncio.gather(*(anext(each) for each in crowd))
    first = org.asked
    following = [asyncio.ensure_future(anext(each)) for each in crowd]
    await settle()
    await clock.pass_time(1.0)

    assert all(each.done() for each in following)
    assert (1, 2) == (first, org.asked)


async def test_what_keeps_one_watcher_from_asking_does_not_end_the_others(service, org):
    """A caller whose share is used up hears of it; the next one asks for itself."""
    org.error = DailyLimitExceeded("none left for its class")
    request = WatchLimitsRequest(ask_salesforce=True)
    with pytest.raises(DailyLimitExceeded):
        await anext(service.watch_limits(request, call(FakeClock())))
    org.error = None

    assert 2 == len((await anext(service.watch_limits(request, call(FakeClock())))).limits.limits)


async def test_ten_thousand_watchers_are_told_more_rarely(service):
    """What they cost together is bounded, and when most have gone the others are told as often as they wish."""
    clock = ManualClock()
    request = WatchLimitsRequest(interval=Duration(seconds=1))
    crowd = [service.watch_limits(request, call(clock)) for _ in range(10_000)]
    for each in crowd:
        await anext(each)
    patient = asyncio.ensure_future(anext(crowd[0]))
    await settle()
    await clock.pass_time(49.0)
    before = patient.done()
    await clock.pass_time(1.0)
    for each in crowd[1:]:
        await each.aclose()
    alone = asyncio.ensure_future(anext(crowd[0]))
    await settle()
    await clock.pass_time(1.0)

    assert not before
    assert patient.done()
    assert alone.done()


async def test_a_watch_ends_with_the_service(service, draining):
    """A replica that drains does not wait for those who would watch for ever; they go to another at once."""
    answers = service.watch_limits(WatchLimitsRequest(interval=Duration(seconds=60)), call(ManualClock()))
    await anext(answers)
    following = asyncio.ensure_future(anext(answers))
    await settle()
    assert not following.done()

    draining.set()
    await settle()

    with pytest.raises(ShuttingDown):
        await following


async def test_a_draining_replica_begins_no_watch(service, draining):
    """The first answer is missing, too, so that clients repeat the call by themselves."""
    draining.set()

    with pytest.raises(ShuttingDown):
        await anext(service.watch_limits(WatchLimitsRequest(), call(FakeClock())))


async def test_a_watch_that_is_left_leaves_nothing_behind(service):
    """A caller who goes during an interval takes the wait along."""
    answers = service.watch_limits(WatchLimitsRequest(), call(ManualClock()))
    await anext(answers)
    before = asyncio.all_tasks()
    following = asyncio.ensure_future(anext(answers))
    await settle()

    following.cancel()
    await settle()

    assert following.cancelled()
    assert before == asyncio.all_tasks()
