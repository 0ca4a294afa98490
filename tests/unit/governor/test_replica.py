"""Replicas that share an org's calls: what they may spend together, and what becomes of them without the store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.context import CallContext, Priority
from service.errors import CallerQuotaExceeded, Exhausted
from service.governor.base import Cost, Usage
from service.governor.exchange import Exchange, Report, Standing
from service.governor.lease import LEASE_SECONDS
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from service.governor.replica import Replica
from service.governor.sharing import Sharing
from service.governor.slots import Slots
from tests.support.clock import ManualClock, settle
from tests.support.scale import examples
from tests.support.shared_budget import PlaceInMemory

HOUR = 3600.0
STORE = "the shared store"


class Member:
    """One replica and its governor."""

    def __init__(self, clock: ManualClock, place: Exchange, limits: Limits, name: str) -> None:
        self.replica = Replica("prod", limits, place, clock, name=name)
        self.governor = LocalGovernor(limits, clock, org="prod", shared=self.replica, jitter=lambda: 1.0)
        self.task = asyncio.ensure_future(self.replica.run())
        self._clock = clock

    async def die(self) -> None:
        """End it without a word."""
        self.task.cancel()
        await settle()

    async def make(self, calls: int, caller: str = "", priority: Priority = Priority.INTERACTIVE) -> int:
        """Return how many of so many calls were made before one was refused. No time passes."""
        context = CallContext("method", "request", self._clock, caller=caller, priority=priority)
        for made in range(calls):
            try:
                self.governor.admit(context)
                async with self.governor.permit(Cost(), context):
                    pass
            except Exhausted:
                return made
        return calls

    @property
    def is_degraded(self) -> bool:
        """What its statistics say."""
        return self.governor.statistics().degraded


Grow = Callable[..., Member]


@asynccontextmanager
async def growing(clock: ManualClock, place: Exchange) -> AsyncIterator[Grow]:
    """Yield a function that starts replicas, by the limits they keep to."""
    members: list[Member] = []

    def grow(**limits: Any) -> Member:
        members.append(Member(clock, place, Limits(**limits), f"replica-{len(members)}"))
        return members[-1]

    yield grow
    for member in members:
        await member.die()


@pytest.fixture
def place(clock: ManualClock) -> PlaceInMemory:
    return PlaceInMemory(clock)


@pytest.fixture
async def grow(clock: ManualClock, place: PlaceInMemory) -> AsyncIterator[Grow]:
    async with growing(clock, place) as started:
        yield started


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What replicas log."""
    lines: list[str] = []

    def write(event: str, **facts: Any) -> None:
        lines.append(f"{event} {facts}")

    monkeypatch.setattr("service.governor.replica._log", SimpleNamespace(warning=write, info=write))
    return lines


async def spend(clock: ManualClock, members: Sequence[Member], per_second: int, seconds: float, **call: Any) -> int:
    """Let members make calls in turn at a rate together; return how many were made."""
    made = 0
    step = 0.1
    for tick in range(round(seconds / step)):
        for number in range(round(per_second * step)):
            made += await members[(tick + number) % len(members)].make(1, **call)
        await clock.pass_time(step)
    return made


@pytest.mark.parametrize("members", [1, 3])
async def test_a_bound_holds_over_all_replicas(clock, grow, members):
    """The service's own bound is not multiplied: 970 of 1,000 calls are for the most urgent class."""
    made = await spend(clock, [grow(daily_calls=1000) for _ in range(members)], 100, 20)

    assert 970 == made


async def test_a_callers_cap_holds_over_all_replicas(clock, grow):
    """The refusal tells what all replicas made; other callers go on."""
    limits = {"callers": {"billing": CallerLimits(daily_calls=500)}}
    members = [grow(**limits) for _ in range(3)]

    made = await spend(clock, members, 100, 10, caller="billing")
    others = await spend(clock, members, 100, 1, caller="shop")
    context = CallContext("method", "request", clock, caller="billing")
    with pytest.raises(CallerQuotaExceeded) as raised:
        members[0].governor.admit(context)

    assert (500, 100) == (made, others)
    assert "500" == raised.value.metadata["maximum"]
    assert 495 <= int(raised.value.metadata["used"]) <= 500
    assert 495 <= members[1].governor.statistics().callers["billing"].used <= 500


