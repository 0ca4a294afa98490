"""A day of a fleet: all replicas, callers and other clients of one org, for as many hours as wanted."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from service.governor.limits import Limits
from service.governor.local import LocalGovernor
from service.governor.replica import Replica
from tests.load.simulation.demand import Caller, Demand, Profile, callers_of, day_of, sources_of
from tests.load.simulation.loop import SimulatedClock, SimulatedLoop, clock_of_loop, simulate
from tests.load.simulation.org import DAY, MINUTE, Latency, Org
from tests.load.simulation.replica import Calls, PaperLane, Reads, Tolerance, World
from tests.load.simulation.store import PaperStore
from tests.load.simulation.tally import Moment, Tally

_MOMENT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The governors of all replicas, and the store that they share."""

    governors: Sequence[LocalGovernor]
    store: PaperStore | None = None


MakeFleet = Callable[[Limits, SimulatedClock, asyncio.TaskGroup, int], Fleet]
"""Makes the governors of so many replicas; what they run runs in the group."""


def leased(limits: Limits, clock: SimulatedClock, group: asyncio.TaskGroup, replicas: int) -> Fleet:
    """Let replicas share the budget and callers' caps by leases."""
    store = PaperStore(clock)
    limits = replace(limits, max_replicas=max(limits.max_replicas, replicas))
    shared = [Replica("prod", limits, store, clock, name=f"replica-{number}") for number in range(replicas)]
    for each in shared:
        group.create_task(each.run())
    return Fleet([LocalGovernor(limits, clock, org="prod", shared=each) for each in shared], store)


def unshared(limits: Limits, clock: SimulatedClock, _group: asyncio.TaskGroup, replicas: int) -> Fleet:
    """Leave each replica to itself: it knows of the others by what Salesforce tells of the org."""
    return Fleet([LocalGovernor(limits, clock, org="prod") for _ in range(replicas)])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated."""

    name: str
    demand: Demand
    maximum: int
    """The org's calls of 24 hours."""
    limits: Limits = field(default_factory=Limits)
    tolerance: Tolerance = field(default_factory=Tolerance)
    fleet: MakeFleet = leased
    others: float = 0.1
    """Share of the maximum that the org's other clients use, most of it by day."""
    yesterday: float = 0.0
    """Share of the maximum that was used the day before, by this fleet before it was started anew."""
    hours: float = 24.0
    latency: Latency = field(default_factory=Latency)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    plan: Plan
    callers: Sequence[Caller]
    tally: Tally
    round_trips: int
    """Times that replicas asked the store that they share."""


def run(plan: Plan) -> Outcome:
    """Simulate a plan; the same one ends the same."""
    return simulate(_run(plan))


async def _run(plan: Plan) -> Outcome:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    clock = clock_of_loop()
    dice = random.Random(plan.seed)
    callers = callers_of(plan.demand, dice)
    profile = day_of(14.0, 0.9) if plan.demand.is_diurnal else lambda _: 1.0
    org = Org(plan.maximum)
    org.fill(round(plan.yesterday * plan.maximum), day_of(12.0, 0.5) if plan.demand.is_diurnal else profile)
    tally = Tally(org, plan.limits)
    async with asyncio.TaskGroup() as group:
        fleet = plan.fleet(plan.limits, clock, group, plan.demand.replicas)

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            group.create_task(work)

        world = World(loop, org, plan.latency, tally, spawn)
        for number, governor in enumerate(fleet.governors):
            governor.learn(org.usage())
            writes, reads = sources_of(callers, number, clock, random.Random(dice.random()))
            PaperLane(Calls(governor, writes, world), writes, plan.tolerance).begin()
            Reads(Calls(governor, reads, world), reads).begin()
        await _others(org, plan.others * plan.maximum, profile, tally, fleet.governors, plan.hours * 3600.0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    return Outcome(plan, callers, tally, fleet.store.trips if fleet.store is not None else 0)


async def _others(
    org: Org, calls_a_day: float, profile: Profile, tally: Tally, governors: Sequence[LocalGovernor], seconds: float
) -> None:
    """Let the org's other clients make their calls until the end, and note how the day stands."""
    owed = 0.0
    for minute in range(int(seconds / MINUTE)):
        if minute * MINUTE % _MOMENT_SECONDS == 0:
            tally.moments.append(_moment(minute * MINUTE, org, tally, governors))
        owed += calls_a_day / DAY * MINUTE * profile(minute * MINUTE)
        for _ in range(int(owed)):
            org.call(minute * MINUTE)
        owed -= int(owed)
        await asyncio.sleep((minute + 1) * MINUTE - asyncio.get_running_loop().time())
    tally.moments.append(_moment(seconds, org, tally, governors))


def _moment(seconds: float, org: Org, tally: Tally, governors: Sequence[LocalGovernor]) -> Moment:
    holds = [governor.hold(1, 2) for governor in governors]
    return Moment(seconds, org.used, tally.calls, tally.writes, tally.write_calls, sum(holds) / len(holds))
