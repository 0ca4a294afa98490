"""A crowd before an org that takes few calls at a time: who has a turn, and how long it is waited for."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from service.context import CallContext, Priority
from service.errors import Exhausted
from service.governor.base import Cost
from service.governor.limits import CallerLimits, Limits
from service.governor.local import LocalGovernor
from tests.load.simulation.demand import RUNAWAY
from tests.load.simulation.loop import SimulatedClock, clock_of_loop, simulate
from tests.load.simulation.org import observed
from tests.load.simulation.tally import jain

_METHOD = "sluicegate.v1.QueryService/Query"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes, and what the org takes. Nobody comes back after a refusal."""

    callers: int = 1_000
    weights: tuple[float, ...] = (1.0,)
    """Callers have them in turn."""
    at_a_time: int = 16
    """Calls that the org takes."""
    call_seconds: float = 0.5
    demand: float = 0.75
    """Calls that the callers want together, as a part of those that the org takes."""
    runaway: float = 0.0
    """The same of one more caller."""
    deadline_seconds: float = 10.0
    seconds: float = 300.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Served:
    """What became of the crowd; the runaway apart."""

    wanted: int
    served: int
    p50_seconds: float
    """From coming to the answer, of those that were served."""
    p99_seconds: float
    jain: float
    """Jain's index of what callers got by their weights, where they want more than there is; else of what they
    wanted."""
    runaway_served: int


def run(crowd: Crowd) -> Served:
    """Let a crowd come; the same one ends the same."""
    return simulate(_Run(crowd).run())


class _Run:
    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._weights = {
            f"caller-{number}": crowd.weights[number % len(crowd.weights)] for number in range(crowd.callers)
        }
        self._dice = random.Random(crowd.seed)
        self._wanted: Counter[str] = Counter()
        self._seconds: dict[str, list[float]] = {}

    async def run(self) -> Served:
        crowd, clock = self._crowd, clock_of_loop()
        limits = Limits(
            max_in_flight=crowd.at_a_time,
            max_waiting=100_000,
            callers={name: CallerLimits(weight=weight) for name, weight in self._weights.items()},
        )
        governor = LocalGovernor(limits, clock, org="prod", jitter=self._dice.random)
        capacity = crowd.at_a_time / crowd.call_seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self._come(list(self._weights), crowd.demand * capacity, governor, clock, group))
            if crowd.runaway:
                group.create_task(self._come([RUNAWAY], crowd.runaway * capacity, governor, clock, group))
        return self._served(self._weights)

    async def _come(
        self,
        names: list[str],
        per_second: float,
        governor: LocalGovernor,
        clock: SimulatedClock,
        group: asyncio.TaskGroup,
    ) -> None:
        while (now := clock.monotonic()) < self._crowd.seconds:
            name = self._dice.choice(names)
            context = CallContext(
                _METHOD, name, clock, now + self._crowd.deadline_seconds, caller=name, priority=Priority.STANDARD
            )
            group.create_task(self._call(context, governor, clock))
            await clock.sleep(self._dice.expovariate(per_second))

    async def _call(self, context: CallContext, governor: LocalGovernor, clock: SimulatedClock) -> None:
        came = clock.monotonic()
        self._wanted[context.caller] += 1
        try:
            async with governor.permit(Cost(), context):
                seconds = self._crowd.call_seconds * self._dice.uniform(0.5, 1.5)
                await clock.sleep(seconds)
                governor.observe(observed(well=True, seconds=seconds))
        except Exhausted:
            return
        self._seconds.setdefault(context.caller, []).append(clock.monotonic() - came)

    def _served(self, weights: Mapping[str, float]) -> Served:
        got = {name: len(self._seconds.get(name, ())) for name in weights}
        if self._crowd.demand > 1.0:
            shares = [got[name] / weight for name, weight in weights.items()]
        else:
            shares = [got[name] / self._wanted[name] for name in weights if self._wanted[name]]
        seconds = sorted(each for name in weights for each in self._seconds.get(name, ()))
        return Served(
            wanted=sum(self._wanted[name] for name in weights),
            served=len(seconds),
            p50_seconds=seconds[len(seconds) // 2],
            p99_seconds=seconds[int(len(seconds) * 0.99)],
            jain=jain(shares),
            runaway_served=len(self._seconds.get(RUNAWAY, ())),
        )