@pytest.mark.parametrize("hears", [True, False])
async def test_the_orgs_budget_holds_though_salesforce_tells_late(clock, grow, hears):
    """Overshoot stays within half a percent, whether answers tell the usage or told it once at the beginning."""
    members = [grow() for _ in range(3)]
    await settle()
    made = 0
    for member in members:
        member.governor.learn(Usage(0, 10_000))
    for _ in range(200):
        for member in members:
            made += await member.make(30)
            if hears:
                member.governor.learn(Usage(made, 10_000))
        await clock.pass_time(0.25)

    assert 9_700 * 0.995 <= made <= 9_700 * 1.005


async def test_classes_stop_at_their_reserves_over_all_replicas(clock, grow):
    """BATCH calls end at 70 percent of the org's calls, and the others do not notice."""
    members = [grow() for _ in range(3)]
    for member in members:
        member.governor.learn(Usage(0, 10_000))

    batch = await spend(clock, members, 300, 40, priority=Priority.BATCH)
    standard = await spend(clock, members, 300, 2, priority=Priority.STANDARD)

    assert 7_000 * 0.985 <= batch <= 7_000 * 1.005
    assert 600 == standard


async def test_a_slow_store_is_no_absent_one(clock, place):
    """A tenth of a second for each exchange holds no call up and lets no bound be passed by much."""

    class Slow:
        async def exchange(self, report: Report) -> Standing | None:
            await clock.sleep(0.05)
            standing: Standing | None = await place.exchange(report)
            await clock.sleep(0.05)
            return standing

    async with growing(clock, Slow()) as grow:
        members = [grow(daily_calls=2_000) for _ in range(3)]
        made = await spend(clock, members, 100, 40)
        degraded = [member.is_degraded for member in members]

    assert 1_940 * 0.995 <= made <= 1_940 * 1.005
    assert [False] * 3 == degraded


async def test_a_steady_load_asks_seldom(clock, grow):
    """No more than twenty round trips for 1,000 calls."""
    members = [grow(callers={"billing": CallerLimits(daily_calls=50_000)}) for _ in range(3)]
    for member in members:
        member.governor.learn(Usage(0, 1_000_000))

    made = await spend(clock, members, 60, 100, caller="billing")

    assert 6_000 == made
    assert sum(member.replica.round_trips for member in members) <= 20 * 6


async def test_a_class_at_its_reserve_costs_the_others_no_round_trips(clock, grow):
    """An org may stand at 70 percent all day."""
    members = [grow() for _ in range(3)]
    for member in members:
        member.governor.learn(Usage(699_900, 1_000_000))

    made = await spend(clock, members, 60, 100, priority=Priority.STANDARD)

    assert 6_000 == made
    assert sum(member.replica.round_trips for member in members) <= 20 * 6


async def test_a_burst_is_not_refused_while_much_is_left(clock, grow):
    """An idle replica makes more calls at once than it leased, and any number once it has asked."""
    members = [grow() for _ in range(3)]
    members[0].governor.learn(Usage(50_000, 100_000))
    await clock.pass_time(60)

    first = await members[1].make(30)
    await clock.pass_time(0.05)
    second = await members[1].make(1_000)

    assert (30, 1_000) == (first, second)


async def test_a_new_replica_knows_what_was_made_before(clock, grow):
    """It hears of the calls of 24 hours and of what Salesforce told, and they leave its window in time."""
    first = grow(daily_calls=10_000, callers={"billing": CallerLimits(daily_calls=2_000)})
    first.governor.learn(Usage(0, 100_000))
    await spend(clock, [first], 100, 10, caller="billing")
    await clock.pass_time(HOUR)
    first.governor.learn(Usage(3_000, 100_000))
    await spend(clock, [first], 100, 5, caller="billing")
    await clock.pass_time(60)

    second = grow(daily_calls=10_000, callers={"billing": CallerLimits(daily_calls=2_000)})
    await clock.pass_time(1)
    found = second.governor.statistics()
    made = await spend(clock, [second], 100, 10, caller="billing")
    clock.advance(23.5 * HOUR)

    assert (1500.0, 1500.0) == (found.own_calls, found.callers["billing"].used)
    assert found.usage is not None
    assert (3_500, 100_000) == (found.usage.used, found.usage.maximum)
    assert 490 <= made <= 500
    assert pytest.approx(1000, abs=12) == second.governor.statistics().callers["billing"].used


async def test_what_a_dead_replica_leased_comes_back(clock, grow):
    """The others wait for the end of its lease and no longer; one that leaves gives it back at once."""
    dead, leaving, living = [grow(daily_calls=1_000) for _ in range(3)]
    await clock.pass_time(1)
    made = await spend(clock, [dead, leaving, living], 100, 5)
    await dead.die()
    await leaving.die()
    await leaving.replica.leave()

    made += await spend(clock, [living], 100, 5)
    before = made
    await clock.pass_time(LEASE_SECONDS)
    made += await spend(clock, [living], 100, 5)

    assert before < made
    # What the dead one made since it told last nobody knows; it leased no more than that.
    assert 970 <= made <= 970 + 80


async def test_without_the_store_each_keeps_to_its_safe_share(clock, grow, place, logged):
    """Eight tenths of what was left, by the most replicas that may run; it says so, once."""
    members = [grow(daily_calls=10_000) for _ in range(3)]
    before = await spend(clock, members, 60, 10)
    place.is_away = True
    await clock.pass_time(LEASE_SECONDS + 5)

    degraded = [member.is_degraded for member in members]
    made = [await member.make(10_000) for member in members]
    lines = list(logged)
    place.is_away = False
    await clock.pass_time(2)
    after = sum([await spend(clock, members, 300, 60)])

    share = 0.08 * (9_700 - before)
    assert [True] * 3 == degraded
    assert [pytest.approx(share, rel=0.08)] * 3 == made
    assert 3 == len(lines) == sum(STORE in line and "safe share" in line for line in lines)
    assert [False] * 3 == [member.is_degraded for member in members]
    assert 6 == len(logged)
    assert 9_700 == before + sum(made) + after


async def test_without_the_store_salesforce_tells_what_the_others_made(clock, grow, place):
    """A long outage costs an org's budget nothing: the share is taken anew of what is left by the last answer."""
    members = [grow() for _ in range(3)]
    place.is_away = True
    used = 0
    for minute in range(120):
        for member in members:
            used += await member.make(200)
            member.governor.learn(Usage(used, 30_000))
        await clock.pass_time(61 if minute else 1)

    assert 29_100 * 0.9 <= used <= 29_100 * 1.005


@pytest.mark.parametrize("loses", ["everything", "the last hour"])
async def test_a_store_that_forgets_is_reminded(clock, grow, place, loses):
    """Nobody gets its share a second time."""
    members = [grow(daily_calls=1_000) for _ in range(3)]
    made = await spend(clock, members, 100, 2)
    photograph = place.photograph()
    made += await spend(clock, members, 100, 3)
    if loses == "everything":
        place.forget()
    else:
        place.go_back(photograph)

    made += await spend(clock, members, 50, 40)
    newcomer = grow(daily_calls=1_000)
    await clock.pass_time(1)

    assert 970 * 0.995 <= made <= 970 * 1.005
    assert pytest.approx(made, abs=1) == newcomer.governor.statistics().own_calls


async def test_leases_that_the_store_forgot_count_until_they_are_told_again(clock, grow, place):
    """Who tells first after the loss does not lease what another one holds."""
    first, second = grow(daily_calls=1_000), grow(daily_calls=1_000)
    await clock.pass_time(5)
    place.forget()
    await second.make(20)
    await settle()
    await clock.pass_time(0.1)
    before = second.replica.budget.lease.held_elsewhere
    await clock.pass_time(11)
    after = second.replica.budget.lease.held_elsewhere
    place.forget()
    await first.die()
    await clock.pass_time(LEASE_SECONDS / 2)
    held = second.replica.budget.lease.held_elsewhere
    await clock.pass_time(LEASE_SECONDS)

    assert (10.0, 10.0, 10.0) == (before, after, held)
    assert 0.0 == second.replica.budget.lease.held_elsewhere


async def test_a_smaller_lease_holds_from_when_it_is_told(clock, grow, place):
    """The store may have heard it though no answer came."""
    member = grow(daily_calls=10_000)
    await spend(clock, [member], 100, 5)
    leased = member.replica.budget.lease.unspent
    await clock.pass_time(30)
    place.is_away = True
    member.replica.budget.lease.unspent = leased
    await clock.pass_time(10.5)

    assert leased > 50
    assert 10.0 == member.replica.budget.lease.unspent


async def test_calls_made_while_the_store_is_asked_are_of_the_next_lease(clock, place):
    """An answer takes a while, and calls go on."""

    class Busy:
        async def exchange(self, report: Report) -> Standing | None:
            await member.make(3)
            standing: Standing | None = await place.exchange(report)
            return standing

    async with growing(clock, Busy()) as grow:
        member = grow(daily_calls=10_000)
        await settle()
        lease = member.replica.budget.lease

    assert (7.0, 3.0) == (lease.unspent, lease.untold)


async def test_an_answer_that_is_lost_counts_calls_once(clock, grow, place, logged):
    """The store knows already what it is told again; one failure is no outage."""
    member = grow(daily_calls=1_000)
    await clock.pass_time(1)
    await member.make(20)
    place.loses_answers = True
    await clock.pass_time(10)
    place.loses_answers = False
    await member.make(7)
    await clock.pass_time(60)
    other = grow(daily_calls=1_000)
    await clock.pass_time(1)

    assert 27.0 == other.governor.statistics().own_calls
    assert 27.0 == member.governor.statistics().own_calls


async def test_one_lost_exchange_is_no_outage(clock, grow, place, logged):
    """It is tried again at once, and nobody is told."""
    member = grow()
    await clock.pass_time(1)
    place.is_away = True
    await clock.pass_time(10.05)
    place.is_away = False
    await clock.pass_time(1)

    assert (False, []) == (member.is_degraded, logged)


async def test_long_running_requests_of_others_take_slots(clock, place):
    """A replica lets no STANDARD call begin while all together have as many as there are; then it does by itself."""
    replicas, slots = [], []
    for name in ("one", "two"):
        replicas.append(Replica("prod", Limits(), place, clock, name=name))
        slots.append(Slots(20, 25))
        replicas[-1].watch(slots[-1])
    woken: list[int] = []
    slots[1].on_room = lambda: woken.append(1)
    tasks = [asyncio.ensure_future(replica.run()) for replica in replicas]
    for number in range(15):
        slots[0].begin(number, "", clock.monotonic())
    await clock.pass_time(35)
    during = (slots[1].common, slots[1].interactive)
    for number in range(15):
        slots[0].end(number, "")
    await clock.pass_time(15)
    after = (slots[1].common, slots[1].interactive)
    place.is_away = True
    await clock.pass_time(15)
    for task in tasks:
        task.cancel()

    assert ((5, 10), (20, 25)) == (during, after)
    assert (1, 2) == (slots[1].common, slots[1].interactive)
    assert [1] == woken


async def test_leaving_gives_leases_back(clock, place):
    """Whoever closes the service takes nothing along, and is not held up by a store that is away."""
    limits = Limits(daily_calls=1_000)
    async with Sharing(lambda _org: place, clock) as sharing:
        sharing.join("prod", limits)
        await settle()
        during = place.photograph().members
    after = place.photograph().members
    async with Sharing(lambda _org: place, clock) as away:
        away.join("prod", limits)
        place.is_away = True

    assert [10.0] == [member.leases[""] for member in during.values()]
    assert [0.0] == [member.leases[""] for member in after.values()]


Bursts = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 25), st.sampled_from([0.0, 0.01, 0.05, 0.3, 2.0])),
    min_size=60,
    max_size=200,
)


@settings(max_examples=examples(25))
@given(bursts=Bursts)
@example(bursts=[(number % 3, 25, 0.0) for number in range(150)])
@example(bursts=[(0, 25, 0.05)] * 130 + [(1, 25, 0.0), (2, 25, 0.0)] * 2)
async def test_no_order_of_bursts_passes_the_bound_by_much(bursts):
    """Calls that come while the store is being asked pass a bound by half a percent at most."""
    clock = ManualClock()
    async with growing(clock, PlaceInMemory(clock)) as grow:
        members = [grow(daily_calls=2_000) for _ in range(3)]
        await settle()
        made = 0
        for index, calls, seconds in bursts:
            made += await members[index].make(calls)
            if seconds:
                await clock.pass_time(seconds)
            else:
                await settle()

    assert made <= 1_940 * 1.005
